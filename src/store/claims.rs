//! Finding what is due in the retry queue, and leasing it.
//!
//! The index on `due` keeps an entry of every row that was leased or deleted until RocksDB compacts it away, and a scan steps
//! over all of them. So a scan finds many rows at once and begins where the one before ended, and leases go by id.

use std::collections::VecDeque;

use surrealdb::types::{RecordId, SurrealValue};

use super::{
    Claimed, Deliveries, Result,
    deliveries::{DeliveryRow, NEVER},
    query::Query,
};
use crate::domain::Timestamp;

/// Deliveries that a scan has found due, earliest first. Nobody has leased them yet.
#[derive(Debug, Default)]
pub struct Found {
    ids: VecDeque<RecordId>,
    /// When the last one that the scan found is due.
    pub last: Option<Timestamp>,
}

impl Found {
    /// Whether nothing is left to lease.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// How many are left to lease.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }
}

/// How deliveries are leased.
#[derive(Debug, Clone)]
pub struct Lease {
    /// At most so many.
    pub limit: usize,
    /// The present time.
    pub now: Timestamp,
    /// The visibility deadline.
    pub until: Timestamp,
    /// The fencing token of this receive.
    pub token: String,
}

#[derive(SurrealValue)]
struct DueRow {
    id: RecordId,
    due: i64,
}

impl Deliveries {
    /// Finds what is due now, at most `limit`. Nothing is due at `floor` or before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn find(&self, floor: Timestamp, now: Timestamp, limit: usize) -> Result<Found> {
        let text = "SELECT id, due FROM delivery WHERE worker = $worker AND due > $floor AND due <= $now \
                    ORDER BY due LIMIT $limit";
        let query = Query::new(text)
            .bind("worker", self.worker.clone())
            .bind("now", now.as_millis())
            .bind("floor", floor.as_millis())
            .bind("limit", i64::try_from(limit).unwrap_or(i64::MAX));
        let rows: Vec<DueRow> = self.store.read(query).await?.rows(0)?;
        let last = rows.last().map(|row| Timestamp::from_millis(row.due));
        Ok(Found { ids: rows.into_iter().map(|row| row.id).collect(), last })
    }

    /// Leases the first of what was found. Rows that have gone or been leased meanwhile are passed over.
    ///
    /// # Errors
    /// When the database does not answer; what was to be leased is no longer among what was found, and must be found again.
    pub async fn lease(&self, found: &mut Found, lease: &Lease) -> Result<Vec<Claimed>> {
        let count = lease.limit.min(found.len());
        if count == 0 {
            return Ok(Vec::new());
        }
        let ids: Vec<RecordId> = found.ids.drain(..count).collect();
        let text = "UPDATE $ids SET was = state, state = 'leased', due = $until, lease = $fence, receives += 1 \
                    WHERE due <= $now RETURN AFTER";
        let query = Query::new(text)
            .bind("ids", ids)
            .bind("now", lease.now.as_millis())
            .bind("until", lease.until.as_millis())
            .bind("fence", lease.token.clone());
        let rows: Vec<DeliveryRow> = self.store.write(query).await?.rows(0)?;
        rows.into_iter().map(|row| row.into_claimed(&lease.token)).collect()
    }

    /// When the first delivery behind `after` is due. Steps over the entries of everything that was leased until then and
    /// has ended: not to be asked often.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>> {
        let text = "SELECT VALUE due FROM delivery WHERE worker = $worker AND due > $after ORDER BY due LIMIT 1";
        let query = Query::new(text).bind("worker", self.worker.clone()).bind("after", after.as_millis());
        let mut answers = self.store.read(query).await?;
        Ok(answers.row::<i64>(0)?.filter(|due| *due != NEVER).map(Timestamp::from_millis))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::{
        Completion, Effects, Repositories, Store,
        testing::{on_a_deep_stack, store},
    };

    fn first() -> Timestamp {
        Timestamp::from_millis(1_000_000)
    }

    async fn backlog(rows: usize) -> (Store, Deliveries) {
        let store = store().await;
        Repositories::new(&store).seeding().add_deliveries("email", rows, first()).await.unwrap();
        (store.clone(), Deliveries::new(&store, "email"))
    }

    fn lease(limit: usize, token: &str) -> Lease {
        let now = first().plus(Duration::from_secs(60));
        Lease { limit, now, until: now.plus(Duration::from_secs(90)), token: token.to_owned() }
    }

    fn places(claimed: &[Claimed]) -> Vec<u64> {
        claimed.iter().map(|claimed| claimed.event.id.seq).collect()
    }

    #[test]
    fn what_is_found_is_leased_in_the_order_in_which_it_became_due() {
        on_a_deep_stack(|| async {
            let (_, deliveries) = backlog(30).await;
            let mut found =
                deliveries.find(first().plus(Duration::from_millis(4)), lease(0, "").now, 20).await.unwrap();
            assert_eq!((found.len(), found.last), (20, Some(first().plus(Duration::from_millis(24)))));
            let first = deliveries.lease(&mut found, &lease(8, "a")).await.unwrap();
            let second = deliveries.lease(&mut found, &lease(100, "b")).await.unwrap();
            assert_eq!(places(&first), (6..14).collect::<Vec<u64>>());
            assert_eq!(places(&second), (14..26).collect::<Vec<u64>>());
            assert!(found.is_empty() && first.iter().all(|claimed| claimed.receive == 1 && !claimed.was_lost));
        });
    }

    #[test]
    fn what_another_node_has_leased_or_finished_meanwhile_is_passed_over() {
        on_a_deep_stack(|| async {
            let (_, deliveries) = backlog(6).await;
            let now = lease(0, "").now;
            let mut here = deliveries.find(Timestamp::default(), now, 100).await.unwrap();
            let mut there = deliveries.find(Timestamp::default(), now, 100).await.unwrap();
            let leased = deliveries.lease(&mut there, &lease(4, "there")).await.unwrap();
            let done = Completion::Done(Effects::none());
            deliveries.complete(leased[0].event.id, "there", done).await.unwrap();
            let claimed = deliveries.lease(&mut here, &lease(100, "here")).await.unwrap();
            assert_eq!(places(&claimed), [5, 6]);
            let next = deliveries.next_due(now).await.unwrap();
            assert_eq!(next, Some(lease(0, "").until), "leases run out at their deadline");
        });
    }
}
