//! Addresses that refuse all mail. They stay in here: nobody but administrators sees one.

use surrealdb::types::{RecordId, RecordIdKey, RecordIdKeyRange, SurrealValue};

use crate::{
    domain::{Audit, Email, Timestamp},
    store::{Result, Store, audit, batch::Batch, keys},
};

/// Reads and writes the addresses that refuse all mail.
#[derive(Clone)]
pub struct Suppressions {
    store: Store,
}

/// An address that refuses all mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// The address.
    pub email: Email,
    /// What the mail server said, in our words.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

#[derive(SurrealValue)]
struct Row {
    id: RecordId,
    reason: String,
    at: i64,
}

impl Suppressions {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// An address has refused all mail.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add(&self, email: &Email, reason: &str, at: Timestamp) -> Result<()> {
        let mut batch = Batch::default();
        let row = Row { id: id(email), reason: reason.to_owned(), at: at.as_millis() };
        batch.replace("suppression", &["reason", "at"], row);
        self.store.commit(batch).await
    }

    /// The next `limit` addresses after that one, in the order of the alphabet.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list(&self, after: Option<&Email>, limit: usize) -> Result<Vec<Suppression>> {
        use std::ops::Bound::{Excluded, Unbounded};
        let start = after.map_or(Unbounded, |email| Excluded(RecordIdKey::String(email.as_str().to_owned())));
        let range = RecordIdKey::from(RecordIdKeyRange::from((start, Unbounded)));
        let ids = self.store.page(RecordId::new("suppression", range), limit).await?;
        let rows: Vec<Row> = self.store.rows(ids).await?;
        rows.into_iter().map(Suppression::try_from).collect()
    }

    /// Takes an address off the list, and writes down who did; `false` if it is not on it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remove(&self, email: &Email, audit: &Audit) -> Result<bool> {
        if self.store.ids(vec![id(email)]).await?.is_empty() {
            return Ok(false);
        }
        let mut batch = Batch::default();
        batch.delete(id(email));
        audit::put(&mut batch, audit);
        self.store.commit(batch).await?;
        Ok(true)
    }
}

fn id(email: &Email) -> RecordId {
    keys::named("suppression", email.as_str())
}

impl TryFrom<Row> for Suppression {
    type Error = crate::store::Error;

    fn try_from(row: Row) -> Result<Self> {
        let email = Email::from_trusted(keys::text_key(row.id)?);
        Ok(Self { email, reason: row.reason, at: Timestamp::from_millis(row.at) })
    }
}
