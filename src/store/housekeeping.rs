//! What can wait: trimming feeds and retention (of the log in `retention`, of records in `records`). Deletes are slow, so they go in small batches, side by side.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use surrealdb::types::{RecordId, SurrealValue};

mod records;
mod retention;

pub use self::{
    records::Place,
    retention::{Position, settled_by_all},
};
use super::{
    Error, Guard, Result, Store,
    batch::{Batch, Change, Then},
    dead_letters::{self, DeadLetterRow},
    feeds,
    keys::{self, parts},
    log,
    query::Query,
    roads::Lookup,
};
use crate::domain::{AccountId, Epoch, Timestamp};

/// How many deletes one transaction has; eight of them run side by side.
const DELETES: usize = 10;
const SIDE_BY_SIDE: usize = 8;

/// Sign-ups and idempotency keys are forgotten after this time.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How far a pass over what has expired has come: nothing that is left expired at these times or before.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pass {
    session: Timestamp,
    idempotency: Timestamp,
    dead_letter: Timestamp,
}

#[derive(SurrealValue)]
struct ExpiredRow {
    id: RecordId,
    at: i64,
}

/// Others may have expired in the same millisecond as the last one that was found.
fn advance(floor: &mut Timestamp, last: Option<i64>) {
    if let Some(last) = last {
        *floor = Timestamp::from_millis(last.saturating_sub(1));
    }
}

/// The housekeeper's access.
#[derive(Clone)]
pub struct HousekeepingAccess {
    store: Store,
}

impl HousekeepingAccess {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Opens the database anew if it needs that.
    ///
    /// # Errors
    /// When the database still does not work.
    pub async fn heal(&self) -> Result<bool> {
        self.store.heal().await
    }

    /// The next `limit` accounts behind `after`, by id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn accounts(&self, after: Option<AccountId>, limit: usize) -> Result<Vec<AccountId>> {
        use std::ops::Bound;
        use surrealdb::types::{RecordIdKey, RecordIdKeyRange};
        let start = match after {
            Some(account) => Bound::Excluded(RecordIdKey::String(account.to_string())),
            None => Bound::Unbounded,
        };
        let range = RecordIdKeyRange::from((start, Bound::Unbounded));
        let range = RecordId::new("account", RecordIdKey::from(range));
        let ids = self.store.page(range, limit).await?;
        ids.into_iter().map(|id| keys::parsed(&keys::text_key(id)?)).collect()
    }

    /// Removes a reader's feed rows beyond the newest `length`; says how many. From then on the feed is pulled from there: rows
    /// that are written below later, by a backfill say, do not stand for those of other authors that have gone.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn trim_feed(&self, reader: AccountId, length: usize) -> Result<usize> {
        let whole = keys::range("feed", parts![reader, i64::MIN], false, parts![reader, i64::MAX]);
        const AT_ONCE: usize = 1_000;
        let rest = Lookup::Page { range: whole, start: length, limit: AT_ONCE };
        let rows: Vec<RecordId> = self.store.look(vec![rest]).await?.next()?;
        let Some(newest) = rows.first().cloned() else { return Ok(0) };
        let mut batch = Batch::default();
        feeds::put_edge(&mut batch, reader, keys::position(newest)?.at);
        self.store.commit(batch).await?;
        self.delete(rows).await
    }

    /// All logs there are, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn epochs(&self) -> Result<Vec<Epoch>> {
        log::epochs(&self.store).await
    }

    /// Removes up to `limit` each of ended sessions, old idempotency keys, and dead letters past their retention; says how many rows of
    /// the kind with the most went. `pass` begins with the default and is handed on from call to call, so that none of them steps over
    /// the index entries of what those before have removed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_expired(
        &self,
        pass: &mut Pass,
        now: Timestamp,
        dead_letters: Duration,
        limit: usize,
    ) -> Result<usize> {
        let text = "SELECT id, expires_at AS at FROM session WHERE expires_at > $session_floor AND expires_at < $now \
                        ORDER BY expires_at LIMIT $limit; \
                    SELECT id, at FROM idempotency WHERE at > $key_floor AND at < $yesterday ORDER BY at LIMIT $limit";
        let query = Query::new(text)
            .bind("session_floor", pass.session.as_millis())
            .bind("key_floor", pass.idempotency.as_millis())
            .bind("now", now.as_millis())
            .bind("yesterday", now.minus(DAY).as_millis())
            .bind("limit", i64::try_from(limit).unwrap_or(i64::MAX));
        let mut answers = self.store.read(query).await?;
        let (sessions, keys) = (answers.rows::<ExpiredRow>(0)?, answers.rows::<ExpiredRow>(1)?);
        let most = sessions.len().max(keys.len());
        advance(&mut pass.session, sessions.last().map(|row| row.at));
        advance(&mut pass.idempotency, keys.last().map(|row| row.at));
        self.delete(sessions.into_iter().chain(keys).map(|row| row.id).collect()).await?;
        Ok(most.max(self.delete_old_dead_letters(pass, now, now.minus(dead_letters), limit).await?))
    }

    /// Removes up to `limit` sign-ups that nobody confirmed within a day; says how many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_old_sign_ups(&self, now: Timestamp, limit: usize) -> Result<usize> {
        let horizon = now.minus(DAY);
        let query = Query::new("SELECT VALUE id FROM code WHERE expires_at < $horizon LIMIT $limit")
            .bind("horizon", horizon.as_millis())
            .bind("limit", i64::try_from(limit).unwrap_or(i64::MAX));
        let codes = self.store.read(query).await?.rows(0)?;
        self.delete_unconfirmed_sign_ups(codes, horizon).await
    }

    /// Removes codes that expired before `horizon` and what was signed up with them and never confirmed: nobody keeps a handle or
    /// an address taken who does not read its mail.
    async fn delete_unconfirmed_sign_ups(&self, codes: Vec<RecordId>, horizon: Timestamp) -> Result<usize> {
        let mut writes = Vec::new();
        for chunk in codes.chunks(DELETES) {
            // A code that was renewed since it was read is none of these.
            let text = "BEGIN; \
                        LET $old = DELETE $ids WHERE expires_at < $horizon RETURN BEFORE; \
                        LET $gone = DELETE (SELECT VALUE type::record('account', record::id(id)) FROM $old) \
                            WHERE confirmed = false RETURN BEFORE; \
                        DELETE (SELECT VALUE type::record('email', email) FROM $gone) RETURN NONE; \
                        DELETE (SELECT VALUE type::record('handle', handle) FROM $gone) RETURN NONE; \
                        COMMIT";
            let query = Query::new(text).bind("ids", chunk.to_vec()).bind("horizon", horizon.as_millis());
            writes.push(async { self.store.write(query).await.map(drop) });
        }
        side_by_side(writes).await?;
        Ok(codes.len())
    }

    /// Removes dead letters that died before `horizon`; their receipts go on to say that they were given up.
    async fn delete_old_dead_letters(
        &self,
        pass: &mut Pass,
        now: Timestamp,
        horizon: Timestamp,
        limit: usize,
    ) -> Result<usize> {
        let text =
            "SELECT * FROM dead_letter WHERE dead_at > $floor AND dead_at < $horizon ORDER BY dead_at LIMIT $limit";
        let query = Query::new(text)
            .bind("floor", pass.dead_letter.as_millis())
            .bind("horizon", horizon.as_millis())
            .bind("limit", i64::try_from(limit).unwrap_or(i64::MAX));
        let letters: Vec<DeadLetterRow> = self.store.read(query).await?.rows(0)?;
        advance(&mut pass.dead_letter, letters.last().map(|letter| letter.dead_at));
        let mut writes = Vec::new();
        for chunk in letters.chunks(DELETES) {
            let mut batch = Batch::default();
            // A letter that was redriven since it was read is none of these.
            for letter in chunk {
                let dead_at = ("dead_at", letter.dead_at.into_value());
                batch.change(Change::guarded(letter.id.clone(), [dead_at], Guard::LettersChanged, Then::Delete));
            }
            for letter in chunk {
                batch.put("abandoned", letter.abandoned(now, dead_letters::EXPIRED)?);
            }
            writes.push(self.store.commit(batch));
        }
        match side_by_side(writes).await {
            Ok(()) => Ok(letters.len()),
            // The next round finds them again.
            Err(Error::Refused(_)) => Ok(0),
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, ids: Vec<RecordId>) -> Result<usize> {
        let count = ids.len();
        delete_all(&self.store, ids).await?;
        Ok(count)
    }
}

