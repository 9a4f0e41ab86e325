//! A batch as one transaction in `SurrealQL`, and lookups as one query.
//!
//! SurrealDB copies all parameters of a transaction, and all they hold, for most of its statements and for every turn of a
//! `FOR`: many statements with parameters of their own cost quadratic time. So what is alike is written by one statement.

use std::collections::BTreeMap;

use surrealdb::types::{Array, Object, RecordId, SurrealValue, Value};

use super::{Lookup, Lookups};
use crate::store::{
    batch::{Batch, Change, RowWrite, Rows, Then, Waiting},
    query::Query,
};

/// The transaction. What depends on the rows comes first, so that guards refuse before anything is written.
pub(super) fn transaction(batch: Batch) -> Query {
    let mut query = Query::new("BEGIN");
    for (number, group) in batch.changes.into_groups().into_iter().enumerate() {
        query = change(query, number, group);
    }
    for (number, group) in alike(batch.waiting).into_iter().enumerate() {
        query = wait(query, number, group);
    }
    let sorted = Sorted::of(batch.rows);
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
        let updates: Vec<String> = columns.iter().map(|column| format!("{column} = $input.{column}")).collect();
        query = upsert(query, &format!("over_{table}"), &table, &updates.join(", "), rows);
    }
    let counts = batch.counts.into_iter().filter(|(_, n)| *n != 0);
    let counters: Vec<Value> = counts.map(|(key, n)| number("n", RecordId::new("stat", Array::from(key)), n)).collect();
    if !counters.is_empty() {
        query = upsert(query, "counts", "stat", "n += $input.n", counters);
    }
    for ((table, column), floors) in batch.floors {
        let rows = floors.into_iter().map(|(key, n)| number(column, RecordId::new(table, key), n)).collect();
        let update = format!("{column} = math::max([{column} ?? $input.{column}, $input.{column}])");
        query = upsert(query, &format!("floors_{table}_{column}"), table, &update, rows);
    }
    if !sorted.deletes.is_empty() {
        query = query.and_then("DELETE $deletes RETURN NONE").bind("deletes", sorted.deletes);
    }
    query.and_then("COMMIT")
}

/// One statement for each.
///
/// The odd source of a page is on purpose. SurrealDB 3.3.5 pushes `LIMIT` into the scan of a record range only when it meets the range
/// at run time: a plain parameter is resolved by the planner, which then reads the whole range. An array literal that holds a
/// parameter is not resolved early. Measured on 20,000 rows: 0.3 ms instead of 50 ms.
pub(super) fn lookups(lookups: Lookups) -> Query {
    let mut query = Query::default();
    for (number, lookup) in lookups.into_iter().enumerate() {
        let of = format!("of_{number}");
        query = match lookup {
            Lookup::Rows(ids) => query.and_then(&format!("SELECT * FROM ${of}")).bind(of, ids),
            Lookup::Ids(ids) => query.and_then(&format!("SELECT VALUE id FROM ${of}")).bind(of, ids),
            Lookup::Range(range) => query.and_then(&format!("SELECT * FROM ${of}")).bind(of, range),
            Lookup::Page { range, start, limit } => {
                let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
                let text = format!("SELECT VALUE id FROM array::first([${of}]) START ${of}_start LIMIT ${of}_limit");
                let (start, limit) = (number(start), number(limit));
                query
                    .and_then(&text)
                    .bind(format!("{of}_start"), start)
                    .bind(format!("{of}_limit"), limit)
                    .bind(of, range)
            }
        };
    }
    query
}

/// Writes rows, or changes those that exist.
fn upsert(query: Query, name: &str, table: &str, update: &str, rows: Vec<Value>) -> Query {
    let text = format!("INSERT INTO {table} ${name} ON DUPLICATE KEY UPDATE {update} RETURN NONE");
    query.and_then(&text).bind(name, rows)
}

/// A row with one number.
fn number(column: &str, id: RecordId, n: i64) -> Value {
    let mut row = Object::default();
    row.insert("id", id);
    row.insert(column, n);
    Value::Object(row)
}

