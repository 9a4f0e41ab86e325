//! What each worker may do with the database: least privilege by type. No worker is given [`Store`].

use std::{collections::BTreeMap, sync::Arc};

use super::{
    AccountAccess, Effects, Listing, PostReads, Result, Store, batch::Batch, feeds, follows, listings, log, stats,
};
use crate::domain::{
    Account, AccountId, ContentChange, Epoch, EventId, Moderation, PageCursor, Post, PostId, Timestamp,
};

/// The feed worker's: reads followers, writes feed rows.
#[derive(Clone)]
pub struct FeedAccess {
    store: Store,
    posts: PostReads,
}

impl FeedAccess {
    pub(crate) fn new(store: &Store, posts: &PostReads) -> Self {
        Self { store: store.clone(), posts: posts.clone() }
    }

    /// The post as it is now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn post(&self, post: PostId) -> Result<Option<Arc<Post>>> {
        self.posts.get(post).await
    }

    /// The next `limit` followers of an author behind `after`, in a stable order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn audience(&self, author: AccountId, after: Option<AccountId>, limit: usize) -> Result<Vec<AccountId>> {
        follows::audience(&self.store, author, after, limit).await
    }

    /// Whether `reader` follows `author` now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_following(&self, reader: AccountId, author: AccountId) -> Result<bool> {
        follows::is_following(&self.store, reader, author).await
    }

    /// The author's newest published posts.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn newest_of(&self, author: AccountId, limit: usize) -> Result<Vec<PageCursor>> {
        listings::page(&self.store, &Listing::Author(author), None, limit).await
    }

    /// The posts among the next `limit` rows of a reader's feed behind `after`; none when the feed ends.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rows_of(&self, reader: AccountId, after: Option<PageCursor>, limit: usize) -> Result<Vec<PageCursor>> {
        feeds::rows(&self.store, reader, after, limit).await
    }

    /// Several posts, as they are now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn posts(&self, posts: &[PostId]) -> Result<Vec<Arc<Post>>> {
        self.posts.get_many(posts).await
    }

    /// Feed rows for some readers, to be committed by the engine.
    #[must_use]
    pub fn add(&self, readers: &[AccountId], position: PageCursor) -> Effects {
        let mut batch = Batch::default();
        for reader in readers {
            batch.put_key("feed", feeds::row_id(*reader, position));
        }
        Effects(batch)
    }

    /// Feed rows of one reader, and the edge behind them if the author `has_more` posts than these.
    #[must_use]
    pub fn backfill(&self, reader: AccountId, positions: &[PageCursor], has_more: bool) -> Effects {
        let mut batch = Batch::default();
        for position in positions {
            batch.put_key("feed", feeds::row_id(reader, *position));
        }
        if let Some(last) = positions.last().filter(|_| has_more) {
            feeds::put_edge(&mut batch, reader, last.at);
        }
        Effects(batch)
    }

    /// Writes feed rows at once: for audiences too large to wait in memory.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn write(&self, rows: Effects) -> Result<()> {
        self.store.write_new(rows.0).await
    }

    /// Removes feed rows.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remove(&self, rows: &[(AccountId, PageCursor)]) -> Result<()> {
        let ids = rows.iter().map(|(reader, row)| feeds::row_id(*reader, *row)).collect();
        super::housekeeping::delete_all(&self.store, ids).await
    }
}

/// The moderation worker's: reads posts. Its verdicts go through the publisher, because they have consequences.
#[derive(Clone)]
pub struct ModerationAccess {
    posts: PostReads,
}

impl ModerationAccess {
    pub(crate) fn new(posts: &PostReads) -> Self {
        Self { posts: posts.clone() }
    }

    /// The post as it is now, at least as new as an event about it: the cache may still show it as it was just before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn post(&self, post: PostId, event: EventId) -> Result<Option<Arc<Post>>> {
        match self.posts.get(post).await? {
            Some(found) if found.announced_by() < Some(event) => {
                Ok(self.posts.load(vec![post]).await?.pop().map(|(_, post)| post))
            }
            found => Ok(found),
        }
    }
}

