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

    /// A page holds something that cannot be read: row by row, past what cannot be.
    async fn around(&mut self, mut report: Option<&mut Report>, first: Error) -> Vec<Row> {
        let mut error = first;
        loop {
            if let Ok(rows) = self.read(1).await {
                return rows;
            }
            let Some(id) = self.next_id().await else {
                let what = match &self.after {
                    Some(key) => {
                        format!("behind {}, nothing can be read", shown(&RecordId::new(self.table, key.clone())))
                    }
                    None => format!("the table {} cannot be read", self.table),
                };
                tell(&mut report, &format!("{what}: {error}"));
                self.is_over = true;
                return Vec::new();
            };
            if let Err(next) = self.read(1).await {
                error = next;
            }
            tell(&mut report, &format!("{} cannot be read: {error}", shown(&id)));
            self.after = Some(id.key);
        }
    }

    async fn read(&self, limit: usize) -> Result<Vec<Row>> {
        let query = Query::new("SELECT * FROM array::first([$range]) LIMIT $limit")
            .bind("range", self.range())
            .bind("limit", i64::try_from(limit).unwrap_or(i64::MAX));
        let rows: Vec<Value> = self.store.read(query).await?.rows(0)?;
        rows.into_iter().map(|row| Ok((id_of(&row)?, row))).collect()
    }

    async fn next_id(&self) -> Option<RecordId> {
        let query = Query::page(self.range(), 1);
        self.store.read(query).await.ok()?.row::<RecordId>(0).ok()?
    }

    fn range(&self) -> RecordId {
        let start = self.after.clone().map_or(Bound::Unbounded, Bound::Excluded);
        RecordId::new(self.table, RecordIdKey::from(RecordIdKeyRange::from((start, Bound::Unbounded))))
    }
}

fn tell(report: &mut Option<&mut Report>, what: &str) {
    if let Some(report) = report {
        report.found(what);
    }
}

fn id_of(row: &Value) -> Result<RecordId> {
    let id = match row {
        Value::Object(row) => row.get("id").cloned(),
        _ => None,
    };
    id.and_then(|id| RecordId::from_value(id).ok()).ok_or_else(|| Error::Corrupt("a row without an id".to_owned()))
}
