//! Listings: lists of posts, newest first, as ranges of keys.

use surrealdb::types::RecordId;

use super::{
    Result, Store,
    keys::{self, parts},
    roads::Lookup,
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
    let range = range(listing, after, None);
    store.page(range, limit).await?.into_iter().map(keys::position).collect()
}

/// Pages of several listings in one question, in their order: of each the first `limit` positions behind its own place and before
/// `until`.
pub(super) async fn pages(
    store: &Store,
    listings: &[(Listing, Option<PageCursor>)],
    until: Option<PageCursor>,
    limit: usize,
) -> Result<Vec<Vec<PageCursor>>> {
    let page = |(listing, after): &(Listing, Option<PageCursor>)| Lookup::page(range(listing, *after, until), limit);
    let mut found = store.look(listings.iter().map(page).collect()).await?;
    listings.iter().map(|_| found.next()?.into_iter().map(keys::position).collect()).collect()
}

fn range(listing: &Listing, after: Option<PageCursor>, until: Option<PageCursor>) -> RecordId {
    let scope = listing.scope();
    let place = |cursor: PageCursor| parts![scope.clone(), keys::inverted(cursor.at), cursor.post];
    let from = after.map_or_else(|| parts![scope.clone(), i64::MIN], place);
    let to = until.map_or_else(|| parts![scope.clone(), i64::MAX], place);
    keys::range("listing", from, after.is_some(), to)
}
