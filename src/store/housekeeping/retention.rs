//! Retention of the event log: how far everybody has settled it, and what goes then.
//!
//! The newest event of a log stays as long as the log does: whoever begins on it later finds its end by it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use surrealdb::types::{RecordId, SurrealValue};

use super::{HousekeepingAccess, side_by_side};
use crate::{
    domain::{Epoch, Timestamp},
    store::{
        Result,
        batch::{Batch, Change, Then},
        events,
        keys::{self, parts},
        log,
        query::Query,
    },
};

/// How far a worker has settled a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Whose it is; `worker@node` where the worker's result is local to a node among several.
    pub subscription: String,
    /// On which log.
    pub epoch: Epoch,
    /// Everything up to here is finished.
    pub settled: u64,
    /// Until when a node answers for it.
    pub lease_until: Timestamp,
}

#[derive(SurrealValue)]
struct Row {
    id: RecordId,
    lease_until: i64,
    settled: i64,
}

/// How far everybody who counts has settled a log; `None` when nobody has a cursor on it.
///
/// A worker that all nodes share counts whether it runs or not. One whose result is local to a node counts for each node that was
/// there lately: a node that is gone for good keeps nothing, and one that comes back after all builds its result anew. `local` are the
/// names of such workers; where nodes share the database, the row under the bare name is nobody's.
#[must_use]
pub fn settled_by_all(
    positions: &[Position],
    epoch: Epoch,
    local: &BTreeSet<&str>,
    is_shared: bool,
    now: Timestamp,
) -> Option<u64> {
    let counts = |position: &&Position| match position.subscription.contains('@') {
        true => position.lease_until > now,
        false => !(is_shared && local.contains(position.subscription.as_str())),
    };
    positions.iter().filter(|position| position.epoch == epoch).filter(counts).map(|position| position.settled).min()
}