/// The search worker's: reads posts and their authors, all of them when the index is rebuilt.
#[derive(Clone)]
pub struct SearchAccess {
    store: Store,
    posts: PostReads,
    accounts: AccountAccess,
}

impl SearchAccess {
    pub(crate) fn new(store: &Store, posts: &PostReads, accounts: &AccountAccess) -> Self {
        Self { store: store.clone(), posts: posts.clone(), accounts: accounts.clone() }
    }

    /// The post as it is now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn post(&self, post: PostId) -> Result<Option<Arc<Post>>> {
        self.posts.get(post).await
    }

    /// Several posts as they are now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn posts(&self, posts: &[PostId]) -> Result<Vec<Arc<Post>>> {
        self.posts.get_many(posts).await
    }

    /// A post's author.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn author(&self, author: AccountId) -> Result<Option<Arc<Account>>> {
        self.accounts.get(author).await
    }

    /// Everything published, newest first, behind `after`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn published(&self, after: Option<PageCursor>, limit: usize) -> Result<Vec<PageCursor>> {
        self.posts.list(&Listing::All, after, limit).await
    }

    /// Whether events are gone that an index which has reached these places has not seen.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has_missed(&self, reached: &BTreeMap<Epoch, u64>) -> Result<bool> {
        for epoch in log::epochs(&self.store).await? {
            if log::gone(&self.store, epoch).await? > reached.get(&epoch).copied().unwrap_or(0) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The end of every log: what an index built from the posts as they are now need not read again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn log_ends(&self) -> Result<Vec<(Epoch, u64)>> {
        let mut log_ends = Vec::new();
        for epoch in log::epochs(&self.store).await? {
            log_ends.push((epoch, log::head(&self.store, epoch).await?));
        }
        Ok(log_ends)
    }
}

/// The analytics worker's: makes counter effects.
#[derive(Clone)]
pub struct AnalyticsAccess {
    store: Store,
}

impl AnalyticsAccess {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// An author's posts grew by `posts` (published, or -1 when one was deleted) and by a change of content.
    #[must_use]
    pub fn content(&self, author: AccountId, posts: i64, change: &ContentChange, at: Timestamp) -> Effects {
        let mut batch = Batch::default();
        let (subject, day) = (stats::of_author(author), at.day());
        let mut count = |metric: &str, n: i64| batch.count(subject.clone(), metric, day.as_str(), n);
        count("posts", posts);
        count("published", posts.max(0));
        count("words", change.words);
        batch.count(subject.clone(), "hidden", "", change.hidden);
        for (tags, n) in [(&change.tags_added, 1), (&change.tags_removed, -1)] {
            for tag in tags {
                let tag = format!("tag:{}", tag.as_str());
                // Nobody asks on which day an author used a tag, and one row for each of its days would make reading them dear.
                batch.count(subject.clone(), &tag, "", n);
                batch.count(tag, "posts", day.as_str(), n);
            }
        }
        Effects(batch)
    }

    /// An author won or lost followers.
    #[must_use]
    pub fn followers(&self, author: AccountId, n: i64, at: Timestamp) -> Effects {
        let mut batch = Batch::default();
        batch.count(stats::of_author(author), "followers", at.day().as_str(), n);
        Effects(batch)
    }

    /// A moderator approved or rejected one of an author's posts, which changes by `hidden` how many of them the public may not see.
    #[must_use]
    pub fn verdict(&self, author: AccountId, verdict: Moderation, hidden: i64, at: Timestamp) -> Effects {
        let mut batch = Batch::default();
        batch.count(stats::of_author(author), verdict.as_str(), at.day().as_str(), 1);
        batch.count(stats::of_author(author), "hidden", "", hidden);
        Effects(batch)
    }

    /// Adds views that were collected in memory.
    ///
    /// # Errors
    /// When the database does not answer; the caller keeps the views then.
    pub async fn fold_views(&self, views: &[(PostId, AccountId, u64)], at: Timestamp) -> Result<()> {
        let mut batch = Batch::default();
        for (post, author, n) in views {
            stats::count_view(&mut batch, *post, *author, at, i64::try_from(*n).unwrap_or(i64::MAX));
        }
        self.store.commit(batch).await
    }
}
