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
    events::LoggedEvent,
    follows,
    keys::{self, parts},
    listings, log,
    posts::{self, PostRow},
    query::Query,
};
use crate::domain::{Account, AccountId, Epoch, Event, Moderation, Post, PostId, Slug, Timestamp, Verdict};

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

/// What a group of commands writes.
#[derive(Debug, Default)]
pub struct Writes {
    batch: Batch,
    /// Posts whose verdict is all that changes, by what it changes to: one statement for all of them.
    judged: HashMap<(Moderation, bool), Vec<(PostId, u64)>>,
    touched: HashMap<PostId, Option<Arc<Post>>>,
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

    /// Opens a new log with a cursor at its beginning for every worker of this node.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open_epoch(
        &self,
        epoch: Epoch,
        node: &str,
        workers: &[String],
        now: Timestamp,
        lease: Duration,
    ) -> Result<()> {
        let mut batch = Batch::default();
        let mut row = Object::default();
        row.insert("id", keys::named("epoch", epoch.to_string()));
        row.insert("node", node.to_owned());
        row.insert("at", now.as_millis());
        batch.create("epoch", Value::Object(row));
        for worker in workers {
            batch.create("cursor", log::cursor_row(worker, epoch, node, 0, now.plus(lease)));
        }
        self.store.write(batch.into_transaction()).await.map(drop)
    }

    /// Reads everything a group of commands must know.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn know(&self, wanted: Wanted) -> Result<Known> {
        let mut known = Known::default();
        let ids: Vec<PostId> = wanted.posts.into_iter().collect();
        if !ids.is_empty() {
            let posts = if self.store.is_embedded() {
                self.posts.get_many(&ids).await?
            } else {
                self.posts.load(&ids).await?.into_iter().map(Arc::new).collect()
            };
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
        let text = "SELECT * FROM $keys; SELECT VALUE id FROM $slugs; SELECT VALUE id FROM $follows";
        let query = Query::new(text).bind("keys", keys).bind("slugs", slugs).bind("follows", follows);
        let mut answers = self.store.read(query).await?;
        for row in answers.rows::<AnswerRow>(0)? {
            let mut parts = keys::Parts::of(row.id)?;
            let key = (parts.parsed()?, parts.text()?);
            let at = Timestamp::from_millis(row.at);
            let answer = KeptAnswer { fingerprint: row.fingerprint, post: keys::parsed(&row.post)?, at };
            known.answers.insert(key, answer);
        }
        for id in answers.rows::<RecordId>(1)? {
            let mut parts = keys::Parts::of(id)?;
            known.slugs.insert((parts.parsed()?, Slug::from_trusted(parts.text()?)));
        }
        for id in answers.rows::<RecordId>(2)? {
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
    pub async fn commit(&self, writes: Writes) -> Result<()> {
        if writes.is_empty() {
            return Ok(());
        }
        for id in writes.touched.keys() {
            self.posts.forget(*id);
        }
        let touched = writes.touched.clone();
        self.store.write(writes.into_transaction()).await?;
        for (id, post) in &touched {
            match post {
                Some(post) => self.posts.keep(post),
                None => self.posts.forget(*id),
            }
        }
        Ok(())
    }
}

impl Writes {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.len() == 0 && self.judged.is_empty()
    }

    /// A new post.
    pub fn create(&mut self, post: &Arc<Post>) {
        self.batch.create("post", PostRow::from(post.as_ref()));
        self.batch.create("slug", slug_row(post));
        self.list(post);
        self.touched.insert(post.id, Some(Arc::clone(post)));
    }

    /// A post in place of its former self; refused if somebody else has changed it meanwhile.
    pub fn replace(&mut self, old: &Post, new: &Arc<Post>) {
        let text = "LET $done_ = UPDATE $id_ CONTENT $row_ WHERE version = $was_ RETURN VALUE id; \
                    IF array::len($done_) = 0 { THROW 'stale' }";
        let row = PostRow::from(new.as_ref()).into_value();
        let was = i64::try_from(old.version).unwrap_or(i64::MAX).into_value();
        let id = posts::id(new.id).into_value();
        self.batch.statement(text, [("id", id), ("row", row), ("was", was), ("done", Value::None)]);
        if old.slug != new.slug {
            self.batch.delete(slug_id(old.author, &old.slug));
            self.batch.create("slug", slug_row(new));
        }
        let (before, after) = (listings::keys_of(old), listings::keys_of(new));
        for key in before.iter().filter(|key| !after.contains(key)) {
            self.batch.delete(key.clone());
        }
        for key in after.into_iter().filter(|key| !before.contains(key)) {
            self.batch.put_key("listing", key);
        }
        self.touched.insert(new.id, Some(Arc::clone(new)));
    }

    /// A post goes, with everything that leads to it.
    pub fn delete(&mut self, post: &Post) {
        let text = "LET $done_ = DELETE $id_ WHERE version = $was_ RETURN BEFORE; \
                    IF array::len($done_) = 0 { THROW 'stale' }";
        let was = i64::try_from(post.version).unwrap_or(i64::MAX).into_value();
        self.batch.statement(text, [("id", posts::id(post.id).into_value()), ("was", was), ("done", Value::None)]);
        self.batch.delete(slug_id(post.author, &post.slug));
        for key in listings::keys_of(post) {
            self.batch.delete(key);
        }
        self.touched.insert(post.id, None);
    }

    /// A reader follows an author.
    pub fn follow(&mut self, reader: AccountId, author: AccountId) {
        self.batch.put_key("following", follows::following_id(reader, author));
        self.batch.put_key("follower", follows::follower_id(author, reader));
    }

    /// A reader no longer follows an author.
    pub fn unfollow(&mut self, reader: AccountId, author: AccountId) {
        self.batch.delete(follows::following_id(reader, author));
        self.batch.delete(follows::follower_id(author, reader));
    }

    /// What a request with an idempotency key was answered.
    pub fn keep_answer(&mut self, account: AccountId, key: &str, answer: &KeptAnswer) {
        self.batch.create(
            "idempotency",
            AnswerRow {
                id: answer_id(account, key),
                fingerprint: answer.fingerprint.clone(),
                post: answer.post.to_string(),
                at: answer.at.as_millis(),
            },
        );
    }

    /// An idempotency key whose time is over is used again.
    pub fn forget_answer(&mut self, account: AccountId, key: &str) {
        let id = answer_id(account, key).into_value();
        self.batch.statement("DELETE $id_ RETURN NONE", [("id", id)]);
    }

    /// A post in place of its former self, when nothing but its moderation has changed, and the verdict's grounds. They are
    /// kept by post and content: the same content judged again replaces them.
    pub fn judge(&mut self, old: &Post, new: &Arc<Post>, verdict: &Verdict, at: Timestamp) {
        self.judged.entry((new.moderation, new.is_withdrawn)).or_default().push((new.id, old.version));
        self.touched.insert(new.id, Some(Arc::clone(new)));
        let mut row = Object::default();
        row.insert("id", keys::record("verdict", parts![new.id, new.content_hash.clone()]));
        row.insert("decision", crate::domain::Moderation::from(verdict.decision).as_str());
        row.insert("categories", verdict.categories.clone());
        row.insert("reason", verdict.reason.clone());
        row.insert("model", verdict.model.clone());
        row.insert("at", at.as_millis());
        self.batch.replace("verdict", &["decision", "categories", "reason", "model", "at"], Value::Object(row));
    }

    fn into_transaction(mut self) -> Query {
        for ((moderation, is_withdrawn), posts) in self.judged {
            let text = "LET $done_ = UPDATE $ids_ SET moderation = $moderation_, withdrawn = $withdrawn_, version += 1 \
                        WHERE version = $was_[record::id(id)] RETURN VALUE id; \
                        IF array::len($done_) != $count_ { THROW 'stale' }";
            let ids: Vec<RecordId> = posts.iter().map(|(id, _)| posts::id(*id)).collect();
            let mut was = Object::default();
            for (id, version) in &posts {
                was.insert(id.to_string(), i64::try_from(*version).unwrap_or(i64::MAX));
            }
            let parameters = [
                ("count", i64::try_from(ids.len()).unwrap_or(i64::MAX).into_value()),
                ("ids", ids.into_value()),
                ("moderation", moderation.as_str().into_value()),
                ("withdrawn", is_withdrawn.into_value()),
                ("was", Value::Object(was)),
                ("done", Value::None),
            ];
            self.batch.statement(text, parameters);
        }
        self.batch.into_transaction()
    }

    /// An event, at its place in the log.
    pub fn event(&mut self, event: &Event) {
        self.batch.create("event", LoggedEvent::from(event));
    }

    fn list(&mut self, post: &Post) {
        for key in listings::keys_of(post) {
            self.batch.put_key("listing", key);
        }
    }
}

fn slug_id(author: AccountId, slug: &Slug) -> RecordId {
    keys::record("slug", parts![author, slug.as_str()])
}

fn slug_row(post: &Post) -> Value {
    let mut row = Object::default();
    row.insert("id", slug_id(post.author, &post.slug));
    row.insert("post", post.id.to_string());
    Value::Object(row)
}

fn answer_id(account: AccountId, key: &str) -> RecordId {
    keys::record("idempotency", parts![account, key])
}

/// Whether a failed commit has certainly written nothing, so that it may be decided anew.
#[must_use]
pub fn wrote_nothing(error: &Error) -> bool {
    matches!(error, Error::Refused(_) | Error::Exists(_) | Error::Conflict(_))
}
