//! What the HTTP routes about mail read: how far a mailing is, and the key of the links in mails.

use super::ledger::{self, MailCounts};
use crate::{
    domain::{MailLinkKey, PostId},
    store::{Result, Store, secrets},
};

/// Reads mailings.
#[derive(Clone)]
pub struct Mailings {
    store: Store,
}

impl Mailings {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// How many copies of a post's mail stand how.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn counts(&self, post: PostId) -> Result<MailCounts> {
        ledger::counts(&self.store, post).await
    }

    /// The key of the links in mails.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn link_key(&self) -> Result<MailLinkKey> {
        link_key(&self.store).await
    }
}

pub(super) async fn link_key(store: &Store) -> Result<MailLinkKey> {
    secrets::kept(store, "mail_link_key", rand::random()).await.map(MailLinkKey::new)
}
