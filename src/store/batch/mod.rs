//! Writes that are committed together: the publisher's group commits and the engine's settlements are built from these.
//!
//! A batch has the effect of its writes one after another, although it is written in another order: what several writes to one
//! row come to is worked out first ([`row`]).
//!
//! SurrealDB copies all parameters of a transaction, and all they hold, for most of its statements and for every turn of a
//! `FOR`: many statements with parameters of their own cost quadratic time. So rows of a kind are written by one statement.

use std::collections::BTreeMap;

use surrealdb::types::{Object, RecordId, RecordIdKey, SurrealValue, Value};

use self::row::RowWrite;
use super::query::Query;

mod row;
#[cfg(test)]
mod tests;

/// A set of writes that becomes one transaction.
#[derive(Debug, Default, Clone)]
pub(super) struct Batch {
    /// What is written to each row, by table and key.
    rows: BTreeMap<String, BTreeMap<RecordIdKey, RowWrite>>,
    counts: BTreeMap<Vec<String>, i64>,
    statements: Vec<(String, Object)>,
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

    /// Deletes a row, if it is there.
    pub(super) fn delete(&mut self, id: RecordId) {
        self.write(id.table.to_string(), id.key, RowWrite::Delete);
    }

    /// Runs a statement of its own, before all rows are written; `$name` in it is written `$name_` and bound to the value
    /// given here. A row that a statement writes must not be written otherwise in the same batch.
    pub(super) fn statement<const N: usize>(&mut self, text: &str, parameters: [(&str, Value); N]) {
        let mut bound = Object::default();
        for (name, value) in parameters {
            bound.insert(name, value);
        }
        self.statements.push((text.to_owned(), bound));
    }

    fn row(&mut self, table: &str, row: impl SurrealValue, write: impl FnOnce(Object) -> RowWrite) {
        match row.into_value() {
            Value::Object(row) => match row.get("id") {
                Some(Value::RecordId(id)) => {
                    let key = id.key.clone();
                    self.write(table.to_owned(), key, write(row));
                }
                _ => self.refuse("a row without an id"),
            },
            _ => self.refuse("a row that is no object"),
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
            Err(row::CreatedTwice) => self.refuse("a row is created twice"),
        }
    }

    /// The whole transaction is refused.
    fn refuse(&mut self, why: &str) {
        self.statement("THROW $why_", [("why", why.to_owned().into_value())]);
    }

    /// How many rows are to be written; statements count as one each.
    pub(super) fn len(&self) -> usize {
        self.rows.values().map(BTreeMap::len).sum::<usize>() + self.counts.len() + self.statements.len()
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
        for (table, rows) in other.rows {
            for (key, write) in rows {
                self.write(table.clone(), key, write);
            }
        }
        for (key, n) in other.counts {
            *self.counts.entry(key).or_default() += n;
        }
        self.statements.extend(other.statements);
    }

    /// The transaction. Statements of their own come first, so that guards refuse before anything is written.
    pub(super) fn into_transaction(self) -> Query {
        let mut query = Query::new("BEGIN");
        for (number, (statement, bound)) in self.statements.into_iter().enumerate() {
            let mut statement = statement;
            for (name, value) in bound.into_inner() {
                statement = statement.replace(&format!("${name}_"), &format!("${name}_{number}"));
                query = query.bind(format!("{name}_{number}"), value);
            }
            query = query.and_then(&statement);
        }
        let sorted = Sorted::of(self.rows);
        if !sorted.overwritten.is_empty() {
            query = query.and_then("DELETE $overwritten RETURN NONE").bind("overwritten", sorted.overwritten);
        }
        for (table, rows) in sorted.creates {
            let name = format!("new_{table}");
            query = query.and_then(&format!("INSERT INTO {table} ${name} RETURN NONE")).bind(name, rows);
        }
        for (table, rows) in sorted.puts {
            let name = format!("put_{table}");
            query = query.and_then(&format!("INSERT IGNORE INTO {table} ${name} RETURN NONE")).bind(name, rows);
        }
        for (table, (columns, rows)) in sorted.replacements {
            let name = format!("over_{table}");
            let updates: Vec<String> = columns.iter().map(|column| format!("{column} = $input.{column}")).collect();
            let updates = updates.join(", ");
            let text = format!("INSERT INTO {table} ${name} ON DUPLICATE KEY UPDATE {updates} RETURN NONE");
            query = query.and_then(&text).bind(name, rows);
        }
        if !self.counts.is_empty() {
            let text = "INSERT INTO stat $counts ON DUPLICATE KEY UPDATE n += $input.n RETURN NONE";
            query = query.and_then(text).bind("counts", counters(self.counts));
        }
        if !sorted.deletes.is_empty() {
            query = query.and_then("DELETE $deletes RETURN NONE").bind("deletes", sorted.deletes);
        }
        query.and_then("COMMIT")
    }
}

/// A batch's rows by the statement that writes them.
#[derive(Default)]
struct Sorted {
    /// Rows whose old content goes before the new one comes.
    overwritten: Vec<RecordId>,
    creates: BTreeMap<String, Vec<Value>>,
    puts: BTreeMap<String, Vec<Value>>,
    replacements: BTreeMap<String, (&'static [&'static str], Vec<Value>)>,
    deletes: Vec<RecordId>,
}

impl Sorted {
    fn of(tables: BTreeMap<String, BTreeMap<RecordIdKey, RowWrite>>) -> Self {
        let mut sorted = Self::default();
        for (table, rows) in tables {
            for (key, write) in rows {
                let id = RecordId::new(table.as_str(), key);
                match write {
                    RowWrite::Nothing => {}
                    RowWrite::Delete => sorted.deletes.push(id),
                    RowWrite::Create(row) => sorted.creates.entry(table.clone()).or_default().push(row.into_value()),
                    RowWrite::Put(row) => sorted.puts.entry(table.clone()).or_default().push(row.into_value()),
                    RowWrite::Replace(columns, row) => {
                        let rows = sorted.replacements.entry(table.clone()).or_insert_with(|| (columns, Vec::new()));
                        rows.1.push(row.into_value());
                    }
                    RowWrite::Overwrite(row) => {
                        sorted.overwritten.push(id);
                        sorted.creates.entry(table.clone()).or_default().push(row.into_value());
                    }
                }
            }
        }
        sorted
    }
}

fn counters(counts: BTreeMap<Vec<String>, i64>) -> Vec<Value> {
    let row = |(key, n): (Vec<String>, i64)| {
        let mut row = Object::default();
        row.insert("id", RecordId::new("stat", surrealdb::types::Array::from(key)));
        row.insert("n", n);
        Value::Object(row)
    };
    counts.into_iter().filter(|(_, n)| *n != 0).map(row).collect()
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
