//! Both roads mean the same: random batches leave the same rows and end with the same error, whichever road they take, and all
//! reads answer the same. What records write is read by `SurrealQL`, byte for byte what it would have written itself.

use std::{collections::BTreeMap, ops::Bound};

use proptest::{collection::vec, prelude::*, strategy::ValueTree, test_runner::TestRunner};
use surrealdb::types::{Object, RecordId, RecordIdKey, RecordIdKeyRange, SurrealValue, ToSql, Value};
use surrealdb_core::kvs::copy;
use surrealdb_datastore::{Direction, TransactionType};

use super::{Lookup, look, once};
use crate::store::{
    Error, Guard,
    batch::{Batch, Change, Then},
    engine::Engine,
    keys::{self, parts},
    query::{self, Query},
    testing::{database, in_memory, on_a_deep_stack},
};

const TABLES: &str = "DEFINE TABLE thing SCHEMALESS; DEFINE TABLE other SCHEMALESS; DEFINE TABLE feed SCHEMALESS; \
                      DEFINE TABLE edge SCHEMALESS; DEFINE TABLE stat SCHEMALESS";
const COLUMNS: &[&str] = &["a", "gone"];
const NAMES: [&str; 5] = ["thing", "other", "feed", "edge", "stat"];

/// Two databases with the same tables: one that is written and read as text, one as records.
struct Roads {
    text: Engine,
    records: Engine,
}

impl Roads {
    async fn new() -> Self {
        let mut roads = Self { text: database().await, records: database().await };
        for database in [&roads.text, &roads.records] {
            query::once(database, Query::new(TABLES)).await.unwrap();
        }
        roads.records.open_records(&in_memory()).await.unwrap();
        roads
    }

    /// Commits a batch on both; how it ended, in the same words.
    async fn commit(&self, batch: &Batch) -> Result<(), String> {
        assert!(self.records.records().unwrap().can_write(batch), "{batch:?}");
        let told = |error: Error| format!("{error:?}");
        let (text, records) = (once(&self.text, batch).await, once(&self.records, batch).await);
        let (text, records) = (text.map_err(told), records.map_err(told));
        assert_eq!(text, records, "{batch:#?}");
        text
    }

    /// Reads on both.
    async fn look(&self, lookup: Lookup) -> Vec<Value> {
        let lookups = vec![lookup];
        assert!(self.records.records().unwrap().can_read(&lookups));
        let text: Vec<Value> = look(&self.text, lookups.clone()).await.unwrap().next().unwrap();
        let records: Vec<Value> = look(&self.records, lookups.clone()).await.unwrap().next().unwrap();
        assert_eq!(text, records, "{lookups:?}");
        text
    }

    /// All rows of all tables, read by `SurrealQL`; the same on both.
    async fn rows(&self) -> BTreeMap<&'static str, Vec<Value>> {
        let mut all = BTreeMap::new();
        for table in NAMES {
            let rows = |database| async move {
                let mut answers = query::once(database, Query::new(format!("SELECT * FROM {table}"))).await.unwrap();
                answers.rows::<Value>(0).unwrap()
            };
            let (text, records) = (rows(&self.text).await, rows(&self.records).await);
            assert_eq!(text, records, "{table}");
            all.insert(table, text);
        }
        all
    }

    /// How many keys there are under these tables, whose bytes are the same on both.
    async fn same_bytes(&self, tables: &[&str]) -> usize {
        let (text, records) = (bytes(&self.text, tables).await, bytes(&self.records, tables).await);
        assert_eq!(text, records);
        text.len()
    }
}

/// The keys and values that are kept under these tables: rows, index entries and whatever else there is.
async fn bytes(database: &Engine, tables: &[&str]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let transaction = database.datastore().unwrap().transaction(TransactionType::Read).await.unwrap();
    let mut kept = Vec::new();
    let mut all = transaction.open_vals_cursor_raw(copy::keyspace(), Direction::Forward, 0, None).await.unwrap();
    loop {
        let batch = all.next_batch(100).await.unwrap();
        if batch.is_empty() {
            break;
        }
        for (key, value) in batch.iter() {
            let of = |table: &&str| {
                let name = [b"*", table.as_bytes(), b"\0"].concat();
                // Behind the namespace and the database; what the catalogue says of a table begins with an exclamation mark.
                key.windows(name.len())
                    .position(|part| part == name)
                    .is_some_and(|at| key.get(at + name.len()) != Some(&b'!'))
            };
            if tables.iter().any(of) {
                kept.push((key.to_vec(), value.to_vec()));
            }
        }
    }
    drop(all);
    transaction.cancel().await.unwrap();
    kept
}

