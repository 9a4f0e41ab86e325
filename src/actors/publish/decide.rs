//! Deciding commands: pure rules over what is known, and the writes and events that follow from them. Verdicts and appeals
//! are in `review.rs`.

use std::{sync::Arc, time::Duration};

use super::command::{Answer, Command, IdempotencyKey, NewPost, PostChanges};
use crate::{
    actors::Error,
    domain::{
        AccountId, ContentChange, Epoch, Event, EventId, EventKind, Moderation, Post, PostId, ReviewRecord, Slug,
        Status, Timestamp, TraceContext, Viewer, may_see,
    },
    store::{KeptAnswer, Known, Writes},
};

/// How long an idempotency key is remembered.
const KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// One group of commands on its way to one transaction.
pub(super) struct Group {
    pub(super) known: Known,
    pub(super) now: Timestamp,
    epoch: Epoch,
    next_seq: u64,
    /// What is to be written.
    pub(super) writes: Writes,
    /// The events among it, in order.
    pub(super) events: Vec<Event>,
}

impl Group {
    pub(super) fn new(known: Known, now: Timestamp, epoch: Epoch, next_seq: u64) -> Self {
        Self { known, now, epoch, next_seq, writes: Writes::default(), events: Vec::new() }
    }

    /// Decides one command; a refused command leaves no trace in the group.
    pub(super) fn decide(&mut self, command: Command, trace: TraceContext) -> Result<Answer, Error> {
        match command {
            Command::Create { author, post, idempotency } => self.create(author, post, idempotency, trace),
            Command::Edit { post, by, if_version, changes } => self.edit(post, by, if_version, changes, trace),
            Command::PublishDraft { post, by, if_version } => self.publish(post, by, if_version, trace),
            Command::Delete { post, by, if_version } => self.delete(post, by, if_version, trace),
            Command::Follow { reader, author } => self.follow(reader, author, trace),
            Command::Unfollow { reader, author } => Ok(self.unfollow(reader, author, trace)),
            Command::RecordDecision { post, by, if_version, is_approved, reason } => {
                self.rule(post, &by, if_version, is_approved, &reason, trace)
            }
            Command::Appeal { post, by, text } => self.appeal(post, by, &text),
            Command::Judge { post, content_hash, verdict } => self.judge(post, &content_hash, &verdict, trace),
        }
    }

    fn create(
        &mut self,
        author: AccountId,
        new: NewPost,
        idempotency: Option<IdempotencyKey>,
        trace: TraceContext,
    ) -> Result<Answer, Error> {
        let kept = idempotency.as_ref().and_then(|used| self.known.answers.get(&(author, used.key.clone())));
        if let (Some(kept), Some(used)) = (kept, &idempotency)
            && self.now.since(kept.at) < KEY_LIFETIME
        {
            return if kept.fingerprint == used.fingerprint {
                Ok(Answer::Post(Arc::new(self.compose(kept.post, author, new, kept.at)?)))
            } else {
                Err(Error::IdempotencyMismatch)
            };
        }
        let kept_is_old = kept.is_some();
        if new.slug.as_ref().is_some_and(|slug| self.is_taken(author, slug)) {
            return Err(Error::SlugTaken);
        }
        let mut post = self.compose(PostId::generate(), author, new, self.now)?;
        if let Some(used) = idempotency {
            if kept_is_old {
                self.writes.forget_answer(author, &used.key);
            }
            let answer = KeptAnswer { fingerprint: used.fingerprint, post: post.id, at: self.now };
            self.writes.keep_answer(author, &used.key, &answer);
            self.known.answers.insert((author, used.key), answer);
        }
        if let Some(published_at) = post.published_at {
            post.published_by = Some(self.announce(
                EventKind::PostPublished {
                    post: post.id,
                    author,
                    published_at,
                    notify: post.notify,
                    change: ContentChange::between(None, Some(&post)),
                },
                trace,
            ));
        }
        let post = Arc::new(post);
        self.writes.create(&post);
        self.remember(&post);
        Ok(Answer::Post(post))
    }

    /// The post that follows from a request, an id and a time: the same three always give the same post.
    fn compose(&self, id: PostId, author: AccountId, new: NewPost, at: Timestamp) -> Result<Post, Error> {
        let account = self.known.accounts.get(&author).ok_or(Error::NotFound)?;
        Ok(Post {
            id,
            author,
            slug: new.slug.unwrap_or_else(|| Slug::from_title(&new.title, id)),
            content_hash: Post::hash_content(&new.title, &new.tags, &new.body),
            title: new.title,
            body: new.body,
            tags: new.tags,
            status: new.status,
            moderation: Moderation::Pending,
            hold_until_approved: account.hold_until_approved,
            notify: new.notify,
            is_withdrawn: false,
            version: 1,
            created_at: at,
            updated_at: at,
            published_at: (new.status == Status::Published).then(|| new.published_at.unwrap_or(at)),
            published_by: None,
            last_edit: None,
            review: ReviewRecord::default(),
        })
    }

