//! Keys that the server makes for itself once and keeps: for tokens, for links in mails. Never in a log, never in an answer.

use surrealdb::types::{Object, Value};

use super::{Error, Result, Store, keys, query::Query};

/// The 32 bytes kept under a name: `fresh` if there were none yet.
pub(super) async fn kept(store: &Store, name: &str, fresh: [u8; 32]) -> Result<[u8; 32]> {
    let seed: Vec<i64> = fresh.iter().map(|byte| i64::from(*byte)).collect();
    let mut row = Object::default();
    let id = keys::named("secret", name);
    row.insert("id", id.clone());
    row.insert("seed", seed);
    let query = Query::new("INSERT IGNORE INTO secret $rows RETURN NONE; SELECT VALUE seed FROM ONLY $id")
        .bind("rows", vec![Value::Object(row)])
        .bind("id", id);
    let kept: Vec<i64> = store.write(query).await?.rows(1)?;
    let bytes: Vec<u8> = kept.into_iter().filter_map(|byte| u8::try_from(byte).ok()).collect();
    bytes.try_into().map_err(|_| Error::Corrupt(format!("secret:{name} is not 32 bytes")))
}
