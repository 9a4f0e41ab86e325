//! Events: what happened, and to which ids. Workers read everything else from the database when they run.

use std::{fmt, str::FromStr};

use ulid::Ulid;

use super::{AccountId, Invalid, Post, PostId, Status, Tag, Timestamp, TraceContext, Viewer, may_see};

/// One run of one node: a ULID made when its publisher starts. Each epoch has a log of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(Ulid);

impl Epoch {
    /// A new epoch.
    #[must_use]
    pub fn generate() -> Self {
        Self(Ulid::generate())
    }

    /// A new epoch that sorts after `other`, even if the clock has gone backwards since.
    #[must_use]
    pub fn generate_after(other: Option<Self>) -> Self {
        let (new, other) = (Self::generate(), other.map_or(0, |other| other.0.timestamp_ms()));
        if new.0.timestamp_ms() > other { new } else { Self(Ulid::from_parts(other + 1, new.0.random())) }
    }

    /// When it started.
    #[must_use]
    pub fn began_at(&self) -> Timestamp {
        Timestamp::from_millis(i64::try_from(self.0.timestamp_ms()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Epoch {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Ulid::from_string(text).map(Self).map_err(|_| Invalid::new("epoch", "invalid_id", "must be a ULID"))
    }
}

/// The position of an event: `seq` counts up from 1 without gaps within its epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// Which log.
    pub epoch: Epoch,
    /// The position in it, from 1.
    pub seq: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.seq)
    }
}

/// Something that happened and has consequences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its position in the log.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// When it happened.
    pub at: Timestamp,
    /// The trace of the request that caused it.
    pub trace: TraceContext,
}

/// How the totals of what an author has published change. Counters add it up, so it is part of the event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContentChange {
    /// Words added; negative if there are fewer.
    pub words: i64,
    /// Posts more, or fewer, that are published and that the public may not see.
    pub hidden: i64,
    /// Tags added.
    pub tags_added: Vec<Tag>,
    /// Tags removed.
    pub tags_removed: Vec<Tag>,
}

impl ContentChange {
    /// The difference between two versions of a post; `None` stands for "not published".
    #[must_use]
    pub fn between(old: Option<&Post>, new: Option<&Post>) -> Self {
        let words = |post: Option<&Post>| {
            let count = post.map_or(0, |post| post.body.as_str().split_whitespace().count());
            i64::try_from(count).unwrap_or(i64::MAX)
        };
        let tags = |post: Option<&Post>| post.map(|post| post.tags.clone()).unwrap_or_default();
        let (before, after) = (tags(old), tags(new));
        Self {
            words: words(new) - words(old),
            hidden: hidden(new) - hidden(old),
            tags_added: after.iter().filter(|tag| !before.contains(tag)).cloned().collect(),
            tags_removed: before.iter().filter(|tag| !after.contains(tag)).cloned().collect(),
        }
    }
}

/// 1 for a post that is published and that the public may not see, else 0.
fn hidden(post: Option<&Post>) -> i64 {
    i64::from(post.is_some_and(|post| post.status == Status::Published && !may_see(post, Viewer::Public)))
}

/// The kinds of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// A post was published.
    PostPublished {
        /// The post.
        post: PostId,
        /// Its author.
        author: AccountId,
        /// When it counts as published: with the post id, the key of its feed rows.
        published_at: Timestamp,
        /// Whether followers get a mail.
        notify: bool,
        /// What it adds to the counters.
        change: ContentChange,
    },
    /// A published post's text, tags or title changed.
    PostEdited {
        /// The post.
        post: PostId,
        /// Its author.
        author: AccountId,
        /// How the new text differs.
        change: ContentChange,
    },
    /// A published post was deleted.
    PostDeleted {
        /// The post.
        post: PostId,
        /// Its author.
        author: AccountId,
        /// The publication time in the keys of its feed rows.
        published_at: Timestamp,
        /// What it takes from the counters.
        change: ContentChange,
    },
    /// A moderator approved a post.
    PostApproved {
        /// The post.
        post: PostId,
        /// Its author.
        author: AccountId,
        /// The publication time for its feed rows, if an earlier verdict removed them.
        restores: Option<Timestamp>,
        /// See [`ContentChange::hidden`].
        hidden: i64,
    },
    /// A moderator rejected a post.
    PostRejected {
        /// The post.
        post: PostId,
        /// Its author.
        author: AccountId,
        /// The publication time in the keys of its feed rows.
        published_at: Timestamp,
        /// See [`ContentChange::hidden`].
        hidden: i64,
    },
    /// A reader started to follow an author.
    AuthorFollowed {
        /// Who follows.
        reader: AccountId,
        /// Who is followed.
        author: AccountId,
    },
    /// A reader stopped following an author.
    AuthorUnfollowed {
        /// Who followed.
        reader: AccountId,
        /// Who was followed.
        author: AccountId,
    },
}

impl EventKind {
    /// The kind's name in the database, logs and dead letters.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PostPublished { .. } => "post_published",
            Self::PostEdited { .. } => "post_edited",
            Self::PostDeleted { .. } => "post_deleted",
            Self::PostApproved { .. } => "post_approved",
            Self::PostRejected { .. } => "post_rejected",
            Self::AuthorFollowed { .. } => "author_followed",
            Self::AuthorUnfollowed { .. } => "author_unfollowed",
        }
    }

    /// The post it is about, if any.
    #[must_use]
    pub const fn post(&self) -> Option<PostId> {
        match self {
            Self::PostPublished { post, .. }
            | Self::PostEdited { post, .. }
            | Self::PostDeleted { post, .. }
            | Self::PostApproved { post, .. }
            | Self::PostRejected { post, .. } => Some(*post),
            Self::AuthorFollowed { .. } | Self::AuthorUnfollowed { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_later_than_the_one_before_also_when_the_clock_went_backwards() {
        let ahead = Epoch(Ulid::from_parts(Ulid::generate().timestamp_ms() + 86_400_000, u128::MAX));
        let after = Epoch::generate_after(Some(ahead));
        assert!(after > ahead && Epoch::generate_after(Some(after)) > after);
        assert!(Epoch::generate_after(None).began_at() < ahead.began_at());
    }
}
