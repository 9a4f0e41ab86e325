//! The writes of a group of commands: each method adds what one decision changes.

use std::{collections::HashMap, sync::Arc};

use surrealdb::types::{Object, RecordId, SurrealValue, Value};

use super::{AnswerRow, KeptAnswer, answer_id, slug_id};
use crate::{
    domain::{AccountId, Appeal, AppealText, Audit, Event, Post, PostId, Reason, Timestamp, Verdict},
    store::{
        Guard, audit,
        batch::{Batch, Change, Then},
        events::{self, LoggedEvent},
        follows, listings, posts,
        posts::PostRow,
        reviews,
    },
};

/// What a group of commands writes.
#[derive(Debug, Default)]
pub struct Writes {
    pub(super) batch: Batch,
    pub(super) touched: HashMap<PostId, Option<Arc<Post>>>,
}

impl Writes {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.len() == 0
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
        self.batch.change(of_version(old, Then::content(PostRow::from(new.as_ref()))));
        if old.slug != new.slug {
            self.batch.delete(slug_id(old.author, &old.slug));
            self.batch.create("slug", slug_row(new));
        }
        self.move_keys("listing", &listings::keys_of(old), listings::keys_of(new));
        self.move_keys("review", &reviews::keys_of(old), reviews::keys_of(new));
        self.touched.insert(new.id, Some(Arc::clone(new)));
    }

    /// A post goes, with everything that leads to it.
    pub fn delete(&mut self, post: &Post) {
        self.batch.change(of_version(post, Then::Delete));
        self.batch.delete(slug_id(post.author, &post.slug));
        let appeals = post.review.appeals.iter().map(|appeal| reviews::appeal_id(post.id, &appeal.content_hash));
        for key in listings::keys_of(post).into_iter().chain(reviews::keys_of(post)).chain(appeals) {
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
        self.batch.delete(answer_id(account, key));
    }

    /// A post in place of its former self, when nothing but its moderation has changed, and the verdict's grounds. They are
    /// kept by post and content: the same content judged again replaces them.
    pub fn judge(&mut self, old: &Post, new: &Arc<Post>, verdict: &Verdict, at: Timestamp) {
        let then = Then::set([
            ("moderation", new.moderation.as_str().into_value()),
            ("withdrawn", new.is_withdrawn.into_value()),
            ("judged_at", at.as_millis().into_value()),
        ]);
        self.batch.change(of_version(old, then.and_add("version", 1)));
        self.touched.insert(new.id, Some(Arc::clone(new)));
        self.move_keys("review", &reviews::keys_of(old), reviews::keys_of(new));
        self.batch.replace("verdict", &reviews::VERDICT, reviews::verdict_row(new, verdict, at));
    }

    /// A person's verdict on the present text of a post, beside the model's. It replaces an earlier person's.
    pub fn rule(&mut self, post: &Post, handle: &str, reason: &Reason) {
        if let Some(ruling) = post.ruling() {
            self.batch.replace("ruling", &reviews::RULING, reviews::ruling_row(post.id, ruling, handle, reason));
        }
    }

    /// An author's objection. It replaces an earlier one against another rejection of the same text. What happens to appeals
    /// are changes, because those keep their order within a group.
    pub fn lodge_appeal(&mut self, post: PostId, appeal: &Appeal, text: &AppealText) {
        let row = reviews::appeal_row(post, appeal, text);
        self.batch.change(Change::of(reviews::appeal_id(post, &appeal.content_hash), Then::content(row)));
    }

    /// What came of an appeal.
    pub fn settle_appeal(&mut self, post: PostId, appeal: &Appeal, reason: &Reason, at: Timestamp) {
        let then = Then::set([
            ("state", appeal.state.as_str().into_value()),
            ("reason", reason.as_str().into_value()),
            ("decided_at", at.as_millis().into_value()),
        ]);
        self.batch.change(Change::of(reviews::appeal_id(post, &appeal.content_hash), then));
    }

    /// An appeal has become moot.
    pub fn withdraw_appeal(&mut self, post: PostId, appeal: &Appeal) {
        self.batch.change(Change::of(reviews::appeal_id(post, &appeal.content_hash), Then::Delete));
    }

    /// Who did it, for those who look later.
    pub fn audit(&mut self, audit: &Audit) {
        audit::put(&mut self.batch, audit);
    }

    /// An event, at its place in the log.
    pub fn event(&mut self, event: &Event) {
        self.batch.create("event", LoggedEvent::from(event));
    }

    /// Rows that are nothing but a key: those a post has no more, and those it has now.
    fn move_keys(&mut self, table: &'static str, before: &[RecordId], after: Vec<RecordId>) {
        for key in before.iter().filter(|key| !after.contains(key)) {
            self.batch.delete(key.clone());
        }
        for key in after.into_iter().filter(|key| !before.contains(key)) {
            self.batch.put_key(table, key);
        }
    }

    fn list(&mut self, post: &Post) {
        for key in listings::keys_of(post) {
            self.batch.put_key("listing", key);
        }
    }
}

/// A change of a post that nobody else has changed meanwhile.
fn of_version(post: &Post, then: Then) -> Change {
    let version = ("version", events::seq(post.version).into_value());
    Change::guarded(posts::id(post.id), [version], Guard::Stale, then)
}

fn slug_row(post: &Post) -> Value {
    let mut row = Object::default();
    row.insert("id", slug_id(post.author, &post.slug));
    row.insert("post", post.id.to_string());
    Value::Object(row)
}
