//! Why a command was not carried out.

use crate::{domain::ReviewError, store};

/// Why a command was not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The publisher's queue is full.
    #[error("too many commands wait already")]
    Busy,
    /// The node is shutting down.
    #[error("the node is shutting down")]
    Stopping,
    /// The database did not take it; whether it was written is unknown.
    #[error("the command could not be committed: {0}")]
    Unavailable(String),
    /// There is no such post or account, or the caller may not know of it.
    #[error("not found")]
    NotFound,
    /// The caller may see it, but not change it.
    #[error("only its author and moderators may change it")]
    Forbidden,
    /// The post has another version than the caller thinks.
    #[error("the post has version {current} by now")]
    Stale {
        /// The version it has.
        current: u64,
    },
    /// The author has a post with this slug already.
    #[error("the slug is taken")]
    SlugTaken,
    /// The post is not a draft.
    #[error("the post is published already")]
    AlreadyPublished,
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    /// The rules of reviewing do not allow it.
    #[error(transparent)]
    Review(#[from] ReviewError),
    /// The job has ended already.
    #[error("the job has ended")]
    JobEnded,
    /// Nobody follows themselves.
    #[error("nobody can follow themselves")]
    FollowSelf,
}

impl From<store::Error> for Error {
    /// Reading failed, or a write that is not the publisher's: the publisher sorts its own errors.
    fn from(error: store::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}