impl HousekeepingAccess {
    /// All cursors.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn positions(&self) -> Result<Vec<Position>> {
        let rows: Vec<Row> =
            self.store.read(Query::new("SELECT id, lease_until, settled FROM cursor")).await?.rows(0)?;
        let position = |row: Row| {
            let mut parts = keys::Parts::of(row.id)?;
            Ok(Position {
                subscription: parts.text()?,
                epoch: parts.parsed()?,
                settled: number(row.settled),
                lease_until: Timestamp::from_millis(row.lease_until),
            })
        };
        rows.into_iter().map(position).collect()
    }

    /// Whether other nodes may use the database, too.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        !self.store.is_embedded()
    }

    /// Writes down how far a node's own result (its search index) reaches, because its cursors are kept with the result and retention
    /// looks at the rows. Only what has changed, or whose lease is half over, is written.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_positions(
        &self,
        subscription: &str,
        node: &str,
        reached: &BTreeMap<Epoch, u64>,
        known: &mut Vec<Position>,
        (now, lease): (Timestamp, Duration),
    ) -> Result<()> {
        let mut writes = Vec::new();
        for (epoch, settled) in reached {
            let lease_until = now.plus(lease);
            let position =
                Position { subscription: subscription.to_owned(), epoch: *epoch, settled: *settled, lease_until };
            let place = known.iter().position(|other| other.subscription == subscription && other.epoch == *epoch);
            let before = place.and_then(|place| known.get_mut(place));
            if before.as_ref().is_some_and(|before| {
                before.settled == *settled
                    && before.lease_until > now.plus(lease / 2)
                    && before.lease_until <= lease_until
            }) {
                continue;
            }
            let row = log::cursor_row(subscription, *epoch, node, *settled, lease_until);
            let mut batch = Batch::default();
            batch.change(Change::of(log::cursor_id(subscription, *epoch), Then::content(row)));
            writes.push(self.store.commit(batch));
            match before {
                Some(before) => *before = position,
                None => known.push(position),
            }
        }
        side_by_side(writes).await
    }

    /// Removes the cursors and deliveries of a node that is gone for good.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_subscription(&self, subscription: &str) -> Result<()> {
        let range = keys::range("delivery", parts![subscription, ""], false, parts![subscription, "~"]);
        while self.delete_range(range.clone()).await? > 0 {}
        let range = keys::range("cursor", parts![subscription, ""], false, parts![subscription, "~"]);
        while self.delete_range(range.clone()).await? > 0 {}
        Ok(())
    }

    /// Removes up to `limit` events of a log from the place `from` on that are older than `before` and `settled` by everybody; answers
    /// where the next call begins, if there may be more. The newest event stays.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_events(
        &self,
        epoch: Epoch,
        from: u64,
        settled: u64,
        before: Timestamp,
        limit: usize,
    ) -> Result<Option<u64>> {
        let end = parts![epoch, events::seq(settled).saturating_add(1)];
        let range = keys::range("event", parts![epoch, events::seq(from)], false, end);
        // The log is in the order of time, so only its beginning is looked at, however long it is.
        let text = "SELECT VALUE id FROM (SELECT id, event.at AS at FROM array::first([$range]) LIMIT $limit) \
                    WHERE at < $horizon";
        let query = Query::new(text)
            .bind("range", range)
            .bind("horizon", before.as_millis())
            .bind("limit", i64::try_from(limit).unwrap_or(i64::MAX));
        let old = self.store.read(query).await?.rows::<RecordId>(0)?;
        let Some(last) = old.last().filter(|_| old.len() == limit) else {
            self.delete_all_but_newest(epoch, old).await?;
            return Ok(None);
        };
        let mut parts = keys::Parts::of(last.clone())?;
        parts.text()?;
        let next = number(parts.int()?).saturating_add(1);
        self.delete_all_but_newest(epoch, old).await?;
        Ok(Some(next))
    }

    async fn delete_all_but_newest(&self, epoch: Epoch, mut events: Vec<RecordId>) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let newest = log::event_id(epoch, log::head(&self.store, epoch).await?);
        events.retain(|event| *event != newest);
        self.delete(events).await.map(drop)
    }

    /// Removes a log with its cursors and its newest event, if it began before `before`, nothing else is left of it, and that event is
    /// older and `settled` by everybody. Only where no other node may still be writing it, and not the newest log.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_log(&self, epoch: Epoch, settled: u64, before: Timestamp) -> Result<()> {
        if self.is_shared() || epoch.began_at() >= before {
            return Ok(());
        }
        let range = keys::range("event", parts![epoch, 0], false, parts![epoch, i64::MAX]);
        let text = "SELECT id, event.at AS at FROM array::first([$range]) LIMIT 2";
        let left: Vec<Left> = self.store.read(Query::new(text).bind("range", range)).await?.rows(0)?;
        let last = log::event_id(epoch, settled);
        let is_over = match left.as_slice() {
            [] => true,
            [newest] => newest.at < before.as_millis() && newest.id == last,
            _ => false,
        };
        if !is_over {
            return Ok(());
        }
        let text = "SELECT VALUE id FROM cursor WHERE id[1] = $epoch";
        let mut rows: Vec<RecordId> =
            self.store.read(Query::new(text).bind("epoch", epoch.to_string())).await?.rows(0)?;
        rows.extend(left.into_iter().map(|event| event.id));
        rows.push(keys::named("epoch", epoch.to_string()));
        self.delete(rows).await.map(drop)
    }

    /// How many rows a table has; takes time in proportion.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count(&self, table: &str) -> Result<u64> {
        let query = Query::new("SELECT VALUE id FROM type::table($table)").bind("table", table.to_owned());
        let rows = self.store.read(query).await?.rows::<RecordId>(0)?.len();
        Ok(u64::try_from(rows).unwrap_or(u64::MAX))
    }

    /// Removes a part of a range; says how many rows.
    pub(super) async fn delete_range(&self, range: RecordId) -> Result<usize> {
        const AT_ONCE: usize = 1_000;
        let rows = self.store.page(range, AT_ONCE).await?;
        self.delete(rows).await
    }
}

#[derive(SurrealValue)]
struct Left {
    id: RecordId,
    at: i64,
}

fn number(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_millis(1_000)
    }

    fn at(subscription: &str, epoch: Epoch, settled: u64, lease_until: i64) -> Position {
        Position {
            subscription: subscription.to_owned(),
            epoch,
            settled,
            lease_until: Timestamp::from_millis(lease_until),
        }
    }

    #[test]
    fn the_slowest_worker_decides_also_when_nobody_runs_it() {
        let epoch = Epoch::generate();
        let positions = [at("feed", epoch, 9, 2_000), at("email", epoch, 4, 0), at("feed", Epoch::generate(), 1, 0)];
        assert_eq!(settled_by_all(&positions, epoch, &BTreeSet::new(), true, now()), Some(4));
        assert_eq!(settled_by_all(&positions, Epoch::generate(), &BTreeSet::new(), true, now()), None);
    }

    #[test]
    fn a_node_that_is_gone_for_good_keeps_nothing() {
        let epoch = Epoch::generate();
        let positions = [
            at("feed", epoch, 9, 0),
            at("search", epoch, 0, 0),
            at("search@a", epoch, 7, 2_000),
            at("search@b", epoch, 2, 500),
        ];
        let local = BTreeSet::from(["search"]);
        assert_eq!(settled_by_all(&positions, epoch, &local, true, now()), Some(7));
    }

    #[test]
    fn the_one_node_of_an_embedded_database_always_counts() {
        let epoch = Epoch::generate();
        let positions = [at("feed", epoch, 9, 0), at("search", epoch, 3, 0)];
        assert_eq!(settled_by_all(&positions, epoch, &BTreeSet::from(["search"]), false, now()), Some(3));
    }
}
