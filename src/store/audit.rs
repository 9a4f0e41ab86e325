//! The audit trail: append-only rows, newest first by their key. Whoever writes something for an operator adds the row to the
//! same transaction.

use surrealdb::types::{RecordId, SurrealValue};

use super::{
    Result, Store,
    batch::Batch,
    keys::{self, parts},
    query::Query,
};
use crate::domain::{Actor, Audit, Timestamp};

/// Reads the audit trail, and adds acts that write nothing else.
#[derive(Clone)]
pub struct AuditTrail {
    store: Store,
}

/// One act with its place in the trail.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its id, and the cursor behind it.
    pub id: String,
    /// What was done.
    pub audit: Audit,
}

#[derive(SurrealValue)]
pub(super) struct AuditRow {
    id: RecordId,
    at: i64,
    by: String,
    handle: String,
    act: String,
    target: String,
    detail: serde_json::Value,
}

impl AuditTrail {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Writes down an act.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add(&self, audit: &Audit) -> Result<()> {
        let mut batch = Batch::default();
        put(&mut batch, audit);
        self.store.write(batch.into_transaction()).await.map(drop)
    }

    /// The newest `limit` acts older than the one with the id `after`.
    ///
    /// # Errors
    /// When the database does not answer, or `after` is no id of an act.
    pub async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<AuditEntry>> {
        let range = match after {
            Some(id) => {
                let (at, ulid) = parse_id(id)?;
                keys::range("audit", parts![-at, ulid], true, parts![i64::MAX, ""])
            }
            None => keys::range("audit", parts![i64::MIN, ""], false, parts![i64::MAX, ""]),
        };
        let ids = self.store.read(Query::page(range, limit)).await?.rows::<RecordId>(0)?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut rows = self.store.read(Query::new("SELECT * FROM $ids").bind("ids", ids)).await?;
        rows.rows::<AuditRow>(0)?.into_iter().map(AuditRow::into_entry).collect()
    }
}

/// Adds an act to a transaction.
pub(super) fn put(batch: &mut Batch, audit: &Audit) {
    batch.create(
        "audit",
        AuditRow {
            id: keys::record("audit", parts![-audit.at.as_millis(), ulid::Ulid::generate().to_string()]),
            at: audit.at.as_millis(),
            by: audit.by.account.to_string(),
            handle: audit.by.handle.clone(),
            act: audit.act.clone(),
            target: audit.target.clone(),
            detail: audit.detail.clone(),
        },
    );
}

/// `<milliseconds>-<ulid>`.
fn parse_id(id: &str) -> Result<(i64, String)> {
    let wrong = || crate::domain::Invalid::new("cursor", "invalid_cursor", "must be a next_cursor of this collection");
    let (at, ulid) = id.split_once('-').ok_or_else(wrong)?;
    let at: i64 = at.parse().map_err(|_| wrong())?;
    let is_ulid = ulid::Ulid::from_string(ulid).is_ok();
    if is_ulid { Ok((at, ulid.to_owned())) } else { Err(wrong().into()) }
}

impl AuditRow {
    fn into_entry(self) -> Result<AuditEntry> {
        let mut parts = keys::Parts::of(self.id)?;
        let at = -parts.int()?;
        let id = format!("{at}-{}", parts.text()?);
        let by = Actor { account: keys::parsed(&self.by)?, handle: self.handle };
        let at = Timestamp::from_millis(self.at);
        Ok(AuditEntry { id, audit: Audit { at, by, act: self.act, target: self.target, detail: self.detail } })
    }
}
