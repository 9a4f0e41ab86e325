//! What the e-mail worker may do with the database: read an audience, keep its ledger.

use std::sync::Arc;

use surrealdb::types::RecordId;

use super::{
    ledger::{self, MailCounts, MailState, Mark, Recipient},
    mailings,
};
use crate::{
    domain::{Account, AccountId, MailLinkKey, Post, PostId, Timestamp},
    store::{
        AccountAccess, PostReads, Result, Store,
        accounts::{self, AccountRow},
        follows,
        query::Query,
    },
};

/// The e-mail worker's: reads followers and their preferences, writes the mail ledger.
#[derive(Clone)]
pub struct MailAccess {
    store: Store,
    posts: PostReads,
    accounts: AccountAccess,
}

/// Somebody who is about to get a mail, as they are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// Who it is, with address and preferences.
    pub account: Account,
    /// Whether the address refuses all mail.
    pub is_suppressed: bool,
}

impl MailAccess {
    pub(crate) fn new(store: &Store, posts: &PostReads, accounts: &AccountAccess) -> Self {
        Self { store: store.clone(), posts: posts.clone(), accounts: accounts.clone() }
    }

    /// The post as it is now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn post(&self, post: PostId) -> Result<Option<Arc<Post>>> {
        self.posts.get(post).await
    }

    /// Some accounts, with their addresses and preferences; what another node has changed lately may be missing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn accounts(&self, ids: &[AccountId]) -> Result<Vec<Arc<Account>>> {
        self.accounts.get_many(ids).await
    }

    /// One account as it is at this moment, whoever changed it; `None` if it is gone.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn reader(&self, account: AccountId) -> Result<Option<Reader>> {
        let text = "SELECT * FROM $ids WHERE confirmed = true; \
                    SELECT VALUE id FROM (SELECT VALUE type::record('suppression', email) FROM $ids) WHERE reason != NONE";
        let query = Query::new(text).bind("ids", vec![accounts::id(account)]);
        let mut answers = self.store.read(query).await?;
        let is_suppressed = !answers.rows::<RecordId>(1)?.is_empty();
        let account = answers.row::<AccountRow>(0)?.map(Account::try_from).transpose()?;
        Ok(account.map(|account| Reader { account, is_suppressed }))
    }

    /// The next `limit` followers of an author behind `after`, in a stable order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn audience(&self, author: AccountId, after: Option<AccountId>, limit: usize) -> Result<Vec<AccountId>> {
        follows::audience(&self.store, author, after, limit).await
    }

    /// Puts readers into the audience of a post; those who are in it already stay as they are. `complete` says that these
    /// are the last, and how many there are in all.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn freeze(
        &self,
        post: PostId,
        readers: &[AccountId],
        complete: Option<u64>,
        at: Timestamp,
    ) -> Result<()> {
        ledger::freeze(&self.store, post, readers, complete, at).await
    }

    /// How many readers a complete audience has; `None` as long as it is not.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn frozen(&self, post: PostId) -> Result<Option<u64>> {
        ledger::frozen(&self.store, post).await
    }

    /// The next `limit` rows of a post's ledger behind `after`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ledger(&self, post: PostId, after: Option<AccountId>, limit: usize) -> Result<Vec<Recipient>> {
        ledger::ledger(&self.store, post, after, limit).await
    }

    /// How many copies of a post's mail stand how.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn counts(&self, post: PostId) -> Result<MailCounts> {
        ledger::counts(&self.store, post).await
    }

    /// Takes a queued copy for sending; `false` if somebody else has it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim(&self, post: PostId, recipient: AccountId, at: Timestamp) -> Result<bool> {
        let mark = Mark { from: &[MailState::Queued], to: MailState::Sending, error: None, put_off: None, at };
        Ok(ledger::mark(&self.store, post, &[recipient], mark).await? > 0)
    }

    /// How a copy that was taken ended, with the reason where it did not go out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn finish(
        &self,
        post: PostId,
        recipient: AccountId,
        to: MailState,
        error: Option<&str>,
        at: Timestamp,
    ) -> Result<()> {
        // Another node may have taken the sender for dead; what the mail server has said is worth more than that.
        let from: &[MailState] = match to {
            MailState::Sent | MailState::Failed => &[MailState::Sending, MailState::Unknown],
            MailState::Queued | MailState::Sending | MailState::Unknown => &[MailState::Sending],
        };
        let mark = Mark { from, to, error, put_off: None, at };
        ledger::mark(&self.store, post, &[recipient], mark).await.map(drop)
    }

    /// A copy that waits is put off.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn put_off(
        &self,
        post: PostId,
        recipient: AccountId,
        (tries, due): (u32, Timestamp),
        error: &str,
        at: Timestamp,
    ) -> Result<()> {
        let from = &[MailState::Queued, MailState::Sending];
        let mark = Mark { from, to: MailState::Queued, error: Some(error), put_off: Some((tries, due)), at };
        ledger::mark(&self.store, post, &[recipient], mark).await.map(drop)
    }

    /// Copies that wait will not go out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn give_up(&self, post: PostId, recipients: &[AccountId], reason: &str, at: Timestamp) -> Result<()> {
        let mark = Mark { from: &[MailState::Queued], to: MailState::Failed, error: Some(reason), put_off: None, at };
        ledger::mark(&self.store, post, recipients, mark).await.map(drop)
    }

    /// Copies whose sender is gone: `to` says what becomes of them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn abandon(&self, post: PostId, recipients: &[AccountId], to: MailState, at: Timestamp) -> Result<()> {
        let error = Some("the server stopped in the middle of it");
        let mark = Mark { from: &[MailState::Sending], to, error, put_off: None, at };
        ledger::mark(&self.store, post, recipients, mark).await.map(drop)
    }

    /// The key of the links in mails.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn link_key(&self) -> Result<MailLinkKey> {
        mailings::link_key(&self.store).await
    }
}
