//! The audit trail: append-only rows, newest first by their key. Whoever writes something for an operator adds the row to the
//! same transaction.

use surrealdb::types::{RecordId, SurrealValue};
use ulid::Ulid;

use super::{
    Error, Result, Store,
    batch::Batch,
    keys::{self, Part, parts},
};
use crate::domain::{Actor, Audit, AuditId, Timestamp};

/// Reads the audit trail, and adds acts that write nothing else.
#[derive(Clone)]
pub struct AuditTrail {
    store: Store,
}

/// One act with its place in the trail.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its place.
    pub id: AuditId,
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
        self.store.commit(batch).await
    }

    /// The newest `limit` acts older than the one at `after`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list(&self, after: Option<AuditId>, limit: usize) -> Result<Vec<AuditEntry>> {
        let from = after.map_or_else(|| parts![i64::MIN, ""], key);
        let range = keys::range("audit", from, after.is_some(), parts![i64::MAX, ""]);
        let rows: Vec<AuditRow> = self.store.rows(self.store.page(range, limit).await?).await?;
        rows.into_iter().map(AuditRow::into_entry).collect()
    }
}

/// Adds an act to a transaction.
pub(super) fn put(batch: &mut Batch, audit: &Audit) {
    batch.create(
        "audit",
        AuditRow {
            id: keys::record("audit", key(AuditId { at: audit.at, ulid: Ulid::generate() })),
            at: audit.at.as_millis(),
            by: audit.by.account.to_string(),
            handle: audit.by.handle.clone(),
            act: audit.act.clone(),
            target: audit.target.clone(),
            detail: audit.detail.clone(),
        },
    );
}

fn key(id: AuditId) -> Vec<Part> {
    parts![-id.at.as_millis(), id.ulid.to_string()]
}

impl AuditRow {
    fn into_entry(self) -> Result<AuditEntry> {
        let mut parts = keys::Parts::of(self.id)?;
        let key_at = Timestamp::from_millis(-parts.int()?);
        let ulid = Ulid::from_string(&parts.text()?).map_err(|error| Error::Corrupt(error.to_string()))?;
        let by = Actor { account: keys::parsed(&self.by)?, handle: self.handle };
        let at = Timestamp::from_millis(self.at);
        Ok(AuditEntry {
            id: AuditId { at: key_at, ulid },
            audit: Audit { at, by, act: self.act, target: self.target, detail: self.detail },
        })
    }
}
