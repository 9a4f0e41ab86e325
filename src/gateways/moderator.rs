//! The moderator: what it is given and what it answers, not how it decides.

use futures_util::future::BoxFuture;

use super::Error;
use crate::domain::{AccountId, Tag, Verdict};

/// A post to be judged.
#[derive(Clone, Copy)]
pub struct Submission<'a> {
    /// The author. Not shown to a model; used only so that no author uses up everyone's budget.
    pub author: AccountId,
    /// The post's title.
    pub title: &'a str,
    /// Its tags.
    pub tags: &'a [Tag],
    /// Its body, in Markdown.
    pub body: &'a str,
}

/// Decides whether a post may be shown.
pub trait Moderator: Send + Sync + 'static {
    /// Judges one post. A moderator that is unsure answers `Review`; an error means that it could not be reached.
    fn judge<'a>(&'a self, submission: &'a Submission<'a>) -> BoxFuture<'a, Result<Verdict, Error>>;

    /// Whether it answers within milliseconds, without an external service.
    fn is_quick(&self) -> bool {
        false
    }
}
