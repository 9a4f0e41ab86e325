//! What the publisher reads before it decides, and writes when it has decided: one transaction per group of commands.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use surrealdb::types::{Object, RecordId, SurrealValue, Value};

use super::{
    AccountAccess, Error, PostReads, Result, Store,
    batch::Batch,
    follows,
    keys::{self, parts},
    log,
    roads::Lookup,
};
use crate::domain::{Account, AccountId, Epoch, Post, PostId, Slug, Timestamp};

mod writes;

pub use writes::Writes;

/// The publisher's access: the only one that writes posts, follows and events.
#[derive(Clone)]
pub struct Publishing {
    store: Store,
    posts: PostReads,
    accounts: AccountAccess,
}

/// What a group of commands must know before it can be decided.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Posts to be changed.
    pub posts: HashSet<PostId>,
    /// Idempotency keys, by account.
    pub keys: HashSet<(AccountId, String)>,
    /// Slugs somebody asks for, by author.
    pub slugs: HashSet<(AccountId, Slug)>,
    /// Follows (reader, author) to be changed.
    pub follows: HashSet<(AccountId, AccountId)>,
    /// Accounts that act or are acted upon.
    pub accounts: HashSet<AccountId>,
}

/// What is known; the decisions of a group keep it up to date among themselves.
#[derive(Debug, Default)]
pub struct Known {
    /// The posts that exist.
    pub posts: HashMap<PostId, Arc<Post>>,
    /// What the idempotency keys answered.
    pub answers: HashMap<(AccountId, String), KeptAnswer>,
    /// The slugs that are taken.
    pub slugs: HashSet<(AccountId, Slug)>,
    /// The follows that exist.
    pub follows: HashSet<(AccountId, AccountId)>,
    /// The accounts that exist.
    pub accounts: HashMap<AccountId, Arc<Account>>,
}

/// The first answer to a request with an idempotency key, as far as it does not follow from the request itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// SHA-256 of the request.
    pub fingerprint: String,
    /// The post it made.
    pub post: PostId,
    /// When.
    pub at: Timestamp,
}

#[derive(SurrealValue)]
struct AnswerRow {
    id: RecordId,
    fingerprint: String,
    post: String,
    at: i64,
}

impl Publishing {
    pub(crate) fn new(store: &Store, posts: &PostReads, accounts: &AccountAccess) -> Self {
        Self { store: store.clone(), posts: posts.clone(), accounts: accounts.clone() }
    }

    /// Opens a new log, the latest of all, with a cursor at its beginning for every worker of this node.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open_epoch(&self, node: &str, workers: &[String], now: Timestamp, lease: Duration) -> Result<Epoch> {
        let epoch = Epoch::generate_after(log::epochs(&self.store).await?.pop());
        let mut batch = Batch::default();
        let mut row = Object::default();
        row.insert("id", keys::named("epoch", epoch.to_string()));
        row.insert("node", node.to_owned());
        row.insert("at", now.as_millis());
        batch.create("epoch", Value::Object(row));
        for worker in workers {
            batch.create("cursor", log::cursor_row(worker, epoch, node, 0, now.plus(lease)));
        }
        self.store.commit(batch).await.map(|_| epoch)
    }

    /// Reads everything a group of commands must know.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn know(&self, wanted: Wanted) -> Result<Known> {
        let mut known = Known::default();
        let ids: Vec<PostId> = wanted.posts.into_iter().collect();
        if !ids.is_empty() {
            let posts = self.posts.get_many(&ids).await?;
            known.posts = posts.into_iter().map(|post| (post.id, post)).collect();
        }
        let accounts: Vec<AccountId> = wanted.accounts.into_iter().collect();
        if !accounts.is_empty() {
            let accounts = self.accounts.get_many(&accounts).await?;
            known.accounts = accounts.into_iter().map(|account| (account.id, account)).collect();
        }
        if wanted.keys.is_empty() && wanted.slugs.is_empty() && wanted.follows.is_empty() {
            return Ok(known);
        }
        let keys: Vec<RecordId> = wanted.keys.iter().map(|(account, key)| answer_id(*account, key)).collect();
        let slugs: Vec<RecordId> = wanted.slugs.iter().map(|(author, slug)| slug_id(*author, slug)).collect();
        let follows: Vec<RecordId> =
            wanted.follows.iter().map(|(reader, author)| follows::following_id(*reader, *author)).collect();
        let lookups = vec![Lookup::Rows(keys), Lookup::Ids(slugs), Lookup::Ids(follows)];
        let mut found = self.store.look(lookups).await?;
        for row in found.next::<AnswerRow>()? {
            let mut parts = keys::Parts::of(row.id)?;
            let key = (parts.parsed()?, parts.text()?);
            let at = Timestamp::from_millis(row.at);
            let answer = KeptAnswer { fingerprint: row.fingerprint, post: keys::parsed(&row.post)?, at };
            known.answers.insert(key, answer);
        }
        for id in found.next::<RecordId>()? {
            let mut parts = keys::Parts::of(id)?;
            known.slugs.insert((parts.parsed()?, Slug::from_trusted(parts.text()?)));
        }
        for id in found.next::<RecordId>()? {
            let mut parts = keys::Parts::of(id)?;
            known.follows.insert((parts.parsed()?, parts.parsed()?));
        }
        Ok(known)
    }

    /// Commits a group's writes in one transaction.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Exists`] or [`Error::Conflict`]: nothing was written, know and decide again. After any
    /// other error the outcome is unknown.
    pub async fn commit(&self, mut writes: Writes) -> Result<()> {
        if writes.is_empty() {
            return Ok(());
        }
        let (store, touched) = (self.store.clone(), std::mem::take(&mut writes.touched));
        self.posts.change(touched, async move { store.commit(writes.batch).await }).await
    }
}

/// Whether a failed commit has certainly written nothing, so that it may be decided anew.
#[must_use]
pub fn wrote_nothing(error: &Error) -> bool {
    matches!(error, Error::Refused(_) | Error::Exists(_) | Error::Conflict(_))
}

fn slug_id(author: AccountId, slug: &Slug) -> RecordId {
    keys::record("slug", parts![author, slug.as_str()])
}

fn answer_id(account: AccountId, key: &str) -> RecordId {
    keys::record("idempotency", parts![account, key])
}
