//! Reading feeds: the stored rows first, then, where they end, straight from the followed authors.

use std::collections::BTreeMap;

use super::{Listing, Result, Store, follows, listings};
use crate::domain::{AccountId, PageCursor, PostId};

/// How many followed authors are asked when a feed goes on past its stored rows.
const AUTHORS_PULLED: usize = 500;

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
    pub async fn page(
        &self,
        reader: AccountId,
        after: Option<PageCursor>,
        limit: usize,
    ) -> Result<Vec<PageCursor>> {
        let mut page = listings::positions(&self.store, "feed", reader.to_string(), after, limit).await?;
        if page.len() < limit {
            let last = page.last().copied().or(after);
            page.extend(self.pull(reader, last, limit - page.len()).await?);
        }
        Ok(page)
    }

    /// The followed authors' posts behind `after`. Only a feed that has rows, or had, goes on this way.
    async fn pull(
        &self,
        reader: AccountId,
        after: Option<PageCursor>,
        limit: usize,
    ) -> Result<Vec<PageCursor>> {
        let Some(after) = after else { return Ok(Vec::new()) };
        let mut merged: BTreeMap<(i64, PostId), PageCursor> = BTreeMap::new();
        for author in follows::authors(&self.store, reader, None, AUTHORS_PULLED).await? {
            for position in listings::page(&self.store, &Listing::Author(author), Some(after), limit).await? {
                merged.insert((-position.at.as_millis(), position.post), position);
            }
            while merged.len() > limit {
                merged.pop_last();
            }
        }
        Ok(merged.into_values().collect())
    }
}
