//! Reading a whole table in the order of its keys, some rows at a time, and past rows that cannot be read.

use std::ops::Bound;

use surrealdb::types::{RecordId, RecordIdKey, RecordIdKeyRange, SurrealValue, Value};

use super::{Report, shown};
use crate::store::{Error, Result, Store, query::Query};

/// Rows at a time: few, because posts are large.
const PAGE: usize = 200;

/// A row with its id.
pub(super) type Row = (RecordId, Value);

/// A place in a table.
pub(super) struct Pages<'a> {
    store: &'a Store,
    table: &'static str,
    after: Option<RecordIdKey>,
    is_over: bool,
}

impl<'a> Pages<'a> {
    pub(super) fn of(store: &'a Store, table: &'static str) -> Self {
        Self { store, table, after: None, is_over: false }
    }

    /// The next rows; empty at the end. What cannot be read is a finding, told once per table by whoever reads it first.
    pub(super) async fn next(&mut self, report: Option<&mut Report>) -> Result<Vec<Row>> {
        if self.is_over {
            return Ok(Vec::new());
        }
        let rows = match self.read(PAGE).await {
            Ok(rows) => rows,
            Err(error) => self.around(report, error).await,
        };
        match rows.last() {
            Some((id, _)) => self.after = Some(id.key.clone()),
            None => self.is_over = true,
        }
        Ok(rows)
    }

    /// A page holds something that cannot be read: row by row up to it. Behind it RocksDB reads nothing; those rows are met
    /// again by what leads to them.
    async fn around(&mut self, report: Option<&mut Report>, error: Error) -> Vec<Row> {
        if let Ok(rows) = self.read(1).await
            && !rows.is_empty()
        {
            return rows;
        }
        if let Some(report) = report {
            let what = match &self.after {
                Some(key) => format!("what stands behind {}", shown(&RecordId::new(self.table, key.clone()))),
                None => format!("the table {}", self.table),
            };
            report.is_torn = true;
            report.found(&format!("{what} cannot be read: {error}"));
        }
        Vec::new()
    }

    async fn read(&self, limit: usize) -> Result<Vec<Row>> {
        let query = Query::new("SELECT * FROM array::first([$range]) LIMIT $limit")
            .bind("range", self.range())
            .bind("limit", i64::try_from(limit).unwrap_or(i64::MAX));
        let rows: Vec<Value> = self.store.read(query).await?.rows(0)?;
        rows.into_iter().map(|row| Ok((id_of(&row)?, row))).collect()
    }

    fn range(&self) -> RecordId {
        let start = self.after.clone().map_or(Bound::Unbounded, Bound::Excluded);
        RecordId::new(self.table, RecordIdKey::from(RecordIdKeyRange::from((start, Bound::Unbounded))))
    }
}

/// Runs a statement on `$ids`, and on each of them alone if that fails; what cannot be read is told.
pub(super) async fn of_each<T: SurrealValue>(
    store: &Store,
    report: &mut Report,
    text: &str,
    ids: Vec<RecordId>,
) -> Result<Vec<T>> {
    let ask = async |ids: Vec<RecordId>| store.read(Query::new(text).bind("ids", ids)).await?.rows(0);
    if let Ok(rows) = ask(ids.clone()).await {
        return Ok(rows);
    }
    let mut found = Vec::new();
    for id in ids {
        match ask(vec![id.clone()]).await {
            Ok(rows) => found.extend(rows),
            Err(error) => report.found_unreadable(&id, &error),
        }
    }
    Ok(found)
}

fn id_of(row: &Value) -> Result<RecordId> {
    let id = match row {
        Value::Object(row) => row.get("id").cloned(),
        _ => None,
    };
    id.and_then(|id| RecordId::from_value(id).ok()).ok_or_else(|| Error::Corrupt("a row without an id".to_owned()))
}
