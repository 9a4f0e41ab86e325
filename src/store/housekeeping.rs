//! What can wait: trimming feeds and retention (of the log in `retention`, of records in `records`). Deletes are slow, so they go in small batches, side by side.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use surrealdb::types::{RecordId, SurrealValue, Value};

mod records;
mod retention;

pub use self::{
    records::Place,
    retention::{Position, settled_by_all},
};
use super::{
    Error, Result, Store,
    batch::Batch,
    dead_letters::{self, DeadLetterRow},
    feeds,
    keys::{self, parts},
    log,
    query::{Answers, Query},
};
use crate::domain::{AccountId, Epoch, Timestamp};

/// How many deletes one transaction has; eight of them run side by side.
const DELETES: usize = 10;
const SIDE_BY_SIDE: usize = 8;

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
        let mut answers = self.store.read(Query::page(range, limit)).await?;
        answers.rows::<RecordId>(0)?.into_iter().map(|id| keys::parsed(&keys::text_key(id)?)).collect()
    }

    /// Removes a reader's feed rows beyond the newest `length`; says how many. From then on the feed is pulled from there: rows
    /// that are written below later, by a backfill say, do not stand for those of other authors that have gone.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn trim_feed(&self, reader: AccountId, length: usize) -> Result<usize> {
        let whole = keys::range("feed", parts![reader, i64::MIN], false, parts![reader, i64::MAX]);
        const AT_ONCE: usize = 1_000;
        let mut answers = self.store.read(Query::page(whole, AT_ONCE).skipping(length)).await?;
        let rows: Vec<RecordId> = answers.rows(0)?;
        let Some(newest) = rows.first().cloned() else { return Ok(0) };
        let mut batch = Batch::default();
        feeds::put_edge(&mut batch, reader, keys::position(newest)?.at);
        self.store.write(batch.into_transaction()).await?;
        self.delete(rows).await
    }

    /// All logs there are, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn epochs(&self) -> Result<Vec<Epoch>> {
        log::epochs(&self.store).await
    }

    /// Removes up to `limit` of each: ended sessions, old idempotency keys, dead letters past their retention, and
    /// sign-ups that nobody confirmed within a day; says how many rows went.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_expired(&self, now: Timestamp, dead_letters: Duration, limit: usize) -> Result<usize> {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let text = "SELECT VALUE id FROM session WHERE expires_at < $now LIMIT $limit; \
                    SELECT VALUE id FROM idempotency WHERE at < $yesterday LIMIT $limit; \
                    SELECT VALUE id FROM code WHERE expires_at < $yesterday LIMIT $limit";
        let query = Query::new(text)
            .bind("now", now.as_millis())
            .bind("yesterday", now.minus(DAY).as_millis())
            .bind("limit", i64::try_from(limit).unwrap_or(i64::MAX));
        let mut answers = self.store.read(query).await?;
        let mut expired = Vec::new();
        for statement in 0..2 {
            expired.extend(answers.rows::<RecordId>(statement)?);
        }
        let sign_ups = self.delete_unconfirmed_sign_ups(answers.rows(2)?, now.minus(DAY)).await?;
        let letters = self.delete_old_dead_letters(now, now.minus(dead_letters), limit).await?;
        Ok(self.delete(expired).await? + sign_ups + letters)
    }

    /// Removes codes that expired before `horizon` and what was signed up with them and never confirmed: nobody keeps a handle or
    /// an address taken who does not read its mail.
    async fn delete_unconfirmed_sign_ups(&self, codes: Vec<RecordId>, horizon: Timestamp) -> Result<usize> {
        let mut writes = Vec::new();
        for chunk in codes.chunks(DELETES) {
            let mut batch = Batch::default();
            // A code that was renewed since it was read is none of these.
            let text = "LET $old_ = DELETE $ids_ WHERE expires_at < $horizon_ RETURN BEFORE; \
                        LET $gone_ = DELETE (SELECT VALUE type::record('account', record::id(id)) FROM $old_) \
                            WHERE confirmed = false RETURN BEFORE; \
                        DELETE (SELECT VALUE type::record('email', email) FROM $gone_) RETURN NONE; \
                        DELETE (SELECT VALUE type::record('handle', handle) FROM $gone_) RETURN NONE";
            let parameters = [
                ("ids", chunk.to_vec().into_value()),
                ("horizon", horizon.as_millis().into_value()),
                ("old", Value::None),
                ("gone", Value::None),
            ];
            batch.statement(text, parameters);
            writes.push(self.store.write(batch.into_transaction()));
        }
        side_by_side(writes).await?;
        Ok(codes.len())
    }

    /// Removes dead letters that died before `horizon`; their receipts go on to say that they were given up.
    async fn delete_old_dead_letters(&self, now: Timestamp, horizon: Timestamp, limit: usize) -> Result<usize> {
        let query = Query::new("SELECT * FROM dead_letter WHERE dead_at < $horizon LIMIT $limit")
            .bind("horizon", horizon.as_millis())
            .bind("limit", i64::try_from(limit).unwrap_or(i64::MAX));
        let letters: Vec<DeadLetterRow> = self.store.read(query).await?.rows(0)?;
        let mut writes = Vec::new();
        for chunk in letters.chunks(DELETES) {
            let mut batch = Batch::default();
            // A letter that was redriven since it was read is none of these.
            let text = "LET $gone_ = DELETE $ids_ WHERE dead_at < $horizon_ RETURN BEFORE; \
                        IF array::len($gone_) != $count_ { THROW 'letters changed' }";
            let ids: Vec<RecordId> = chunk.iter().map(|letter| letter.id.clone()).collect();
            let count = i64::try_from(chunk.len()).unwrap_or(i64::MAX);
            let parameters = [
                ("ids", ids.into_value()),
                ("horizon", horizon.as_millis().into_value()),
                ("count", count.into_value()),
                ("gone", Value::None),
            ];
            batch.statement(text, parameters);
            for letter in chunk {
                batch.put("abandoned", letter.abandoned(now, dead_letters::EXPIRED)?);
            }
            writes.push(self.store.write(batch.into_transaction()));
        }
        match side_by_side(writes).await {
            Ok(()) => Ok(letters.len()),
            // The next round looks anew.
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
        batches.push(store.write(batch.into_transaction()));
    }
    side_by_side(batches).await
}

/// Runs writes, eight at a time.
pub(super) async fn side_by_side(writes: Vec<impl Future<Output = Result<Answers>>>) -> Result<()> {
    stream::iter(writes).buffer_unordered(SIDE_BY_SIDE).try_for_each(|_| async { Ok(()) }).await
}
