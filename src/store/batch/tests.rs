//! A batch has the effect of its writes one after another.

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use surrealdb::types::{Object, RecordId, SurrealValue, Value};

use super::Batch;
use crate::store::{
    Error,
    engine::Engine,
    query::{Query, once},
    roads,
    testing::{database, on_a_deep_stack},
};

const COLUMNS: &[&str] = &["a"];

/// One write to one of a few rows.
#[derive(Debug, Clone, Copy)]
enum Step {
    Create(u8, i64),
    Put(u8, i64),
    PutKey(u8),
    Replace(u8, i64),
    Delete(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let (key, n) = (0..3_u8, 0..100_i64);
    prop_oneof![
        (key.clone(), n.clone()).prop_map(|(key, n)| Step::Create(key, n)),
        (key.clone(), n.clone()).prop_map(|(key, n)| Step::Put(key, n)),
        key.clone().prop_map(Step::PutKey),
        (key.clone(), n).prop_map(|(key, n)| Step::Replace(key, n)),
        key.prop_map(Step::Delete),
    ]
}

fn id(key: u8) -> RecordId {
    RecordId::new("thing", i64::from(key))
}

fn row(key: u8, n: i64) -> Value {
    let mut row = Object::default();
    row.insert("id", id(key));
    row.insert("a", n);
    row.insert("b", -n);
    Value::Object(row)
}

fn add(batch: &mut Batch, step: Step) {
    match step {
        Step::Create(key, n) => batch.create("thing", row(key, n)),
        Step::Put(key, n) => batch.put("thing", row(key, n)),
        Step::PutKey(key) => batch.put_key("thing", id(key)),
        Step::Replace(key, n) => batch.replace("thing", COLUMNS, row(key, n)),
        Step::Delete(key) => batch.delete(id(key)),
    }
}

fn batch_of(steps: &[Step]) -> Batch {
    let mut batch = Batch::default();
    steps.iter().for_each(|step| add(&mut batch, *step));
    batch
}

async fn rows(database: &Engine) -> Vec<Value> {
    let text = "SELECT * FROM thing ORDER BY id";
    once(database, Query::new(text)).await.unwrap().rows(0).unwrap()
}

/// Writes each step by itself; those that are refused leave no trace and are left out of what is answered.
async fn one_by_one(database: &Engine, steps: &[Step]) -> Vec<Step> {
    let mut written = Vec::new();
    for step in steps {
        match roads::once(database, &batch_of(&[*step])).await {
            Ok(()) => written.push(*step),
            Err(Error::Exists(_)) => {}
            Err(error) => panic!("{step:?}: {error}"),
        }
    }
    written
}

/// Writes the steps in groups of these sizes; each group is made of two batches, one merged into the other.
async fn in_groups(database: &Engine, steps: &[Step], sizes: &[usize]) {
    let (mut rest, mut sizes) = (steps, sizes.iter().cycle());
    while !rest.is_empty() {
        let (group, later) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
        let (front, back) = group.split_at(group.len() / 2);
        let mut batch = batch_of(front);
        batch.merge(batch_of(back));
        roads::once(database, &batch).await.unwrap_or_else(|error| panic!("{group:?}: {error}"));
        rest = later;
    }
}

#[test]
fn any_writes_grouped_in_any_way_leave_the_rows_that_they_leave_one_by_one() {
    on_a_deep_stack(|| async {
        let plan = (prop::collection::vec(step(), 1..24), prop::collection::vec(1..9_usize, 1..6));
        let mut runner = TestRunner::default();
        for _ in 0..200 {
            let (steps, sizes) = plan.new_tree(&mut runner).unwrap().current();
            let (alone, grouped) = (database().await, database().await);
            for database in [&alone, &grouped] {
                once(database, Query::new("DEFINE TABLE thing SCHEMALESS")).await.unwrap();
            }
            let written = one_by_one(&alone, &steps).await;
            in_groups(&grouped, &written, &sizes).await;
            assert_eq!(rows(&grouped).await, rows(&alone).await, "{written:?} in groups of {sizes:?}");
        }
    });
}

#[test]
fn a_batch_that_creates_a_row_twice_is_refused_and_writes_nothing() {
    on_a_deep_stack(|| async {
        let database = database().await;
        once(&database, Query::new("DEFINE TABLE thing SCHEMALESS")).await.unwrap();
        for twice in [Step::Create(1, 2), Step::Put(1, 2), Step::Replace(1, 2)] {
            let batch = batch_of(&[Step::Put(2, 1), twice, Step::Create(1, 3)]);
            let refused = roads::once(&database, &batch).await;
            assert!(matches!(refused, Err(Error::Refused(_))), "{twice:?}");
            assert!(rows(&database).await.is_empty(), "{twice:?}");
        }
    });
}

#[test]
fn what_another_has_created_meanwhile_is_not_deleted_with_what_was_created_and_deleted_here() {
    on_a_deep_stack(|| async {
        let database = database().await;
        roads::once(&database, &batch_of(&[Step::Create(1, 7)])).await.unwrap();
        roads::once(&database, &batch_of(&[Step::Create(1, 8), Step::Delete(1)])).await.unwrap();
        assert_eq!(rows(&database).await, [row(1, 7)].map(SurrealValue::into_value));
    });
}
