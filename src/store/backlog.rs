//! How much stands in the retry queue and in the dead letters, for monitoring: counts, never single rows.

use std::collections::BTreeMap;

use surrealdb::types::SurrealValue;

use super::{
    Result, Store,
    query::{Answers, Query},
};
use crate::domain::Timestamp;

/// What stands in the database, on all nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    /// The retry queue.
    pub deliveries: Vec<StateCount>,
    /// The dead letters.
    pub dead_letters: Vec<DeadLetterCount>,
}

/// A worker's deliveries in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateCount {
    /// Whose they are; a worker whose results are local to a node counts once for all nodes.
    pub worker: String,
    /// `ready`, `leased` or `held`.
    pub state: String,
    /// How many.
    pub count: u64,
    /// When the oldest of their events happened.
    pub oldest: Timestamp,
}

/// A worker's dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterCount {
    /// Whose they are.
    pub worker: String,
    /// How many.
    pub count: u64,
    /// How many of them died before the time that was asked for.
    pub expiring: u64,
}

impl Backlog {
    /// A worker's deliveries in one state, if there are any.
    #[must_use]
    pub fn of(&self, worker: &str, state: &str) -> Option<&StateCount> {
        self.deliveries.iter().find(|row| row.worker == worker && row.state == state)
    }
}

/// Counts what stands in the database.
#[derive(Clone)]
pub struct BacklogReads {
    store: Store,
}

#[derive(SurrealValue)]
struct DeliveryCount {
    worker: String,
    state: String,
    n: i64,
    oldest: i64,
}

#[derive(SurrealValue)]
struct DeathCount {
    worker: String,
    n: i64,
}

impl BacklogReads {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Counts the deliveries and the dead letters; those that died before `expiring_before` also by themselves. Takes time in
    /// proportion to how many there are, so whoever asks again and again should leave pauses.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read(&self, expiring_before: Timestamp) -> Result<Backlog> {
        counted(self.store.read(query(expiring_before)).await?)
    }
}

fn query(expiring_before: Timestamp) -> Query {
    let text = "SELECT worker, state, count() AS n, math::min(event.at) AS oldest FROM delivery GROUP BY worker, state; \
                SELECT id[0] AS worker, count() AS n FROM dead_letter GROUP BY worker; \
                SELECT id[0] AS worker, count() AS n FROM dead_letter WHERE dead_at < $horizon GROUP BY worker";
    Query::new(text).bind("horizon", expiring_before.as_millis())
}

/// Rows of `search@node` count as `search`.
fn counted(mut answers: Answers) -> Result<Backlog> {
    let mut deliveries: BTreeMap<(String, String), (u64, i64)> = BTreeMap::new();
    for row in answers.rows::<DeliveryCount>(0)? {
        let (count, oldest) = deliveries.entry((name(&row.worker), row.state)).or_insert((0, i64::MAX));
        *count += number(row.n);
        *oldest = row.oldest.min(*oldest);
    }
    let mut dead: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for row in answers.rows::<DeathCount>(1)? {
        dead.entry(name(&row.worker)).or_default().0 += number(row.n);
    }
    for row in answers.rows::<DeathCount>(2)? {
        dead.entry(name(&row.worker)).or_default().1 += number(row.n);
    }
    let waiting = |((worker, state), (count, oldest))| StateCount {
        worker,
        state,
        count,
        oldest: Timestamp::from_millis(oldest),
    };
    let dead_letter = |(worker, (count, expiring))| DeadLetterCount { worker, count, expiring };
    Ok(Backlog {
        deliveries: deliveries.into_iter().map(waiting).collect(),
        dead_letters: dead.into_iter().map(dead_letter).collect(),
    })
}

fn name(subscription: &str) -> String {
    subscription.split('@').next().unwrap_or(subscription).to_owned()
}

fn number(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        query::once,
        testing::{database, on_a_deep_stack},
    };

    #[test]
    fn rows_are_counted_by_worker_and_state_and_old_dead_letters_apart() {
        on_a_deep_stack(|| async {
            let database = database().await;
            let rows = "DEFINE TABLE delivery SCHEMALESS; DEFINE TABLE dead_letter SCHEMALESS; \
                        INSERT INTO delivery [ \
                            { id: ['email', 'e', 1], worker: 'email', state: 'held', event: { at: 5000 } }, \
                            { id: ['email', 'e', 2], worker: 'email', state: 'held', event: { at: 3000 } }, \
                            { id: ['email', 'e', 3], worker: 'email', state: 'ready', event: { at: 7000 } }, \
                            { id: ['search@a', 'e', 3], worker: 'search@a', state: 'ready', event: { at: 9000 } }, \
                            { id: ['search@b', 'e', 3], worker: 'search@b', state: 'ready', event: { at: 8000 } }]; \
                        INSERT INTO dead_letter [ \
                            { id: ['feed', 'e', 1], dead_at: 10 }, { id: ['feed', 'e', 2], dead_at: 20 }, \
                            { id: ['search@a', 'e', 2], dead_at: 30 }]";
            once(&database, Query::new(rows)).await.unwrap();
            let backlog = counted(once(&database, query(Timestamp::from_millis(20))).await.unwrap()).unwrap();
            let deliveries: Vec<(&str, &str, u64, i64)> = backlog
                .deliveries
                .iter()
                .map(|row| (row.worker.as_str(), row.state.as_str(), row.count, row.oldest.as_millis()))
                .collect();
            assert_eq!(
                deliveries,
                [("email", "held", 2, 3_000), ("email", "ready", 1, 7_000), ("search", "ready", 2, 8_000)]
            );
            let dead: Vec<(&str, u64, u64)> =
                backlog.dead_letters.iter().map(|row| (row.worker.as_str(), row.count, row.expiring)).collect();
            assert_eq!(dead, [("feed", 2, 1), ("search", 1, 0)]);
        });
    }

    #[test]
    fn an_empty_database_counts_nothing() {
        on_a_deep_stack(|| async {
            let database = database().await;
            once(&database, Query::new("DEFINE TABLE delivery; DEFINE TABLE dead_letter")).await.unwrap();
            let answers = once(&database, query(Timestamp::from_millis(20))).await.unwrap();
            assert_eq!(counted(answers).unwrap(), Backlog::default());
        });
    }
}
