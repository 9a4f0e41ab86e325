//! What is read by keys alone: rows by their ids, and ranges of keys.

use surrealdb::types::{RecordId, SurrealValue, Value};

use crate::store::{Error, Result};

/// One thing to be read.
#[derive(Debug, Clone)]
pub(in crate::store) enum Lookup {
    /// The rows with these ids, in their order; those that do not exist are left out.
    Rows(Vec<RecordId>),
    /// Which of these ids there are, in their order.
    Ids(Vec<RecordId>),
    /// All rows of a range, in the order of their keys.
    Range(RecordId),
    /// The ids of a range, in the order of their keys.
    Page {
        /// From where to where.
        range: RecordId,
        /// How many are passed over.
        start: usize,
        /// At most so many.
        limit: usize,
    },
}

/// Things to be read at one moment.
pub(in crate::store) type Lookups = Vec<Lookup>;

impl Lookup {
    /// The first `limit` ids of a range.
    pub(in crate::store) const fn page(range: RecordId, limit: usize) -> Self {
        Self::Page { range, start: 0, limit }
    }

    /// The tables that are looked into.
    pub(super) fn tables(&self) -> impl Iterator<Item = &str> {
        let ids = match self {
            Self::Rows(ids) | Self::Ids(ids) => ids.as_slice(),
            Self::Range(range) | Self::Page { range, .. } => std::slice::from_ref(range),
        };
        ids.iter().map(|id| id.table.as_str())
    }
}

/// What was found, by the place of its lookup.
#[derive(Debug)]
pub(in crate::store) struct Found(std::vec::IntoIter<Vec<Value>>);

impl Found {
    pub(super) fn new(found: Vec<Vec<Value>>) -> Self {
        Self(found.into_iter())
    }

    /// What the next lookup has found.
    pub(in crate::store) fn next<T: SurrealValue>(&mut self) -> Result<Vec<T>> {
        let rows = self.0.next().unwrap_or_default();
        rows.into_iter().map(|row| T::from_value(row).map_err(|error| Error::Corrupt(error.to_string()))).collect()
    }
}
