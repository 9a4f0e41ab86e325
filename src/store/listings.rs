//! Listings: lists of posts, newest first, as ranges of keys.

use surrealdb::types::RecordId;

use super::{
    Result, Store,
    keys::{self, parts},
    query::Query,
};
use crate::domain::{AccountId, PageCursor, Post, Status, Tag};

/// A list of posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// Everything that is published.
    All,
    /// What one author has published.
    Author(AccountId),
    /// One author's drafts, by their creation.
    Drafts(AccountId),
    /// What is published under one tag.
    Tag(Tag),
}

impl Listing {
    fn scope(&self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Author(author) => format!("author:{author}"),
            Self::Drafts(author) => format!("drafts:{author}"),
            Self::Tag(tag) => format!("tag:{}", tag.as_str()),
        }
    }

    /// The listings that a post stands in.
    fn of(post: &Post) -> Vec<Self> {
        match post.status {
            Status::Draft => vec![Self::Drafts(post.author)],
            Status::Published => {
                let tags = post.tags.iter().cloned().map(Self::Tag);
                [Self::All, Self::Author(post.author)].into_iter().chain(tags).collect()
            }
        }
    }
}

/// The key rows of a post in all listings that it stands in.
pub(super) fn keys_of(post: &Post) -> Vec<RecordId> {
    let at = post.published_at.unwrap_or(post.created_at);
    Listing::of(post)
        .into_iter()
        .map(|listing| keys::record("listing", parts![listing.scope(), keys::inverted(at), post.id]))
        .collect()
}

/// A page of a listing: positions, newest first, beginning behind `after`.
pub(super) async fn page(
    store: &Store,
    listing: &Listing,
    after: Option<PageCursor>,
    limit: usize,
) -> Result<Vec<PageCursor>> {
    let scope = listing.scope();
    let from = match after {
        Some(cursor) => parts![scope.clone(), keys::inverted(cursor.at), cursor.post],
        None => parts![scope.clone(), i64::MIN],
    };
    let range = keys::range("listing", from, after.is_some(), parts![scope, i64::MAX]);
    let mut answers = store.read(Query::page(range, limit)).await?;
    answers.rows::<RecordId>(0)?.into_iter().map(keys::position).collect()
}