/// Makes changes that are alike.
fn change(query: Query, number: usize, group: Vec<Change>) -> Query {
    let Some(first) = group.first() else { return query };
    let (ids, rows, done) = (format!("ids_{number}"), format!("to_{number}"), format!("done_{number}"));
    let row = if group.len() == 1 { format!("${rows}[0]") } else { format!("${rows}[array::find_index(${ids}, id)]") };
    let holds: Vec<String> = first.when.iter().map(|(column, _)| format!("{column} = {row}.when_{column}")).collect();
    let condition = if holds.is_empty() { String::new() } else { format!(" WHERE {}", holds.join(" AND ")) };
    let (change, told) = match &first.then {
        Then::Set { columns, add } => {
            let set = columns.iter().map(|(column, _)| format!("{column} = {row}.set_{column}"));
            let add = add.iter().map(|(column, _)| format!("{column} += {row}.add_{column}"));
            (format!("UPDATE ${ids} SET {}", set.chain(add).collect::<Vec<_>>().join(", ")), "VALUE id")
        }
        Then::Content(_) if first.when.is_empty() => (format!("UPSERT ${ids} CONTENT {row}.content"), "VALUE id"),
        Then::Content(_) => (format!("UPDATE ${ids} CONTENT {row}.content"), "VALUE id"),
        Then::Delete => (format!("DELETE ${ids}"), "BEFORE"),
    };
    let text = match first.guard {
        Some(guard) => format!(
            "LET ${done} = {change}{condition} RETURN {told}; \
             IF array::len(${done}) != {} {{ THROW '{guard}' }}",
            group.len()
        ),
        None => format!("{change}{condition} RETURN NONE"),
    };
    let bound: Vec<Value> = group.iter().map(bound).collect();
    let changed: Vec<RecordId> = group.into_iter().map(|change| change.id).collect();
    query.and_then(&text).bind(ids, changed).bind(rows, bound)
}

/// What a change needs, by the names that the statement has for it.
fn bound(change: &Change) -> Value {
    let mut bound = Object::default();
    let mut bind = |what: &str, column: &str, value: Value| bound.insert(format!("{what}_{column}"), value);
    for (column, value) in &change.when {
        bind("when", column, value.clone());
    }
    match &change.then {
        Then::Set { columns, add } => {
            for (column, value) in columns {
                bind("set", column, value.clone());
            }
            for (column, n) in add {
                bind("add", column, n.into_value());
            }
        }
        Then::Content(row) => {
            bound.insert("content", row.clone());
        }
        Then::Delete => {}
    }
    Value::Object(bound)
}

/// Rows that wait alike, each kind together.
fn alike(waiting: Vec<Waiting>) -> Vec<Vec<Waiting>> {
    let mut kinds: Vec<Vec<Waiting>> = Vec::new();
    for row in waiting {
        let is_like = |other: &Waiting| {
            (other.table, other.column, other.words, &other.set) == (row.table, row.column, row.words, &row.set)
        };
        match kinds.iter_mut().find(|kind| kind.first().is_some_and(is_like)) {
            Some(kind) => kind.push(row),
            None => kinds.push(vec![row]),
        }
    }
    kinds
}

/// Puts rows that wait. A lock takes a single record, not a list of them.
fn wait(query: Query, number: usize, group: Vec<Waiting>) -> Query {
    let Some(Waiting { table, column, words, set, .. }) = group.first().cloned() else { return query };
    let (rows, pairs, held) = (format!("waiting_{number}"), format!("pairs_{number}"), format!("held_{number}"));
    let updates: Vec<String> = set.iter().map(|(column, _)| format!("{column} = ${held}.{column}")).collect();
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let text = format!(
        "INSERT IGNORE INTO {table} ${rows} RETURN NONE; \
         FOR $pair IN ${pairs} {{ \
             LET $on = $pair.on; LET $row = $pair.row; \
             LET $word = SELECT VALUE {column} FROM ONLY $on FOR UPDATE; \
             IF $word IN [{}] {{ UPDATE $row SET {} RETURN NONE }} \
         }}",
        words.join(", "),
        updates.join(", ")
    );
    let mut columns = Object::default();
    for (column, value) in set {
        columns.insert(column, value);
    }
    let pair = |waiting: &Waiting| {
        let mut pair = Object::default();
        pair.insert("on", waiting.on.clone());
        pair.insert("row", waiting.row.get("id").cloned().unwrap_or(Value::None));
        Value::Object(pair)
    };
    let pairs_of: Vec<Value> = group.iter().map(pair).collect();
    let rows_of: Vec<Value> = group.into_iter().map(|waiting| Value::Object(waiting.row)).collect();
    query.and_then(&text).bind(rows, rows_of).bind(pairs, pairs_of).bind(held, columns)
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
    fn of(tables: BTreeMap<String, Rows>) -> Self {
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
