//! Writing a batch as records.

use std::collections::BTreeMap;

use surrealdb::types::{Array, Object, RecordIdKey, Value};
use surrealdb_datastore::{Transaction, TransactionType, catalog::Record, val};
use surrealdb_kvs::key::KVKey;

use super::{KEYS, Records, failed, inner, inner_key, not_new, put, record};
use crate::store::{
    Error, Result,
    batch::{Batch, Change, RowWrite, Then},
};

impl Records {
    /// Whether all that a batch writes is rows of plain tables. Rows that wait are deliveries, which have an index.
    pub(in crate::store) fn can_write(&self, batch: &Batch) -> bool {
        batch.waiting.is_empty() && batch.tables().all(|table| self.plain.contains(table))
    }

    /// Commits a batch as one transaction.
    ///
    /// # Errors
    /// Those of the other road.
    pub(in crate::store) async fn commit(&self, batch: &Batch) -> Result<()> {
        let transaction = self.datastore.transaction(TransactionType::Write).await.map_err(failed)?;
        match (Writer { records: self, transaction: &transaction }).write(batch).await {
            Ok(()) => transaction.commit().await.map_err(failed),
            Err(error) => {
                transaction.cancel().await.map_err(failed)?;
                Err(error)
            }
        }
    }
}

struct Writer<'a> {
    records: &'a Records,
    transaction: &'a Transaction,
}

impl Writer<'_> {
    async fn write(&self, batch: &Batch) -> Result<()> {
        for change in batch.changes.iter() {
            self.change(change).await?;
        }
        for (table, rows) in &batch.rows {
            let table = val::TableName::from(table.as_str());
            for (key, write) in rows {
                self.row(val::RecordId { table: table.clone(), key: key.clone().into() }, write).await?;
            }
        }
        for (key, n) in batch.counts.iter().filter(|(_, n)| **n != 0) {
            let key = RecordIdKey::Array(Array::from(key.clone()));
            let count = |old: Option<i64>| old.unwrap_or(0).checked_add(*n).ok_or_else(too_large);
            self.number(&inner_key("stat", &key), "n", count).await?;
        }
        for ((table, column), floors) in &batch.floors {
            self.raise(table, column, floors).await?;
        }
        Ok(())
    }

    #[expect(clippy::mutable_key_type, reason = "a key may hold a compiled regex; these hold texts and numbers")]
    async fn raise(&self, table: &str, column: &'static str, floors: &BTreeMap<RecordIdKey, i64>) -> Result<()> {
        for (key, n) in floors {
            self.number(&inner_key(table, key), column, |old| Ok(old.map_or(*n, |old| old.max(*n)))).await?;
        }
        Ok(())
    }

    async fn change(&self, change: &Change) -> Result<()> {
        let id = inner(&change.id);
        if let (Then::Content(row), true) = (&change.then, change.when.is_empty()) {
            return self.set(&id, &record(&id, object(row)?)).await;
        }
        let old = self.lock(&id).await?;
        let holds = |old: &val::Object| {
            let mut when = change.when.iter();
            when.all(|(column, value)| *old.get(column).unwrap_or(&val::Value::None) == val::Value::from(value.clone()))
        };
        let Some(mut row) = old.filter(holds) else {
            return change.guard.map_or(Ok(()), |guard| Err(Error::Refused(guard)));
        };
        match &change.then {
            Then::Delete => return self.delete(&id).await,
            Then::Content(content) => return self.set(&id, &record(&id, object(content)?)).await,
            Then::Set { columns, add } => {
                columns.iter().for_each(|(column, value)| put(&mut row, column, value));
                for (column, n) in add {
                    let sum = int(row.get(column))?.unwrap_or(0).checked_add(*n).ok_or_else(too_large)?;
                    row.insert(*column, val::Value::from(sum));
                }
            }
        }
        self.set(&id, &Record::new(val::Value::Object(row))).await
    }

    async fn row(&self, id: val::RecordId, write: &RowWrite) -> Result<()> {
        let key = self.records.key(&id.table, &id.key);
        match write {
            RowWrite::Nothing => Ok(()),
            RowWrite::Delete => self.delete(&id).await,
            RowWrite::Overwrite(row) => self.set(&id, &record(&id, row)).await,
            // The same bytes, whoever has written them first.
            RowWrite::Put(row) if is_bare(&id, row) => {
                let key = key.encode_key().map_err(failed)?;
                self.transaction.set(key, self.records.bare.clone()).await.map_err(failed)
            }
            RowWrite::Put(row) => {
                if self.transaction.exists_key(&key, None).await.map_err(failed)? {
                    return Ok(());
                }
                self.set(&id, &record(&id, row)).await
            }
            RowWrite::Create(row) => {
                let written = self.transaction.put_key(&key, &record(&id, row)).await;
                written.map_err(|error| not_new(error, &id))
            }
            RowWrite::Replace(columns, row) => {
                let Some(mut old) = self.lock(&id).await? else {
                    return self.set(&id, &record(&id, row)).await;
                };
                for column in *columns {
                    put(&mut old, column, row.get(*column).unwrap_or(&Value::None));
                }
                self.set(&id, &Record::new(val::Value::Object(old))).await
            }
        }
    }

    /// Changes a row that holds one number, or writes it.
    async fn number(
        &self,
        id: &val::RecordId,
        column: &'static str,
        change: impl FnOnce(Option<i64>) -> Result<i64>,
    ) -> Result<()> {
        let mut row = self.lock(id).await?.unwrap_or_default();
        let n = change(int(row.get(column))?)?;
        row.insert(column, val::Value::from(n));
        row.insert("id", val::Value::RecordId(id.clone()));
        self.set(id, &Record::new(val::Value::Object(row))).await
    }

    /// A row that nobody else may change until this transaction is committed: otherwise it meets a conflict.
    async fn lock(&self, id: &val::RecordId) -> Result<Option<val::Object>> {
        let key = self.records.key(&id.table, &id.key);
        match self.transaction.getu_key(&key).await.map_err(failed)?.map(|record| record.data) {
            Some(val::Value::Object(row)) => Ok(Some(row)),
            Some(_) => Err(Error::Corrupt(format!("{}: a row is no object", id.table.as_str()))),
            None => Ok(None),
        }
    }

    async fn set(&self, id: &val::RecordId, record: &Record) -> Result<()> {
        self.transaction.set_key(&self.records.key(&id.table, &id.key), record).await.map_err(failed)
    }

    async fn delete(&self, id: &val::RecordId) -> Result<()> {
        self.transaction.del_key(&self.records.key(&id.table, &id.key)).await.map_err(failed)
    }
}