/// One write to one of a few rows.
#[derive(Debug, Clone)]
enum Step {
    Create(&'static str, u8, i64),
    Put(&'static str, u8, i64),
    PutKey(u8, i64),
    Replace(u8, i64),
    Delete(&'static str, u8),
    DeleteKey(u8, i64),
    Count(u8, i64),
    Raise(u8, i64),
    /// Sets and adds, if a column holds this.
    Set {
        key: u8,
        when: Option<i64>,
        n: i64,
        is_guarded: bool,
    },
    Content {
        key: u8,
        when: Option<i64>,
        n: i64,
        is_guarded: bool,
    },
    Remove {
        key: u8,
        when: Option<i64>,
        is_guarded: bool,
    },
    /// Writes a row whatever is there.
    Write(u8, i64),
}

/// Rows of `thing` are written, rows of `other` are changed.
fn step() -> impl Strategy<Value = Step> {
    let (key, n) = (0..4_u8, -3..4_i64);
    let table = prop::sample::select(vec!["thing", "thing", "thing", "edge"]);
    let change = (key.clone(), prop::option::of(n.clone()), n.clone(), any::<bool>());
    prop_oneof![
        (table.clone(), key.clone(), n.clone()).prop_map(|(table, key, n)| Step::Create(table, key, n)),
        (table.clone(), key.clone(), n.clone()).prop_map(|(table, key, n)| Step::Put(table, key, n)),
        (key.clone(), n.clone()).prop_map(|(key, n)| Step::PutKey(key, n)),
        (key.clone(), n.clone()).prop_map(|(key, n)| Step::Replace(key, n)),
        (table, key.clone()).prop_map(|(table, key)| Step::Delete(table, key)),
        (key.clone(), n.clone()).prop_map(|(key, n)| Step::DeleteKey(key, n)),
        (key.clone(), n.clone()).prop_map(|(key, n)| Step::Count(key, n)),
        (key.clone(), n.clone()).prop_map(|(key, n)| Step::Raise(key + 4, n)),
        change.clone().prop_map(|(key, when, n, is_guarded)| Step::Set { key, when, n, is_guarded }),
        change.clone().prop_map(|(key, when, n, is_guarded)| Step::Content { key, when, n, is_guarded }),
        change.prop_map(|(key, when, _, is_guarded)| Step::Remove { key, when, is_guarded }),
        (key, n).prop_map(|(key, n)| Step::Write(key, n)),
    ]
}

/// Keys of all kinds.
fn id(table: &str, key: u8) -> RecordId {
    match key {
        0 => RecordId::new(table, 7_i64),
        1 => keys::named(table, "it's ⟨odd⟩\0"),
        2 => keys::record(table, parts!["a", -1]),
        _ => keys::record(table, parts!["a", i64::from(key), "b"]),
    }
}

fn feed_id(key: u8, n: i64) -> RecordId {
    keys::record("feed", parts![format!("reader {key}"), n, "post"])
}

fn nested(n: i64) -> Value {
    let mut nested = Object::default();
    nested.insert("none", Value::None);
    nested.insert("null", Value::Null);
    let mut listed = Object::default();
    listed.insert("none", Value::None);
    listed.insert("n", n);
    nested.insert("list", vec![n.into_value(), Value::None, Value::Object(listed)]);
    nested.insert("text", format!("{n}\0\u{1f4f0}"));
    nested.insert("half", 0.5_f64);
    Value::Object(nested)
}

/// A row with columns of all kinds, some of which hold nothing.
fn row(id: RecordId, n: i64) -> Value {
    let mut row = Object::default();
    row.insert("id", id);
    row.insert("a", n);
    row.insert("b", format!("text {n}"));
    row.insert("gone", if n % 2 == 0 { Value::None } else { n.into_value() });
    row.insert("none", Value::None);
    row.insert("nested", nested(n));
    row.insert("at", -n);
    Value::Object(row)
}

fn change(key: u8, when: Option<i64>, is_guarded: bool, then: Then) -> Change {
    Change {
        id: id("other", key),
        when: when.map(|n| ("a", n.into_value())).into_iter().collect(),
        guard: is_guarded.then_some(if key.is_multiple_of(2) { Guard::Stale } else { Guard::LeaseLost }),
        then,
    }
}

fn add(batch: &mut Batch, step: &Step) {
    match *step {
        Step::Create(table, key, n) => batch.create(table, row(id(table, key), n)),
        Step::Put(table, key, n) => batch.put(table, row(id(table, key), n)),
        Step::PutKey(key, n) => batch.put_key("feed", feed_id(key, n)),
        Step::Replace(key, n) => batch.replace("thing", COLUMNS, row(id("thing", key), n)),
        Step::Delete(table, key) => batch.delete(id(table, key)),
        Step::DeleteKey(key, n) => batch.delete(feed_id(key, n)),
        Step::Count(key, n) => batch.count(format!("subject {key}"), "views", "2026-01-01", n),
        Step::Raise(key, n) => batch.raise("edge", id("edge", key).key, "at", n),
        Step::Set { key, when, n, is_guarded } => {
            let then = Then::set([("a", n.into_value()), ("gone", row_gone(n)), ("nested", nested(n))]);
            batch.change(change(key, when, is_guarded, then.and_add("n", n).and_add("at", 1)));
        }
        Step::Content { key, when, n, is_guarded } => {
            let then = Then::content(row(id("other", key), n));
            batch.change(change(key, when, is_guarded && when.is_some(), then));
        }
        Step::Remove { key, when, is_guarded } => batch.change(change(key, when, is_guarded, Then::Delete)),
        Step::Write(key, n) => batch.change(Change::of(id("other", key), Then::content(row(id("other", key), n)))),
    }
}

fn row_gone(n: i64) -> Value {
    if n % 2 == 0 { Value::None } else { n.into_value() }
}

fn batch_of(steps: &[Step]) -> Batch {
    let mut batch = Batch::default();
    steps.iter().for_each(|step| add(&mut batch, step));
    batch
}

fn range(start: Bound<RecordIdKey>, end: Bound<RecordIdKey>, table: &str) -> RecordId {
    RecordId::new(table, RecordIdKey::from(RecordIdKeyRange::from((start, end))))
}

/// Reads everything there is to read, in many ways.
async fn read_all(roads: &Roads) {
    for table in NAMES {
        let mut keys: Vec<RecordIdKey> = (0..4).map(|key| id(table, key).key).collect();
        keys.extend([feed_id(1, -1).key, feed_id(2, 0).key]);
        let ids = |keys: &[RecordIdKey]| keys.iter().map(|key| RecordId::new(table, key.clone())).collect::<Vec<_>>();
        roads.look(Lookup::Rows(ids(&keys))).await;
        roads.look(Lookup::Ids(ids(&keys))).await;
        roads.look(Lookup::Rows(Vec::new())).await;
        let bounds: Vec<Bound<RecordIdKey>> = keys
            .iter()
            .flat_map(|key| [Bound::Included(key.clone()), Bound::Excluded(key.clone())])
            .chain([Bound::Unbounded])
            .collect();
        for start in &bounds {
            for end in &bounds {
                let range = range(start.clone(), end.clone(), table);
                roads.look(Lookup::Range(range.clone())).await;
                roads.look(Lookup::Page { range: range.clone(), start: 1, limit: 2 }).await;
                roads.look(Lookup::page(range, 3)).await;
            }
        }
    }
}

#[test]
fn batches_leave_the_same_rows_and_end_alike_by_either_road() {
    on_a_deep_stack(|| async {
        let plan = vec(vec(step(), 1..10), 1..20);
        let mut runner = TestRunner::default();
        let (mut done, mut compared, mut refused) = (0, 0, BTreeMap::<String, usize>::new());
        for round in 0..60 {
            let roads = Roads::new().await;
            for steps in plan.new_tree(&mut runner).unwrap().current() {
                match roads.commit(&batch_of(&steps)).await {
                    Ok(()) => done += 1,
                    Err(why) => *refused.entry(why.split('(').next().unwrap_or_default().to_owned()).or_default() += 1,
                }
                roads.rows().await;
            }
            compared += roads.same_bytes(&["thing", "other", "edge", "stat"]).await;
            if round % 10 == 0 {
                read_all(&roads).await;
            }
        }
        assert!(compared > 100, "{compared}");
        assert!(done > 200 && refused["Exists"] > 20 && refused["Refused"] > 100, "{done} {refused:?}");
    });
}

#[test]
fn records_are_rows_for_surrealql_with_indexes_and_fields_defined_later() {
    on_a_deep_stack(|| async {
        let roads = Roads::new().await;
        let steps: Vec<Step> = (0..4).flat_map(|key| [Step::Put("thing", key, 3), Step::PutKey(key, 1)]).collect();
        roads.commit(&batch_of(&steps)).await.unwrap();
        for database in [&roads.text, &roads.records] {
            let text = "DEFINE INDEX thing_a ON thing FIELDS a; DEFINE FIELD b ON thing TYPE string; \
                        DEFINE FIELD twice ON thing COMPUTED a * 2; \
                        UPDATE thing SET a = 5 WHERE a = 3 AND type::is_record(id) AND id = $first; \
                        SELECT * FROM thing WITH INDEX thing_a WHERE a = 3 ORDER BY id; \
                        SELECT count() FROM feed GROUP ALL; \
                        DELETE (SELECT VALUE id FROM feed); SELECT * FROM feed";
            let mut answers = query::once(database, Query::new(text).bind("first", id("thing", 0))).await.unwrap();
            let found: Vec<Value> = answers.rows(4).unwrap();
            assert_eq!(found.len(), 3, "{found:?}");
            assert!(found.iter().all(|row| matches!(row, Value::Object(row) if row["twice"] == 6_i64.into_value())));
            assert_eq!(answers.rows::<Value>(5).unwrap()[0].to_sql(), "{ count: 4 }");
            assert!(answers.rows::<Value>(7).unwrap().is_empty());
        }
        roads.rows().await;
        // Of each thing a row and an entry in the index.
        assert!(roads.same_bytes(&["thing", "other", "edge", "stat", "feed"]).await >= 8);
    });
}

#[test]
fn a_table_that_is_more_than_its_rows_is_written_as_text() {
    on_a_deep_stack(|| async {
        let roads = Roads::new().await;
        let mut records = database().await;
        let text = "DEFINE TABLE plain SCHEMALESS; DEFINE TABLE indexed SCHEMALESS; DEFINE INDEX i ON indexed FIELDS a; \
                    DEFINE TABLE typed SCHEMALESS; DEFINE FIELD a ON typed TYPE int; DEFINE TABLE full SCHEMAFULL; \
                    DEFINE TABLE watched SCHEMALESS; DEFINE EVENT e ON watched THEN { RETURN 1 }; \
                    DEFINE TABLE viewed SCHEMALESS; DEFINE TABLE view AS SELECT a FROM viewed; \
                    DEFINE TABLE logged SCHEMALESS CHANGEFEED 1h; DEFINE TABLE dropped DROP SCHEMALESS; \
                    DEFINE TABLE related TYPE RELATION SCHEMALESS";
        query::once(&records, Query::new(text)).await.unwrap();
        records.open_records(&in_memory()).await.unwrap();
        let writes = |table: &'static str| {
            let mut batch = Batch::default();
            batch.put_key(table, RecordId::new(table, 1_i64));
            records.records().unwrap().can_write(&batch)
        };
        let reads =
            |table: &str| records.records().unwrap().can_read(&[Lookup::Rows(vec![RecordId::new(table, 1_i64)])]);
        assert!(writes("plain") && reads("plain"));
        for table in ["indexed", "watched", "viewed", "logged"] {
            assert!(!writes(table) && reads(table), "{table}");
        }
        for table in ["typed", "full", "view", "dropped", "related", "unknown"] {
            assert!(!writes(table) && !reads(table), "{table}");
        }
        drop(roads);
    });
}
