//! Feeds: the stored rows first, then, where they end, straight from the followed authors.
//!
//! Stored rows can have gaps further down: a follow backfills only an author's newest posts, and trimming keeps only the
//! newest rows. Where a backfill was cut off, an *edge* stands among the rows; behind the newest edge a feed is pulled,
//! because pulling has no gaps.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use surrealdb::types::RecordId;

use super::{
    Listing, Result, Store, follows,
    keys::{self, parts},
    listings,
    query::Query,
};
use crate::domain::{AccountId, PageCursor, Post, PostId, Timestamp};

/// How many followed authors are asked when a feed goes on past its stored rows.
const AUTHORS_PULLED: usize = 500;
/// Stands where a post stands in other rows, and behind all posts of its millisecond.
const EDGE: &str = "~";

/// A row of a feed.
pub(super) enum Row {
    /// A post.
    Post(PageCursor),
    /// Behind it there may be gaps.
    Edge,
}

/// `feed:[reader, -published_at, post]`.
pub(super) fn row_id(reader: AccountId, row: PageCursor) -> RecordId {
    keys::record("feed", parts![reader, keys::inverted(row.at), row.post])
}

/// `feed:[reader, -at, "~"]`.
pub(super) fn edge_id(reader: AccountId, at: Timestamp) -> RecordId {
    keys::record("feed", parts![reader, keys::inverted(at), EDGE])
}

/// The stored rows of a feed behind `after`.
pub(super) async fn rows(
    store: &Store,
    reader: AccountId,
    after: Option<PageCursor>,
    limit: usize,
) -> Result<Vec<Row>> {
    let from = match after {
        Some(cursor) => parts![reader, keys::inverted(cursor.at), cursor.post],
        None => parts![reader, i64::MIN],
    };
    let range = keys::range("feed", from, after.is_some(), parts![reader, i64::MAX]);
    let ids: Vec<RecordId> = store.read(Query::page(range, limit)).await?.rows(0)?;
    ids.into_iter().map(row).collect()
}

fn row(id: RecordId) -> Result<Row> {
    let mut parts = keys::Parts::of(id)?;
    parts.text()?;
    let at = Timestamp::from_millis(-parts.int()?);
    let post = parts.text()?;
    if post == EDGE { Ok(Row::Edge) } else { Ok(Row::Post(PageCursor { at, post: keys::parsed(&post)? })) }
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
        let rows = rows(&self.store, reader, after, limit).await?;
        let up_to_edge = rows.into_iter().map_while(|row| match row {
            Row::Post(position) => Some(position),
            Row::Edge => None,
        });
        let mut page: Vec<PageCursor> = up_to_edge.collect();
        if page.len() < limit {
            let last = page.last().copied().or(after);
            page.extend(self.pull(reader, last, limit - page.len()).await?);
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

    /// The posts of the followed authors, and the reader's own, behind `after`.
    async fn pull(&self, reader: AccountId, after: Option<PageCursor>, limit: usize) -> Result<Vec<PageCursor>> {
        let mut merged: BTreeMap<(i64, PostId), PageCursor> = BTreeMap::new();
        let authors = follows::authors(&self.store, reader, None, AUTHORS_PULLED).await?;
        for author in authors.into_iter().chain([reader]) {
            for position in listings::page(&self.store, &Listing::Author(author), after, limit).await? {
                merged.insert((-position.at.as_millis(), position.post), position);
            }
            while merged.len() > limit {
                merged.pop_last();
            }
        }
        Ok(merged.into_values().collect())
    }
}
