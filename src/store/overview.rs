//! Counting for operators: what waits in the retry queues, and the dead letters by cause. Nothing here is read for a
//! request; the `MonitorActor` decides how often.
//!
//! Counts come from keys and index entries alone: 20,000 rows take about 20 ms in a debug build, grouping them by state
//! takes 170 ms. Dead letters are grouped only when their number has changed.

use std::collections::BTreeMap;

use surrealdb::types::{RecordId, SurrealValue};

use super::{
    Result, Store,
    deliveries::NEVER,
    events,
    keys::{self, parts},
    query::Query,
};
use crate::domain::{EventId, Timestamp};

/// Reads what the overview of a node needs from the database.
#[derive(Clone)]
pub struct OverviewReads {
    store: Store,
}

/// A question about one worker.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The name its rows carry.
    pub subscription: String,
    /// The first events behind its cursors, where it has not reached the end of a log.
    pub unsettled: Vec<EventId>,
}

/// What waits for one worker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneCounts {
    /// Rows in its retry queue.
    pub rows: u64,
    /// Those of them that wait for an approval.
    pub held: u64,
    /// When the oldest event happened that it has not finished.
    pub oldest_at: Option<Timestamp>,
}

/// The dead letters of this moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadLetterCounts {
    /// How many each subscription has.
    pub subscriptions: BTreeMap<String, u64>,
    /// By cause, the most frequent first; no more than were asked for.
    pub causes: Vec<CauseCount>,
}

/// Dead letters that share a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CauseCount {
    /// The cause's id; `unknown` for letters from before causes were kept.
    pub cause: String,
    /// The worker whose they are.
    pub worker: String,
    /// The failures' class.
    pub class: String,
    /// What went wrong, without what differs from letter to letter.
    pub message: String,
    /// How many there are.
    pub count: u64,
}

#[derive(SurrealValue)]
struct CountRow {
    n: i64,
}

#[derive(SurrealValue)]
struct CauseRow {
    subscription: String,
    why: String,
    kind: String,
    told: String,
    n: i64,
}

impl OverviewReads {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// What waits for each of these workers, in their order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn waiting(&self, asked: &[Waiting]) -> Result<Vec<LaneCounts>> {
        let mut text = String::new();
        let mut query = Query::new("").bind("never", NEVER);
        for (number, waiting) in asked.iter().enumerate() {
            text.push_str(&format!(
                "SELECT count() AS n FROM $rows_{number} GROUP ALL; \
                 SELECT count() AS n FROM delivery WHERE worker = $lane_{number} AND due = $never GROUP ALL; \
                 SELECT VALUE event.at FROM array::first([$rows_{number}]) LIMIT 1; \
                 SELECT VALUE event.at FROM $next_{number}; "
            ));
            let next: Vec<RecordId> = waiting.unsettled.iter().map(|event| events::event_id(*event)).collect();
            query = query
                .bind(format!("rows_{number}"), all_of("delivery", &waiting.subscription))
                .bind(format!("lane_{number}"), waiting.subscription.clone())
                .bind(format!("next_{number}"), next);
        }
        let mut answers = self.store.read(query.with_text(text)).await?;
        (0..asked.len())
            .map(|number| {
                let first = number * 4;
                let rows = count(answers.row(first)?);
                let held = count(answers.row(first + 1)?);
                let mut times: Vec<i64> = answers.rows(first + 2)?;
                times.extend(answers.rows::<i64>(first + 3)?);
                Ok(LaneCounts { rows, held, oldest_at: times.into_iter().min().map(Timestamp::from_millis) })
            })
            .collect()
    }

    /// How many dead letters there are.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_dead_letters(&self) -> Result<u64> {
        let query = Query::new("SELECT count() AS n FROM dead_letter GROUP ALL");
        Ok(count(self.store.read(query).await?.row(0)?))
    }

    /// The dead letters by worker and by their `top` most frequent causes. Reads all of them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn dead_letters(&self, top: usize) -> Result<DeadLetterCounts> {
        let text = "SELECT id[0] AS subscription, (cause ?? 'unknown') AS why, (class ?? 'unknown') AS kind, \
                    (cause_text ?? '') AS told, count() AS n FROM dead_letter GROUP BY subscription, why, kind, told";
        let rows: Vec<CauseRow> = self.store.read(Query::new(text)).await?.rows(0)?;
        let mut counts = DeadLetterCounts::default();
        for row in rows {
            let n = number(row.n);
            let worker = row.subscription.split('@').next().unwrap_or_default().to_owned();
            *counts.subscriptions.entry(row.subscription).or_default() += n;
            let is_same = |known: &&mut CauseCount| known.cause == row.why && known.worker == worker;
            match counts.causes.iter_mut().find(is_same) {
                Some(known) => known.count += n,
                None => counts.causes.push(CauseCount {
                    cause: row.why,
                    worker,
                    class: row.kind,
                    message: row.told,
                    count: n,
                }),
            }
        }
        counts.causes.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.cause.cmp(&b.cause)));
        counts.causes.truncate(top);
        Ok(counts)
    }
}

/// All records of a table whose key begins with this subscription.
fn all_of(table: &str, subscription: &str) -> RecordId {
    keys::range(table, parts![subscription], false, parts![format!("{subscription}\u{0}")])
}

fn count(row: Option<CountRow>) -> u64 {
    row.map_or(0, |row| number(row.n))
}

fn number(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}
