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
    query::Query,
};
use crate::domain::{AccountId, PageCursor, Post, Timestamp};

mod pull;

/// `feed:[reader, -published_at, post]`.
pub(super) fn row_id(reader: AccountId, row: PageCursor) -> RecordId {
    keys::record("feed", parts![reader, keys::inverted(row.at), row.post])
}

/// Adds to a transaction that a reader's rows may have gaps behind `at`.
pub(super) fn put_edge(batch: &mut Batch, reader: AccountId, at: Timestamp) {
    let text = "UPSERT $edge_ SET at = math::max([at ?? $at_, $at_]) RETURN NONE";
    let edge = keys::named("edge", reader.to_string());
    batch.statement(text, [("edge", edge.into_value()), ("at", at.as_millis().into_value())]);
}

/// The stored rows of a feed behind `after`.
pub(super) async fn rows(
    store: &Store,
    reader: AccountId,
    after: Option<PageCursor>,
    limit: usize,
) -> Result<Vec<PageCursor>> {
    let ids: Vec<RecordId> = store.read(stored(reader, after, limit)).await?.rows(0)?;
    ids.into_iter().map(keys::position).collect()
}

fn stored(reader: AccountId, after: Option<PageCursor>, limit: usize) -> Query {
    let from = match after {
        Some(cursor) => parts![reader, keys::inverted(cursor.at), cursor.post],
        None => parts![reader, i64::MIN],
    };
    Query::page(keys::range("feed", from, after.is_some(), parts![reader, i64::MAX]), limit)
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
        let query = stored(reader, after, limit)
            .and_then("SELECT VALUE at FROM ONLY $edge")
            .bind("edge", keys::named("edge", reader.to_string()));
        let mut answers = self.store.read(query).await?;
        let stored: Vec<PageCursor> =
            answers.rows::<RecordId>(0)?.into_iter().map(keys::position).collect::<Result<_>>()?;
        let edge = answers.row::<i64>(1)?.unwrap_or(i64::MIN);
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
