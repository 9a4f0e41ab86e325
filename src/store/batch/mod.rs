//! Writes that are committed together: the publisher's group commits and the engine's settlements are built from these.
//!
//! A batch has the effect of its writes one after another, although it is written in another order: what several writes to one
//! row come to is worked out first ([`row`]). How it is written is in `roads`.

use std::collections::BTreeMap;

use surrealdb::types::{Object, RecordId, RecordIdKey, SurrealValue, Value};

mod change;
mod guard;
mod row;
#[cfg(test)]
mod tests;

pub(super) use self::{
    change::{Change, Changes, Then},
    row::RowWrite,
};
pub use guard::Guard;

/// The writes to a table's rows.
pub(super) type Rows = BTreeMap<RecordIdKey, RowWrite>;

/// A set of writes that becomes one transaction. They take effect in the order of these fields.
#[derive(Debug, Default, Clone)]
pub(super) struct Batch {
    /// Changes that depend on what rows hold. A row that is changed here must not be written below.
    pub(super) changes: Changes,
    pub(super) waiting: Vec<Waiting>,
    /// What is written to each row, by table and key.
    pub(super) rows: BTreeMap<String, Rows>,
    /// What is added to each counter, by the key of its row in `stat`.
    pub(super) counts: BTreeMap<Vec<String>, i64>,
    /// The least that numbers are to be, by table and column, and by row.
    pub(super) floors: BTreeMap<(&'static str, &'static str), BTreeMap<RecordIdKey, i64>>,
    /// Why none of it can be written.
    flaw: Option<Flaw>,
}

/// A row that must stand otherwise as long as another one, the one it waits for, holds one of some words. That one is read under a
/// lock: either this transaction sees its change, or whoever changes it sees this row.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) on: RecordId,
    pub(super) column: &'static str,
    pub(super) words: &'static [&'static str],
    pub(super) table: &'static str,
    /// The row, which is written unless there is one.
    pub(super) row: Object,
    /// The columns that change while it waits.
    pub(super) set: change::Columns,
}

/// What is wrong with a batch itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// It creates a row that it has written before.
    CreatedTwice,
    /// One of its rows is no object with an id.
    NoRow,
}

impl Batch {
    /// Creates a row that must be new.
    pub(super) fn create(&mut self, table: &'static str, row: impl SurrealValue) {
        self.row(table, row, RowWrite::Create);
    }

    /// Creates a row unless it exists.
    pub(super) fn put(&mut self, table: &'static str, row: impl SurrealValue) {
        self.row(table, row, RowWrite::Put);
    }

    /// Writes a row, or these columns of it over those of an older one. All rows of a table have the same columns.
    pub(super) fn replace(&mut self, table: &'static str, columns: &'static [&'static str], row: impl SurrealValue) {
        self.row(table, row, |row| RowWrite::Replace(columns, row));
    }

    /// Creates a row that is nothing but its key, unless it exists.
    pub(super) fn put_key(&mut self, table: &'static str, id: RecordId) {
        let mut row = Object::default();
        row.insert("id", id);
        self.put(table, row);
    }

    /// Adds `n` to the counter `stat:[subject, metric, day]`.
    pub(super) fn count(&mut self, subject: String, metric: &str, day: &str, n: i64) {
        *self.counts.entry(vec![subject, metric.to_owned(), day.to_owned()]).or_default() += n;
    }

    /// Makes a number at least `n`.
    pub(super) fn raise(&mut self, table: &'static str, key: RecordIdKey, column: &'static str, n: i64) {
        let floor = self.floors.entry((table, column)).or_default().entry(key).or_insert(n);
        *floor = n.max(*floor);
    }

    /// Deletes a row, if it is there.
    pub(super) fn delete(&mut self, id: RecordId) {
        self.write(id.table.to_string(), id.key, RowWrite::Delete);
    }

    /// Makes a change that depends on what a row holds, after all changes that were added before.
    pub(super) fn change(&mut self, change: Change) {
        self.changes.add(change);
    }

    /// Creates a row unless it exists; it stands otherwise as long as it waits.
    pub(super) fn put_waiting(&mut self, waiting: Waiting) {
        self.waiting.push(waiting);
    }

    fn row(&mut self, table: &str, row: impl SurrealValue, write: impl FnOnce(Object) -> RowWrite) {
        match row.into_value() {
            Value::Object(row) => match row.get("id") {
                Some(Value::RecordId(id)) => {
                    let key = id.key.clone();
                    self.write(table.to_owned(), key, write(row));
                }
                _ => self.flaw = Some(Flaw::NoRow),
            },
            _ => self.flaw = Some(Flaw::NoRow),
        }
    }

    #[expect(clippy::mutable_key_type, reason = "a key may hold a compiled regex; these hold texts and numbers")]
    fn write(&mut self, table: String, key: RecordIdKey, next: RowWrite) {
        let rows = self.rows.entry(table).or_default();
        let write = match rows.remove(&key) {
            Some(before) => before.then(next),
            None => Ok(next),
        };
        match write {
            Ok(write) => {
                rows.insert(key, write);
            }
            Err(row::CreatedTwice) => self.flaw = Some(Flaw::CreatedTwice),
        }
    }

    /// The tables that are written to.
    pub(super) fn tables(&self) -> impl Iterator<Item = &str> {
        let changed = self.changes.iter().map(|change| change.id.table.as_str());
        let written = self.rows.keys().map(String::as_str);
        let counted = (!self.counts.is_empty()).then_some("stat");
        let raised = self.floors.keys().map(|(table, _)| *table);
        changed.chain(self.waiting.iter().map(|row| row.table)).chain(written).chain(counted).chain(raised)
    }

    /// Why none of it can be written.
    pub(super) const fn flaw(&self) -> Option<Flaw> {
        self.flaw
    }

    /// How many rows are to be written.
    pub(super) fn len(&self) -> usize {
        let rows: usize = self.rows.values().map(BTreeMap::len).sum();
        let floors: usize = self.floors.values().map(BTreeMap::len).sum();
        let flaws = usize::from(self.flaw.is_some());
        self.changes.len() + self.waiting.len() + rows + self.counts.len() + floors + flaws
    }

    /// The same writes for rows that are believed to be new: fails if one exists.
    pub(super) fn all_new(mut self) -> Self {
        for rows in self.rows.values_mut() {
            *rows = std::mem::take(rows).into_iter().map(|(key, write)| (key, write.of_a_new_row())).collect();
        }
        self
    }

    /// Adds everything `other` has, behind what is here.
    pub(super) fn merge(&mut self, other: Self) {
        other.changes.into_groups().into_iter().flatten().for_each(|change| self.changes.add(change));
        self.waiting.extend(other.waiting);
        for (table, rows) in other.rows {
            for (key, write) in rows {
                self.write(table.clone(), key, write);
            }
        }
        for (key, n) in other.counts {
            *self.counts.entry(key).or_default() += n;
        }
        for ((table, column), floors) in other.floors {
            floors.into_iter().for_each(|(key, n)| self.raise(table, key, column, n));
        }
        self.flaw = self.flaw.or(other.flaw);
    }
}

/// Writes to a worker's own tables that the engine commits together with the worker's cursor or delivery row: exactly
/// once, whatever crashes. Only a store access makes them.
#[derive(Debug, Default, Clone)]
pub struct Effects(pub(super) Batch);

impl Effects {
    /// No writes.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// How many rows they write.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether they write nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes over the writes of `other`.
    pub fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
    }
}