    fn edit(
        &mut self,
        id: PostId,
        by: Viewer,
        if_version: Option<u64>,
        changes: PostChanges,
        trace: TraceContext,
    ) -> Result<Answer, Error> {
        let old = self.changeable(id, by, if_version)?;
        let mut new = Post::clone(&old);
        if let Some(slug) = changes.slug.filter(|slug| *slug != old.slug) {
            if by != Viewer::Account(old.author) && by != Viewer::Moderator(old.author) {
                return Err(Error::Forbidden);
            }
            if self.is_taken(old.author, &slug) {
                return Err(Error::SlugTaken);
            }
            new.slug = slug;
        }
        new.title = changes.title.unwrap_or(new.title);
        new.body = changes.body.unwrap_or(new.body);
        new.tags = changes.tags.unwrap_or(new.tags);
        new.content_hash = Post::hash_content(&new.title, &new.tags, &new.body);
        if new == *old {
            return Ok(Answer::Post(old));
        }
        let is_judged_anew = new.content_hash != old.content_hash;
        new.version += 1;
        new.updated_at = self.now;
        if is_judged_anew && let Some(appeal) = new.begin_anew(&old.content_hash) {
            self.writes.withdraw_appeal(id, &appeal);
        }
        if new.status == Status::Published && is_judged_anew {
            let change = ContentChange::between(Some(&old), Some(&new));
            new.last_edit = Some(self.announce(EventKind::PostEdited { post: id, author: new.author, change }, trace));
            self.announce_verdict(&old, &new, 0, trace);
        }
        Ok(Answer::Post(self.replace(&old, new)))
    }

    fn publish(
        &mut self,
        id: PostId,
        by: Viewer,
        if_version: Option<u64>,
        trace: TraceContext,
    ) -> Result<Answer, Error> {
        let old = self.changeable(id, by, if_version)?;
        if old.status == Status::Published {
            return Err(Error::AlreadyPublished);
        }
        let mut new = Post::clone(&old);
        new.status = Status::Published;
        new.version += 1;
        new.updated_at = self.now;
        new.published_at = Some(self.now);
        if let Some(account) = self.known.accounts.get(&new.author) {
            new.hold_until_approved = account.hold_until_approved;
        }
        let change = ContentChange::between(None, Some(&new));
        let (author, notify) = (new.author, new.notify);
        let event = EventKind::PostPublished { post: id, author, published_at: self.now, notify, change };
        new.published_by = Some(self.announce(event, trace));
        Ok(Answer::Post(self.replace(&old, new)))
    }

    fn delete(
        &mut self,
        id: PostId,
        by: Viewer,
        if_version: Option<u64>,
        trace: TraceContext,
    ) -> Result<Answer, Error> {
        let post = self.changeable(id, by, if_version)?;
        if let Some(published_at) = post.published_at {
            let change = ContentChange::between(Some(&post), None);
            self.announce(EventKind::PostDeleted { post: id, author: post.author, published_at, change }, trace);
        }
        self.writes.delete(&post);
        self.known.posts.remove(&id);
        self.known.slugs.remove(&(post.author, post.slug.clone()));
        Ok(Answer::Deleted)
    }

    fn follow(&mut self, reader: AccountId, author: AccountId, trace: TraceContext) -> Result<Answer, Error> {
        if reader == author {
            return Err(Error::FollowSelf);
        }
        if !self.known.accounts.contains_key(&author) {
            return Err(Error::NotFound);
        }
        if self.known.follows.insert((reader, author)) {
            self.writes.follow(reader, author);
            self.announce(EventKind::AuthorFollowed { reader, author }, trace);
        }
        Ok(Answer::Done)
    }

    fn unfollow(&mut self, reader: AccountId, author: AccountId, trace: TraceContext) -> Answer {
        if self.known.follows.remove(&(reader, author)) {
            self.writes.unfollow(reader, author);
            self.announce(EventKind::AuthorUnfollowed { reader, author }, trace);
        }
        Answer::Done
    }

    /// The post, if the caller may change it as they have seen it.
    pub(super) fn changeable(&self, id: PostId, by: Viewer, if_version: Option<u64>) -> Result<Arc<Post>, Error> {
        let post = self.known.posts.get(&id).filter(|post| may_see(post, by)).ok_or(Error::NotFound)?;
        let may_change = match by {
            Viewer::Public => false,
            Viewer::Account(me) => me == post.author,
            Viewer::Moderator(_) => true,
        };
        if !may_change {
            return Err(Error::Forbidden);
        }
        match if_version {
            Some(version) if version != post.version => Err(Error::Stale { current: post.version }),
            _ => Ok(Arc::clone(post)),
        }
    }

    fn is_taken(&self, author: AccountId, slug: &Slug) -> bool {
        self.known.slugs.contains(&(author, slug.clone()))
    }

    pub(super) fn replace(&mut self, old: &Post, new: Post) -> Arc<Post> {
        let new = Arc::new(new);
        self.writes.replace(old, &new);
        if old.slug != new.slug {
            self.known.slugs.remove(&(old.author, old.slug.clone()));
        }
        self.remember(&new);
        new
    }

    pub(super) fn remember(&mut self, post: &Arc<Post>) {
        self.known.slugs.insert((post.author, post.slug.clone()));
        self.known.posts.insert(post.id, Arc::clone(post));
    }

    /// Puts an event into the log.
    pub(super) fn announce(&mut self, kind: EventKind, trace: TraceContext) -> EventId {
        let id = EventId { epoch: self.epoch, seq: self.next_seq };
        self.next_seq += 1;
        let event = Event { id, kind, at: self.now, trace };
        self.writes.event(&event);
        self.events.push(event);
        id
    }
}
