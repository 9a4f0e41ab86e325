//! Feeds: the stored rows first, then, where they end, straight from the followed authors.
//!
//! Stored rows can have gaps further down: a follow backfills only an author's newest posts, and what is trimmed goes for all
//! authors while a later backfill brings back one. So each reader has an *edge*, the moment of the newest post at which a
//! backfill was cut off or the feed was trimmed: behind it a feed is pulled, because pulling has no gaps. It is no row among the
//! others, so that a page that begins behind it knows of it, too.

use std::{collections::BTreeSet, sync::Arc};

use surrealdb::types::{RecordId, SurrealValue};

use super::{
    Result, Store,
    batch::Batch,
    follows,
    keys::{self, parts},
    roads::Lookup,
};
use crate::domain::{AccountId, PageCursor, Post, Timestamp};

mod pull;

/// `feed:[reader, -published_at, post]`.
pub(super) fn row_id(reader: AccountId, row: PageCursor) -> RecordId {
    keys::record("feed", parts![reader, keys::inverted(row.at), row.post])
}

/// Adds to a transaction that a reader's rows may have gaps behind `at`.
pub(super) fn put_edge(batch: &mut Batch, reader: AccountId, at: Timestamp) {
    batch.raise("edge", edge_id(reader).key, "at", at.as_millis());
}

/// `edge:<reader>`.
fn edge_id(reader: AccountId) -> RecordId {
    keys::named("edge", reader.to_string())
}

/// The stored rows of a feed behind `after`.
pub(super) async fn rows(
    store: &Store,
    reader: AccountId,
    after: Option<PageCursor>,
    limit: usize,
) -> Result<Vec<PageCursor>> {
    store.page(stored(reader, after), limit).await?.into_iter().map(keys::position).collect()
}

/// The range of a reader's rows behind `after`.
fn stored(reader: AccountId, after: Option<PageCursor>) -> RecordId {
    let from = match after {
        Some(cursor) => parts![reader, keys::inverted(cursor.at), cursor.post],
        None => parts![reader, i64::MIN],
    };
    keys::range("feed", from, after.is_some(), parts![reader, i64::MAX])
}

/// `edge:<reader>`.
#[derive(SurrealValue)]
struct EdgeRow {
    at: i64,
}

/// Reading feeds.
#[derive(Clone)]
pub struct FeedReads {
    store: Store,
}

impl FeedReads {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Positions in a reader's feed, newest first, behind `after`; fewer than `limit` means that the feed ends.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn page(&self, reader: AccountId, after: Option<PageCursor>, limit: usize) -> Result<Vec<PageCursor>> {
        let lookups = vec![Lookup::page(stored(reader, after), limit), Lookup::Rows(vec![edge_id(reader)])];
        let mut found = self.store.look(lookups).await?;
        let stored: Vec<PageCursor> = found.next()?.into_iter().map(keys::position).collect::<Result<_>>()?;
        let edge = found.next::<EdgeRow>()?.pop().map_or(i64::MIN, |edge| edge.at);
        let mut page: Vec<PageCursor> =
            stored.into_iter().take_while(|position| position.at.as_millis() > edge).collect();
        if page.len() < limit {
            let last = page.last().copied().or(after);
            page.extend(pull::newest(&self.store, reader, last, limit - page.len()).await?);
        }
        Ok(page)
    }

    /// Those of some posts whose authors the reader follows now, and the reader's own. A fan-out that was under way when
    /// the reader unfollowed may have left a row behind.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn of_followed(&self, reader: AccountId, mut posts: Vec<Arc<Post>>) -> Result<Vec<Arc<Post>>> {
        let authors: BTreeSet<AccountId> = posts.iter().map(|post| post.author).filter(|who| *who != reader).collect();
        let followed = follows::followed_among(&self.store, reader, authors).await?;
        posts.retain(|post| post.author == reader || followed.contains(&post.author));
        Ok(posts)
    }
}
