//! Writes that are committed together: the publisher's group commits and the engine's settlements are built from these.
//!
//! SurrealDB copies all parameters of a transaction, and all they hold, for most of its statements and for every turn of a
//! `FOR`: many statements with parameters of their own cost quadratic time. So rows of a kind are written by one statement.

use std::collections::BTreeMap;

use surrealdb::types::{Object, RecordId, SurrealValue, Value};

use super::query::Query;

/// A set of writes that becomes one transaction.
#[derive(Debug, Default, Clone)]
pub(super) struct Batch {
    creates: BTreeMap<&'static str, Vec<Value>>,
    puts: BTreeMap<&'static str, Vec<Value>>,
    replacements: BTreeMap<&'static str, (&'static [&'static str], Vec<Value>)>,
    counts: BTreeMap<Vec<String>, i64>,
    deletes: Vec<RecordId>,
    statements: Vec<(String, Object)>,
}

impl Batch {
    /// Creates a row that must be new.
    pub(super) fn create(&mut self, table: &'static str, row: impl SurrealValue) {
        self.creates.entry(table).or_default().push(row.into_value());
    }

    /// Creates a row unless it exists.
    pub(super) fn put(&mut self, table: &'static str, row: impl SurrealValue) {
        self.puts.entry(table).or_default().push(row.into_value());
    }

    /// Writes a row with these columns over any older one.
    pub(super) fn replace(&mut self, table: &'static str, columns: &'static [&'static str], row: impl SurrealValue) {
        self.replacements.entry(table).or_insert_with(|| (columns, Vec::new())).1.push(row.into_value());
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
        self.deletes.push(id);
    }

    /// Runs a statement of its own; `$name` in it is written `$name_` and bound to the value given here.
    pub(super) fn statement<const N: usize>(&mut self, text: &str, parameters: [(&str, Value); N]) {
        let mut bound = Object::default();
        for (name, value) in parameters {
            bound.insert(name, value);
        }
        self.statements.push((text.to_owned(), bound));
    }

    /// How many rows are to be written; statements count as one each.
    pub(super) fn len(&self) -> usize {
        let rows = |tables: &BTreeMap<_, Vec<Value>>| tables.values().map(Vec::len).sum::<usize>();
        let replaced = self.replacements.values().map(|(_, rows)| rows.len()).sum::<usize>();
        rows(&self.creates)
            + rows(&self.puts)
            + replaced
            + self.counts.len()
            + self.deletes.len()
            + self.statements.len()
    }

    /// The same writes for rows that are believed to be new: fails if one exists.
    pub(super) fn all_new(mut self) -> Self {
        for (table, rows) in std::mem::take(&mut self.puts) {
            self.creates.entry(table).or_default().extend(rows);
        }
        self
    }

    /// Takes over everything `other` has.
    pub(super) fn merge(&mut self, other: Self) {
        for (table, rows) in other.creates {
            self.creates.entry(table).or_default().extend(rows);
        }
        for (table, rows) in other.puts {
            self.puts.entry(table).or_default().extend(rows);
        }
        for (table, (columns, rows)) in other.replacements {
            self.replacements.entry(table).or_insert_with(|| (columns, Vec::new())).1.extend(rows);
        }
        for (key, n) in other.counts {
            *self.counts.entry(key).or_default() += n;
        }
        self.deletes.extend(other.deletes);
        self.statements.extend(other.statements);
    }

    /// The transaction. Statements of their own come first, so that guards refuse before anything is written.
    pub(super) fn into_transaction(self) -> Query {
        let mut text = String::from("BEGIN;");
        let mut parameters = Vec::new();
        for (number, (statement, bound)) in self.statements.into_iter().enumerate() {
            let mut statement = statement;
            for (name, value) in bound.into_inner() {
                statement = statement.replace(&format!("${name}_"), &format!("${name}_{number}"));
                parameters.push((format!("{name}_{number}"), value));
            }
            text.push_str(&statement);
            text.push(';');
        }
        for (verb, tables) in [("INSERT", self.creates), ("INSERT IGNORE", self.puts)] {
            for (table, rows) in tables {
                let name = format!("{}_{table}", if verb == "INSERT" { "new" } else { "put" });
                text.push_str(&format!("{verb} INTO {table} ${name} RETURN NONE;"));
                parameters.push((name, Value::Array(rows.into())));
            }
        }
        for (table, (columns, rows)) in self.replacements {
            let updates: Vec<String> = columns.iter().map(|column| format!("{column} = $input.{column}")).collect();
            let updates = updates.join(", ");
            text.push_str(&format!("INSERT INTO {table} $over_{table} ON DUPLICATE KEY UPDATE {updates} RETURN NONE;"));
            parameters.push((format!("over_{table}"), Value::Array(rows.into())));
        }
        if !self.counts.is_empty() {
            text.push_str("INSERT INTO stat $counts ON DUPLICATE KEY UPDATE n += $input.n RETURN NONE;");
            parameters.push(("counts".to_owned(), Value::Array(counters(self.counts).into())));
        }
        if !self.deletes.is_empty() {
            text.push_str("DELETE $deletes RETURN NONE;");
            parameters.push(("deletes".to_owned(), self.deletes.into_value()));
        }
        text.push_str("COMMIT;");
        parameters.into_iter().fold(Query::new(text), |query, (name, value)| query.bind(name, value))
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