/// Deletes rows. Every delete opens a graph iterator: small batches side by side are four times as fast as one large one.
pub(super) async fn delete_all(store: &Store, ids: Vec<RecordId>) -> Result<()> {
    let mut batches = Vec::new();
    for chunk in ids.chunks(DELETES) {
        let mut batch = Batch::default();
        chunk.iter().cloned().for_each(|id| batch.delete(id));
        batches.push(store.commit(batch));
    }
    side_by_side(batches).await
}

/// Runs writes, eight at a time.
pub(super) async fn side_by_side(writes: Vec<impl Future<Output = Result<()>>>) -> Result<()> {
    stream::iter(writes).buffer_unordered(SIDE_BY_SIDE).try_for_each(|_| async { Ok(()) }).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        Repositories,
        testing::{on_a_deep_stack, store},
    };

    const LIMIT: usize = 500;

    #[test]
    fn a_pass_removes_everything_that_has_expired_and_nothing_else() {
        on_a_deep_stack(|| async {
            const HOUR: Duration = Duration::from_secs(60 * 60);
            let store = store().await;
            let (repositories, now) = (Repositories::new(&store), Timestamp::from_millis(10_000_000));
            repositories.seeding().add_sessions(1_203, now.minus(HOUR)).await.unwrap();
            // More than one call removes, all in one millisecond.
            for _ in 0..700 {
                repositories.seeding().add_sessions(1, now.minus(HOUR / 2)).await.unwrap();
            }
            repositories.seeding().add_sessions(2, now.plus(HOUR)).await.unwrap();
            let (access, mut pass, mut removed) = (repositories.housekeeping(), Pass::default(), Vec::new());
            while removed.last().is_none_or(|last| *last == LIMIT) {
                removed.push(access.delete_expired(&mut pass, now, HOUR, LIMIT).await.unwrap());
            }
            assert_eq!(removed, [500, 500, 500, 403]);
            assert_eq!(access.count("session").await.unwrap(), 2);
        });
    }

    #[test]
    fn a_pass_over_a_log_goes_on_where_the_call_before_ended() {
        on_a_deep_stack(|| async {
            let store = store().await;
            let (repositories, first) = (Repositories::new(&store), Timestamp::from_millis(1_000));
            let epoch = repositories.seeding().add_events(1_300, first).await.unwrap();
            let access = repositories.housekeeping();
            // The last two are not old enough.
            let before = first.plus(Duration::from_millis(1_298));
            let mut places = vec![0];
            while let Some(next) =
                access.delete_events(epoch, places[places.len() - 1], 1_300, before, LIMIT).await.unwrap()
            {
                places.push(next);
            }
            assert_eq!(places, [0, 501, 1_001]);
            assert_eq!(access.count("event").await.unwrap(), 2);
        });
    }
}
