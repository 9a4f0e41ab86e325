//! The two roads to the rows, and which one is taken.
//!
//! *Text* is `SurrealQL`: every database takes it. *Records* are SurrealDB's own rows, read and written through its transactions,
//! which costs a fraction; only an embedded database has it, and only for rows that have nothing beside them ([`records`]). Both
//! mean the same, down to the errors; `tests` holds one against the other.

use surrealdb::types::{RecordId, SurrealValue};

use super::{
    Error, Guard, Result, Store,
    batch::{Batch, Flaw},
    engine::Engine,
    query::{self, retrying},
};

mod lookup;
pub(super) mod records;
#[cfg(test)]
mod tests;
mod text;

pub(super) use lookup::{Found, Lookup, Lookups};

impl Store {
    /// Commits a batch as one transaction; conflicts are retried.
    pub(super) async fn commit(&self, batch: Batch) -> Result<()> {
        self.writing(|engine| Box::pin(async move { retrying(|| once(&engine, &batch)).await })).await
    }

    /// Commits a batch whose rows are probably new: that costs less than to look for each. If one exists after all, because
    /// something is done again after a crash, the batch is committed as it says.
    pub(super) async fn write_new(&self, batch: Batch) -> Result<()> {
        if self.connection()?.engine().records().is_some_and(|records| records.can_write(&batch)) {
            // To look for a row costs there what creating it does.
            return self.commit(batch).await;
        }
        match self.commit(batch.clone().all_new()).await {
            Err(Error::Exists(_)) => self.commit(batch).await,
            written => written,
        }
    }

    /// Reads rows and keys, all at one moment.
    pub(super) async fn look(&self, lookups: Lookups) -> Result<Found> {
        self.reading(|engine| Box::pin(async move { look(&engine, lookups).await })).await
    }

    /// The rows with these ids, in their order; those that do not exist are left out.
    pub(super) async fn rows<T: SurrealValue>(&self, ids: Vec<RecordId>) -> Result<Vec<T>> {
        self.look(vec![Lookup::Rows(ids)]).await?.next()
    }

    /// One row.
    pub(super) async fn one<T: SurrealValue>(&self, id: RecordId) -> Result<Option<T>> {
        Ok(self.rows(vec![id]).await?.pop())
    }

    /// All rows of a range, in the order of their keys.
    pub(super) async fn range<T: SurrealValue>(&self, range: RecordId) -> Result<Vec<T>> {
        self.look(vec![Lookup::Range(range)]).await?.next()
    }

    /// Which of these ids there are, in their order.
    pub(super) async fn ids(&self, ids: Vec<RecordId>) -> Result<Vec<RecordId>> {
        self.look(vec![Lookup::Ids(ids)]).await?.next()
    }

    /// The first `limit` ids of a range, in the order of their keys.
    pub(super) async fn page(&self, range: RecordId, limit: usize) -> Result<Vec<RecordId>> {
        self.look(vec![Lookup::page(range, limit)]).await?.next()
    }
}

/// Commits a batch, or says why not.
pub(super) async fn once(engine: &Engine, batch: &Batch) -> Result<()> {
    match batch.flaw() {
        Some(Flaw::CreatedTwice) => return Err(Error::Refused(Guard::CreatedTwice)),
        Some(Flaw::NoRow) => return Err(Error::Corrupt("a row to be written is no object with an id".to_owned())),
        None => {}
    }
    match engine.records() {
        Some(records) if records.can_write(batch) => records.commit(batch).await,
        _ => query::once(engine, text::transaction(batch.clone())).await.map(drop),
    }
}

/// Reads rows and keys, all at one moment.
pub(super) async fn look(engine: &Engine, lookups: Lookups) -> Result<Found> {
    match engine.records() {
        Some(records) if records.can_read(&lookups) => records.look(&lookups).await,
        _ => {
            let count = lookups.len();
            let mut answers = query::once(engine, text::lookups(lookups)).await?;
            (0..count).map(|index| answers.rows(index)).collect::<Result<_>>().map(Found::new)
        }
    }
}
