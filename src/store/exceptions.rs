//! Looking at what did not go through: the rows of the retry queue and the dead letters.

use surrealdb::types::{RecordId, SurrealValue};

use super::{Failure, Result, Store, keys, query::Query};

/// A delivery or dead letter, as operators and tests look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Whose it is.
    pub worker: String,
    /// `ready`, `leased`, `held` or `dead`.
    pub state: String,
    /// Receives spent.
    pub receives: i64,
    /// What went wrong so far.
    pub failures: Vec<Failure>,
}

/// Reads exceptions.
#[derive(Clone)]
pub struct ExceptionReads {
    store: Store,
}

#[derive(SurrealValue)]
struct Row {
    id: RecordId,
    state: Option<String>,
    receives: i64,
    failures: Vec<Failure>,
}

impl ExceptionReads {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Up to `limit` deliveries and as many dead letters.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list(&self, limit: usize) -> Result<Vec<Exception>> {
        let text = "SELECT id, state, receives, failures FROM delivery LIMIT $limit; \
                    SELECT id, 'dead' AS state, receives, failures FROM dead_letter LIMIT $limit";
        let query = Query::new(text).bind("limit", i64::try_from(limit).unwrap_or(i64::MAX));
        let mut answers = self.store.read(query).await?;
        let mut rows: Vec<Row> = answers.rows(0)?;
        rows.extend(answers.rows::<Row>(1)?);
        rows.into_iter()
            .map(|row| {
                Ok(Exception {
                    worker: keys::Parts::of(row.id)?.text()?,
                    state: row.state.unwrap_or_default(),
                    receives: row.receives,
                    failures: row.failures,
                })
            })
            .collect()
    }
}
