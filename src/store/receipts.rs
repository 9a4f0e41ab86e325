//! Receipts: what the workers' rows say about one event. Nothing is written for them.

use surrealdb::types::{RecordId, SurrealValue};

use super::{
    Failure, Result, Store,
    dead_letters::{self, AbandonedRow},
    deliveries, log,
    query::Query,
};
use crate::domain::{EventId, Timestamp};

/// What a worker's rows say about one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trail {
    /// A dead letter, or what is left of one that was given up.
    Dead {
        /// Since when.
        at: Timestamp,
        /// How many receives it took.
        receives: u32,
        /// What went wrong last.
        last_error: Option<String>,
    },
    /// A delivery in the retry queue.
    Pending {
        /// Whether it waits for approval.
        is_held: bool,
        /// When it is tried next; `None` while held.
        due: Option<Timestamp>,
        /// Receives spent.
        receives: u32,
        /// Where it goes on.
        progress: Option<serde_json::Value>,
        /// What went wrong last.
        last_error: Option<String>,
    },
    /// No row: the cursor tells.
    Cursor {
        /// Everything up to here is finished; `None` when the worker has no cursor on that log.
        settled: Option<u64>,
    },
}

/// What receipts are made from.
#[derive(Clone)]
pub struct ReceiptReads {
    store: Store,
}

#[derive(SurrealValue)]
struct DeadRow {
    id: RecordId,
    dead_at: i64,
    receives: i64,
    failures: Vec<Failure>,
}

#[derive(SurrealValue)]
struct PendingRow {
    id: RecordId,
    state: String,
    due: i64,
    receives: i64,
    failures: Vec<Failure>,
    progress: Option<serde_json::Value>,
}

#[derive(SurrealValue)]
struct SettledRow {
    id: RecordId,
    settled: i64,
}

impl ReceiptReads {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// What each of `workers` has to say about `event`, in their order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn trails(&self, workers: &[String], event: EventId) -> Result<Vec<Trail>> {
        let ids = |id: &dyn Fn(&str) -> RecordId| workers.iter().map(|worker| id(worker)).collect::<Vec<_>>();
        // The cursor is read first: a row that goes between the reads then looks pending, never finished too early.
        let text = "SELECT id, settled FROM $cursors; \
                    SELECT id, state, due, receives, failures, progress FROM $deliveries; \
                    SELECT id, dead_at, receives, failures FROM $dead; \
                    SELECT * FROM $abandoned";
        let query = Query::new(text)
            .bind("cursors", ids(&|worker| log::cursor_id(worker, event.epoch)))
            .bind("deliveries", ids(&|worker| deliveries::delivery_id(worker, event)))
            .bind("dead", ids(&|worker| dead_letters::dead_letter_id(worker, event)))
            .bind("abandoned", ids(&|worker| dead_letters::abandoned_id(worker, event)));
        let mut answers = self.store.read(query).await?;
        let cursors: Vec<SettledRow> = answers.rows(0)?;
        let pending: Vec<PendingRow> = answers.rows(1)?;
        let dead: Vec<DeadRow> = answers.rows(2)?;
        let abandoned: Vec<AbandonedRow> = answers.rows(3)?;
        let trail = |worker: &String| {
            if let Some(row) = dead.iter().find(|row| row.id == dead_letters::dead_letter_id(worker, event)) {
                return Trail::Dead {
                    at: Timestamp::from_millis(row.dead_at),
                    receives: count(row.receives),
                    last_error: last_error(&row.failures),
                };
            }
            if let Some(row) = pending.iter().find(|row| row.id == deliveries::delivery_id(worker, event)) {
                let is_held = row.state == "held";
                return Trail::Pending {
                    is_held,
                    due: (!is_held).then(|| Timestamp::from_millis(row.due)),
                    receives: count(row.receives),
                    progress: row.progress.clone(),
                    last_error: last_error(&row.failures),
                };
            }
            if let Some(row) = abandoned.iter().find(|row| row.id == dead_letters::abandoned_id(worker, event)) {
                return Trail::Dead {
                    at: Timestamp::from_millis(row.at),
                    receives: count(row.receives),
                    last_error: Some(row.why.clone()),
                };
            }
            let cursor = cursors.iter().find(|row| row.id == log::cursor_id(worker, event.epoch));
            Trail::Cursor { settled: cursor.and_then(|row| u64::try_from(row.settled).ok()) }
        };
        Ok(workers.iter().map(trail).collect())
    }
}

fn count(stored: i64) -> u32 {
    u32::try_from(stored).unwrap_or(0)
}

fn last_error(failures: &[Failure]) -> Option<String> {
    failures.last().map(|failure| failure.message.clone())
}
