//! Moderation: what a moderator is given and what it answers. Not how it decides.

use futures_util::future::BoxFuture;

use super::Error;
use crate::domain::{AccountId, Tag, Verdict};

/// What is to be judged.
#[derive(Clone, Copy)]
pub struct Submission<'a> {
    /// Who wrote it. Not shown to a model: only so that one author does not use up what is meant for all.
    pub author: AccountId,
    /// The post's title.
    pub title: &'a str,
    /// Its tags.
    pub tags: &'a [Tag],
    /// Its body, in Markdown.
    pub body: &'a str,
}

/// Says whether a post may be shown.
pub trait Moderator: Send + Sync + 'static {
    /// Judges one post. A moderator that cannot make up its mind answers `Review`; an error means that it was not there.
    fn judge<'a>(&'a self, submission: &'a Submission<'a>) -> BoxFuture<'a, Result<Verdict, Error>>;

    /// Whether it answers within milliseconds, without asking anybody else.
    fn is_quick(&self) -> bool {
        false
    }
}
