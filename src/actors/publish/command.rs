//! What the publisher can be asked to do, and what it answers.

use std::sync::Arc;

use crate::domain::{
    AccountId, Actor, AppealText, Body, Post, PostId, Reason, Slug, Status, Tag, Timestamp, Title, Verdict, Viewer,
};
use crate::store::Wanted;

/// A command that has consequences.
#[derive(Debug, Clone)]
pub enum Command {
    /// Creates a post, published or as a draft.
    Create {
        /// Who writes it.
        author: AccountId,
        /// What it says.
        post: NewPost,
        /// The request's idempotency key, if it has one.
        idempotency: Option<IdempotencyKey>,
    },
    /// Changes a post's text.
    Edit {
        /// Which post.
        post: PostId,
        /// Who asks.
        by: Viewer,
        /// The version the caller has seen; any if `None`.
        if_version: Option<u64>,
        /// What changes.
        changes: PostChanges,
    },
    /// Publishes a draft.
    PublishDraft {
        /// Which post.
        post: PostId,
        /// Who asks.
        by: Viewer,
        /// The version the caller has seen; any if `None`.
        if_version: Option<u64>,
    },
    /// Deletes a post.
    Delete {
        /// Which post.
        post: PostId,
        /// Who asks.
        by: Viewer,
        /// The version the caller has seen; any if `None`.
        if_version: Option<u64>,
    },
    /// A reader follows an author.
    Follow {
        /// Who follows.
        reader: AccountId,
        /// Who is followed.
        author: AccountId,
    },
    /// A reader no longer follows an author.
    Unfollow {
        /// Who followed.
        reader: AccountId,
        /// Who was followed.
        author: AccountId,
    },
    /// A person decides on a post; whoever it is must be a moderator.
    RecordDecision {
        /// Which post.
        post: PostId,
        /// Who decides.
        by: Actor,
        /// The version the caller has seen; any if `None`.
        if_version: Option<u64>,
        /// Whether it may be shown.
        is_approved: bool,
        /// Why.
        reason: Reason,
    },
    /// An author objects to the rejection of a post.
    Appeal {
        /// Which post.
        post: PostId,
        /// Who asks.
        by: Viewer,
        /// What they say.
        text: AppealText,
    },
    /// The moderator has judged a post.
    Judge {
        /// Which post.
        post: PostId,
        /// What was judged: a verdict on text that has changed meanwhile is dropped.
        content_hash: String,
        /// What was decided, and why.
        verdict: Verdict,
    },
}

/// A post as its author sends it.
#[derive(Debug, Clone)]
pub struct NewPost {
    /// One line.
    pub title: Title,
    /// Markdown.
    pub body: Body,
    /// What it is about.
    pub tags: Vec<Tag>,
    /// Published at once, or a draft.
    pub status: Status,
    /// Its name in links; made from the title if `None`.
    pub slug: Option<Slug>,
    /// Since when it counts as published; now if `None`.
    pub published_at: Option<Timestamp>,
    /// Whether followers are to be mailed.
    pub notify: bool,
}

/// What changes about a post.
#[derive(Debug, Clone, Default)]
pub struct PostChanges {
    /// The new title.
    pub title: Option<Title>,
    /// The new body.
    pub body: Option<Body>,
    /// The new tags.
    pub tags: Option<Vec<Tag>>,
    /// The new slug.
    pub slug: Option<Slug>,
}

/// A request that may be sent twice and must act once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The client's key, unique per account.
    pub key: String,
    /// SHA-256 of the request in hex.
    pub fingerprint: String,
}

/// What a command came to.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The post as it is now; for a replayed creation, as it was first answered.
    Post(Arc<Post>),
    /// It is gone.
    Deleted,
    /// It is so.
    Done,
}

impl Command {
    /// The word in stats.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Edit { .. } => "edit",
            Self::PublishDraft { .. } => "publish_draft",
            Self::Delete { .. } => "delete",
            Self::Follow { .. } => "follow",
            Self::Unfollow { .. } => "unfollow",
            Self::Judge { .. } => "judge",
            Self::RecordDecision { .. } => "record_decision",
            Self::Appeal { .. } => "appeal",
        }
    }

    /// Adds what must be known to decide this command.
    pub(super) fn want(&self, wanted: &mut Wanted) {
        match self {
            Self::Create { author, post, idempotency } => {
                wanted.accounts.insert(*author);
                if let Some(slug) = &post.slug {
                    wanted.slugs.insert((*author, slug.clone()));
                }
                if let Some(idempotency) = idempotency {
                    wanted.keys.insert((*author, idempotency.key.clone()));
                }
            }
            Self::Edit { post, by, changes, .. } => {
                wanted.posts.insert(*post);
                // The slug is the author's, and the author is whoever the post says: moderators leave slugs alone.
                if let (Some(slug), Viewer::Account(author) | Viewer::Moderator(author)) = (&changes.slug, by) {
                    wanted.slugs.insert((*author, slug.clone()));
                }
            }
            Self::PublishDraft { post, by, .. } => {
                wanted.posts.insert(*post);
                if let Viewer::Account(author) | Viewer::Moderator(author) = by {
                    wanted.accounts.insert(*author);
                }
            }
            Self::Delete { post, .. }
            | Self::Judge { post, .. }
            | Self::RecordDecision { post, .. }
            | Self::Appeal { post, .. } => {
                wanted.posts.insert(*post);
            }
            Self::Follow { reader, author } | Self::Unfollow { reader, author } => {
                wanted.follows.insert((*reader, *author));
                wanted.accounts.insert(*author);
            }
        }
    }
}
