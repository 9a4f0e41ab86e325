//! What operators want the workers to do: kept, so that a paused worker is still paused after a restart and on every node.

use std::collections::BTreeMap;

use surrealdb::types::{RecordId, SurrealValue};

use super::{Result, Store, audit, batch::Batch, keys, query::Query};
use crate::domain::Audit;

/// Reads and writes which workers are paused.
#[derive(Clone)]
pub struct Controls {
    store: Store,
}

#[derive(SurrealValue)]
pub(super) struct ControlRow {
    id: RecordId,
    paused: bool,
    at: i64,
}

impl Controls {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Whether an operator has paused or resumed a worker, by its name; those that nobody has touched are not in it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn paused(&self) -> Result<BTreeMap<String, bool>> {
        let rows: Vec<ControlRow> = self.store.read(Query::new("SELECT * FROM control")).await?.rows(0)?;
        rows.into_iter().map(|row| Ok((keys::text_key(row.id)?, row.paused))).collect()
    }

    /// Remembers that a worker is to be paused or not, and who wanted it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn pause(&self, worker: &str, paused: bool, audit: &Audit) -> Result<()> {
        let mut batch = Batch::default();
        let row = ControlRow { id: keys::named("control", worker.to_owned()), paused, at: audit.at.as_millis() };
        batch.replace("control", &["paused", "at"], row);
        audit::put(&mut batch, audit);
        self.store.commit(batch).await
    }
}
