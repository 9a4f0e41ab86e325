//! Running SurrealQL: bind, run, sort out errors, retry conflicts. The only file that calls `query`.

use std::{sync::Arc, time::Duration};

use surrealdb::{
    IndexedResults,
    types::{Object, QueryError, SurrealValue, Value},
};

use super::{Error, Result, engine::Engine};
use crate::backoff::Backoff;

const TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(800);

/// A SurrealQL text with its parameters.
#[derive(Debug, Clone, Default)]
pub(super) struct Query {
    text: String,
    parameters: Object,
}

impl Query {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), parameters: Object::default() }
    }

    /// The same parameters with another text, for texts that grow with what is asked.
    pub(super) fn with_text(mut self, text: String) -> Self {
        self.text = text;
        self
    }

    /// The same query and another statement behind it.
    pub(super) fn and_then(mut self, statement: &str) -> Self {
        if !self.text.is_empty() {
            self.text.push_str("; ");
        }
        self.text.push_str(statement);
        self
    }

    pub(super) fn bind(mut self, name: impl Into<String>, value: impl SurrealValue) -> Self {
        self.parameters.insert(name, value);
        self
    }
}

/// The answers of a query, one per statement.
pub(super) struct Answers(IndexedResults);

impl Answers {
    /// The rows that statement `index` answered with.
    pub(super) fn rows<T: SurrealValue>(&mut self, index: usize) -> Result<Vec<T>> {
        match self.0.take::<Value>(index).map_err(unreadable)? {
            Value::None | Value::Null => Ok(Vec::new()),
            Value::Array(rows) => {
                rows.into_vec().into_iter().map(|row| T::from_value(row).map_err(unreadable)).collect()
            }
            row => Ok(vec![T::from_value(row).map_err(unreadable)?]),
        }
    }

    /// The first row that statement `index` answered with.
    pub(super) fn row<T: SurrealValue>(&mut self, index: usize) -> Result<Option<T>> {
        Ok(self.rows(index)?.into_iter().next())
    }
}

fn unreadable(error: surrealdb::Error) -> Error {
    Error::Corrupt(error.to_string())
}

/// Runs a query once.
pub(super) async fn once(database: &Engine, query: Query) -> Result<Answers> {
    let mut answers = database.query(query.text, query.parameters).await?;
    let errors = answers.take_errors();
    if errors.is_empty() {
        return Ok(Answers(answers));
    }
    Err(most_telling(errors.into_values()))
}

/// Runs a statement or transaction, again when it met another one.
pub(super) async fn with_retry(database: Arc<Engine>, query: Query) -> Result<Answers> {
    retrying(|| once(&database, query.clone())).await
}

/// Tries something again when it met another transaction: 5 tries, 50 to 800 ms apart, with jitter.
pub(super) async fn retrying<T, F: Future<Output = Result<T>>>(attempt: impl Fn() -> F) -> Result<T> {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE).with_jitter();
    for _ in 1..TRIES {
        match attempt().await {
            Err(Error::Conflict(_)) => tokio::time::sleep(backoff.pause()).await,
            settled => return settled,
        }
    }
    attempt().await
}

/// In a failed transaction every statement has an error: those before the one that says why were "not executed", those behind
/// it "cancelled".
fn most_telling(errors: impl Iterator<Item = surrealdb::Error>) -> Error {
    let mut fallback = None;
    for error in errors {
        let is_bystander = matches!(error.query_details(), Some(QueryError::NotExecuted | QueryError::Cancelled));
        let error = Error::from(error);
        if matches!(error, Error::Conflict(_)) {
            return error;
        }
        if !is_bystander || fallback.is_none() {
            fallback = Some(error);
        }
    }
    fallback.unwrap_or_else(|| Error::Unavailable("the database gave an error without a text".to_owned()))
}
