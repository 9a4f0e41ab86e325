//! The road of an embedded database: SurrealDB's own rows, through its own transactions.
//!
//! What is written here is what `SurrealQL` would have written, byte for byte, but for rows that are nothing but a key: their value
//! does not repeat it, as in databases of SurrealDB's earlier versions. `SurrealQL` keeps more than rows: indexes, what fields,
//! events, views and live queries make of a row. None of that is done here, so a table that has any of it is not *plain*, and all
//! that is written to it takes the other road. The catalogue decides that when the database is opened, not a list in this program.

use std::{borrow::Cow, collections::HashSet, sync::Arc};

use surrealdb::types::{Object, RecordId, RecordIdKey, Value};
use surrealdb_core::kvs::Datastore;
use surrealdb_datastore::{
    Error as KvsError, Transaction, TransactionType,
    catalog::{
        DatabaseId, NamespaceId, Record, TableDefinition, TableType,
        providers::{DatabaseProvider, NamespaceProvider, TableProvider},
    },
    key::schema::RecordKey,
    storage_error, val,
};
use surrealdb_kvs::value::KVValue;

use crate::store::{Error, Result};

mod read;
mod write;

/// Tables whose rows are nothing but a key.
const KEYS: [&str; 5] = ["feed", "listing", "following", "follower", "review"];

/// The rows of an open database.
pub(in crate::store) struct Records {
    datastore: Arc<Datastore>,
    namespace: NamespaceId,
    database: DatabaseId,
    /// Tables that are nothing but rows.
    plain: HashSet<String>,
    /// Tables whose rows are read as they are kept.
    readable: HashSet<String>,
    /// The value of a row that is nothing but a key.
    bare: Vec<u8>,
}

impl Records {
    /// The rows of a database, as its catalogue is now; `None` if there is no such database.
    pub(in crate::store) async fn open(
        datastore: &Arc<Datastore>,
        namespace: &str,
        database: &str,
    ) -> Result<Option<Self>> {
        let transaction = datastore.transaction(TransactionType::Read).await.map_err(failed)?;
        let records = Self::see(datastore, &transaction, namespace, database).await;
        transaction.cancel().await.map_err(failed)?;
        records
    }

    async fn see(
        datastore: &Arc<Datastore>,
        transaction: &Transaction,
        namespace: &str,
        database: &str,
    ) -> Result<Option<Self>> {
        if transaction.get_ns_by_name(namespace, None).await.map_err(failed)?.is_none() {
            return Ok(None);
        }
        let found = transaction.get_db_by_name(namespace, database, None).await.map_err(failed)?;
        let Some(found) = found else { return Ok(None) };
        let (namespace, database) = (found.namespace_id, found.database_id);
        let bare = Record::new(val::Value::Object(val::Object::default())).kv_encode_value().map_err(failed)?;
        let datastore = Arc::clone(datastore);
        let (mut plain, mut readable) = (HashSet::new(), HashSet::new());
        for table in transaction.all_tb(namespace, database, None).await.map_err(failed)?.iter() {
            if !keeps_rows_as_they_are(transaction, table).await? {
                continue;
            }
            readable.insert(table.name.as_str().to_owned());
            if has_nothing_beside_rows(transaction, table).await? {
                plain.insert(table.name.as_str().to_owned());
            }
        }
        Ok(Some(Self { datastore, namespace, database, plain, readable, bare }))
    }

    /// Where a row is.
    fn key<'a>(&self, table: &'a val::TableName, key: &'a val::RecordIdKey) -> RecordKey<'a> {
        RecordKey { ns: self.namespace, db: self.database, tb: Cow::Borrowed(table), id: Cow::Borrowed(key) }
    }
}

/// Whether a row is kept and read as it was written: no fields that are made, no view, no edges.
async fn keeps_rows_as_they_are(transaction: &Transaction, table: &TableDefinition) -> Result<bool> {
    let (namespace, database, name) = (table.namespace_id, table.database_id, &table.name);
    let is_kept = !table.drop && !table.schemafull && table.view.is_none();
    let is_normal = !matches!(table.table_type, TableType::Relation(_));
    let fields = transaction.all_tb_fields(namespace, database, name, None).await.map_err(failed)?;
    Ok(is_kept && is_normal && fields.is_empty())
}

/// Whether nothing but the row changes when a row is written.
async fn has_nothing_beside_rows(transaction: &Transaction, table: &TableDefinition) -> Result<bool> {
    let (namespace, database, name) = (table.namespace_id, table.database_id, &table.name);
    let indexes = transaction.all_tb_indexes(namespace, database, name, None).await.map_err(failed)?;
    let events = transaction.all_tb_events(namespace, database, name, None).await.map_err(failed)?;
    let views = transaction.all_tb_views(namespace, database, name, None).await.map_err(failed)?;
    let lives = transaction.all_tb_lives(namespace, database, name, None).await.map_err(failed)?;
    let has_none = indexes.is_empty() && events.is_empty() && views.is_empty() && lives.is_empty();
    Ok(has_none && table.changefeed.is_none() && !table.graph_doc_ids)
}

/// A record id as SurrealDB's own parts know it.
fn inner(id: &RecordId) -> val::RecordId {
    val::RecordId::from(id.clone())
}

fn inner_key(table: &str, key: &RecordIdKey) -> val::RecordId {
    inner(&RecordId::new(table, key.clone()))
}

/// A row as it is kept.
fn record(id: &val::RecordId, row: &Object) -> Record {
    let mut kept = val::Object::default();
    for (column, value) in row.iter() {
        put(&mut kept, column, value);
    }
    kept.insert("id", val::Value::RecordId(id.clone()));
    Record::new(val::Value::Object(kept))
}

/// Gives a column this value. One that is to hold nothing goes, and likewise in objects within, but not in lists.
fn put(row: &mut val::Object, column: &str, value: &Value) {
    let mut value = val::Value::from(value.clone());
    if has_something(&mut value) {
        row.insert(column, value);
    } else {
        row.remove(column);
    }
}

fn has_something(value: &mut val::Value) -> bool {
    match value {
        val::Value::None => return false,
        val::Value::Object(object) => object.0.retain(|_, value| has_something(value)),
        val::Value::Array(list) => list.iter_mut().for_each(|value| {
            has_something(value);
        }),
        _ => {}
    }
    true
}

/// What SurrealDB's transactions say when they fail.
fn failed(error: anyhow::Error) -> Error {
    match storage_error(&error) {
        Some(kept) if kept.is_retryable() => Error::Conflict(error.to_string()),
        _ => Error::of_text(error.to_string()),
    }
}

/// The same for a row that must be new.
fn not_new(error: anyhow::Error, id: &val::RecordId) -> Error {
    use surrealdb::types::ToSql;
    match storage_error(&error) {
        Some(KvsError::TransactionKeyAlreadyExists) => {
            Error::Exists(format!("Database record `{}` already exists", id.to_sql()))
        }
        _ => failed(error),
    }
}