/// Whether a row is nothing but its key, and all of its table are.
fn is_bare(id: &val::RecordId, row: &Object) -> bool {
    row.len() == 1 && KEYS.contains(&id.table.as_str())
}

fn object(row: &Value) -> Result<&Object> {
    match row {
        Value::Object(row) => Ok(row),
        _ => Err(Error::Corrupt("a row to be written is no object".to_owned())),
    }
}

fn int(value: Option<&val::Value>) -> Result<Option<i64>> {
    match value {
        None | Some(val::Value::None) => Ok(None),
        Some(val::Value::Number(val::Number::Int(n))) => Ok(Some(*n)),
        Some(_) => Err(Error::Corrupt("a counter is no integer".to_owned())),
    }
}

fn too_large() -> Error {
    Error::Corrupt("a counter would become too large".to_owned())
}

#[cfg(test)]
mod tests {
    use surrealdb::types::{RecordId, SurrealValue};

    use super::*;
    use crate::store::{
        Guard,
        engine::Engine,
        query::{self, Query},
        roads,
        testing::{database, in_memory, on_a_deep_stack},
    };

    async fn engine() -> Engine {
        let mut engine = database().await;
        let text = "DEFINE TABLE thing SCHEMALESS; DEFINE TABLE stat SCHEMALESS; DEFINE TABLE edge SCHEMALESS; \
                    CREATE thing:1 SET a = 1; CREATE thing:2 SET a = 1";
        query::once(&engine, Query::new(text)).await.unwrap();
        engine.open_records(&in_memory()).await.unwrap();
        engine
    }

    fn row(key: i64) -> Value {
        let mut row = Object::default();
        row.insert("id", RecordId::new("thing", key));
        row.insert("a", 5_i64);
        Value::Object(row)
    }

    fn batch(write: impl FnOnce(&mut Batch)) -> Batch {
        let mut batch = Batch::default();
        write(&mut batch);
        batch
    }

    /// Every kind of write, of a row that there is and of one that there is not.
    fn writes() -> Vec<Batch> {
        let id = |key: i64| RecordId::new("thing", key);
        let set = || Then::set([("a", 2_i64.into_value())]);
        let of_one = |then| Change::guarded(id(1), [("a", 1_i64.into_value())], Guard::Stale, then);
        vec![
            batch(|batch| batch.create("thing", row(9))),
            batch(|batch| batch.put("thing", row(9))),
            batch(|batch| batch.replace("thing", &["a"], row(9))),
            batch(|batch| batch.replace("thing", &["a"], row(1))),
            batch(|batch| batch.delete(id(1))),
            batch(|batch| batch.count("subject".to_owned(), "views", "day", 1)),
            batch(|batch| batch.raise("edge", RecordIdKey::Number(1), "a", 1)),
            batch(|batch| batch.change(of_one(set()))),
            batch(|batch| batch.change(of_one(Then::content(row(1))))),
            batch(|batch| batch.change(of_one(Then::Delete))),
            batch(|batch| batch.change(Change::of(id(9), Then::content(row(9))))),
        ]
    }

    #[test]
    fn of_two_that_write_one_row_at_once_the_second_meets_a_conflict_and_writes_nothing() {
        on_a_deep_stack(|| async {
            for write in writes() {
                for records in [true, false] {
                    let engine = engine().await;
                    let transaction = engine.datastore().unwrap().transaction(TransactionType::Write).await.unwrap();
                    let mine = batch(|batch| {
                        batch.merge(write.clone());
                        batch.delete(RecordId::new("thing", 2_i64));
                    });
                    let writer = Writer { records: engine.records().unwrap(), transaction: &transaction };
                    writer.write(&mine).await.unwrap();
                    let other = if records {
                        roads::once(&engine, &write).await
                    } else {
                        query::once(&engine, roads::text::transaction(write.clone())).await.map(drop)
                    };
                    other.unwrap();
                    let met = transaction.commit().await.map_err(failed);
                    assert!(matches!(met, Err(Error::Conflict(_))), "{write:?}: {met:?}");
                    let there = Query::new("SELECT VALUE id FROM thing:2");
                    let there: Vec<RecordId> = query::once(&engine, there).await.unwrap().rows(0).unwrap();
                    assert_eq!(there.len(), 1, "{write:?}");
                }
            }
        });
    }
}
