//! Reading rows and keys as records.

use std::{borrow::Cow, ops::Bound};

use surrealdb::types::{RecordId, RecordIdKey, RecordIdKeyRange, Value};
use surrealdb_datastore::{
    Key, KeyRange, Transaction, TransactionType, Transactor,
    catalog::Record,
    key::schema::{RecordKey, RecordPrefix},
    val,
};
use surrealdb_kvs::{
    key::{AnyRange, KVKey, KVKeyDecode},
    value::KVValue,
};

use super::{Records, failed, inner};
use crate::store::{
    Error, Result,
    roads::{Found, Lookup},
};

impl Records {
    /// Whether all of this is read from rows as they are kept.
    pub(in crate::store) fn can_read(&self, lookups: &[Lookup]) -> bool {
        lookups.iter().flat_map(Lookup::tables).all(|table| self.readable.contains(table))
    }

    /// Reads rows and keys, all at one moment.
    ///
    /// # Errors
    /// Those of the other road.
    pub(in crate::store) async fn look(&self, lookups: &[Lookup]) -> Result<Found> {
        let transaction = self.datastore.transaction(TransactionType::Read).await.map_err(failed)?;
        let found = self.look_in(&transaction, lookups).await;
        transaction.cancel().await.map_err(failed)?;
        found.map(Found::new)
    }

    async fn look_in(&self, transaction: &Transaction, lookups: &[Lookup]) -> Result<Vec<Vec<Value>>> {
        let mut found = Vec::with_capacity(lookups.len());
        for lookup in lookups {
            found.push(match lookup {
                Lookup::Rows(ids) => self.rows(transaction, ids).await?,
                Lookup::Ids(ids) => self.ids(transaction, ids).await?,
                Lookup::Range(range) => self.range(transaction, range).await?,
                Lookup::Page { range, start, limit } => self.page(transaction, range, *start, *limit).await?,
            });
        }
        Ok(found)
    }

    async fn rows(&self, transaction: &Transaction, ids: &[RecordId]) -> Result<Vec<Value>> {
        let kept = self.kept(transaction, ids).await?;
        kept.into_iter().map(|(id, bytes)| row(&bytes, inner(id))).collect()
    }

    async fn ids(&self, transaction: &Transaction, ids: &[RecordId]) -> Result<Vec<Value>> {
        let kept = self.kept(transaction, ids).await?;
        Ok(kept.into_iter().map(|(id, _)| Value::RecordId(id.clone())).collect())
    }

    /// The rows with these ids that there are.
    async fn kept<'a>(&self, transaction: &Transaction, ids: &'a [RecordId]) -> Result<Vec<(&'a RecordId, Vec<u8>)>> {
        let key = |id: &RecordId| -> Result<Key<'static>> {
            let id = inner(id);
            self.key(&id.table, &id.key).encode_key().map_err(failed)
        };
        let keys: Vec<Key<'static>> = ids.iter().map(key).collect::<Result<_>>()?;
        let reader: &Transactor = transaction;
        let found = reader.getm(&keys, None).await.map_err(|error| failed(error.into()))?;
        Ok(ids.iter().zip(found.values).filter_map(|(id, bytes)| Some((id, bytes?))).collect())
    }

    async fn range(&self, transaction: &Transaction, range: &RecordId) -> Result<Vec<Value>> {
        let Some(keys) = self.keys(range)? else { return Ok(Vec::new()) };
        let reader: &Transactor = transaction;
        let found = reader.scan(keys, u32::MAX, 0, None).await.map_err(|error| failed(error.into()))?;
        let table = inner(range).table;
        let row =
            |(key, bytes): (Vec<u8>, Vec<u8>)| row(&bytes, val::RecordId { table: table.clone(), key: id(&key)? });
        found.values.into_iter().map(row).collect()
    }

    async fn page(
        &self,
        transaction: &Transaction,
        range: &RecordId,
        start: usize,
        limit: usize,
    ) -> Result<Vec<Value>> {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let Some(keys) = self.keys(range)? else { return Ok(Vec::new()) };
        let reader: &Transactor = transaction;
        let found = reader.keys(keys, number(limit), number(start), None).await;
        let record = |key: Vec<u8>| {
            let key = RecordIdKey::try_from(id(&key)?).map_err(failed)?;
            Ok(Value::RecordId(RecordId { table: range.table.clone(), key }))
        };
        found.map_err(|error| failed(error.into()))?.keys.into_iter().map(record).collect()
    }

    /// The keys of a range; none if it ends before it begins.
    fn keys(&self, range: &RecordId) -> Result<Option<KeyRange<'static>>> {
        let RecordIdKey::Range(bounds) = &range.key else {
            return Err(Error::Corrupt(format!("{}: a record is no range", range.table)));
        };
        let RecordIdKeyRange { start, end } = bounds.as_ref();
        let table = inner(range).table;
        let prefix = RecordPrefix { ns: self.namespace, db: self.database, tb: Cow::Borrowed(&table) };
        let keys = prefix.range_where((bound(start), bound(end))).map_err(failed)?.into_key_range();
        Ok((keys.start < keys.end).then_some(keys))
    }
}

fn bound(bound: &Bound<RecordIdKey>) -> Bound<Cow<'static, val::RecordIdKey>> {
    let key = |key: &RecordIdKey| Cow::Owned(val::RecordIdKey::from(key.clone()));
    bound.as_ref().map(key)
}

/// The id in a row's key.
fn id(key: &[u8]) -> Result<val::RecordIdKey> {
    RecordKey::decode_key(key).map(|key| key.id.into_owned()).map_err(|error| Error::Corrupt(error.to_string()))
}

/// A row as it is read.
fn row(bytes: &[u8], id: val::RecordId) -> Result<Value> {
    let unreadable = |error: anyhow::Error| Error::Corrupt(error.to_string());
    let record = Record::kv_decode_value(bytes, id).map_err(unreadable)?;
    val::convert_value_to_public_value(record.data).map_err(unreadable)
}
