//! The feed worker: fan-out on write.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    actors::worker::{Delivery, Error, Interest, Outcome, Worker},
    config::FeedSettings,
    domain::{AccountId, EventKind, PageCursor, Post, PostId, Timestamp},
    store::{Effects, FeedAccess},
};

/// Up to so many rows wait for the engine's next commit; more are written at once.
const ROWS_IN_MEMORY: usize = 200;

/// Writes one key-only feed row per follower (and one for the author), in chunks; removes them again when the post goes;
/// fills and purges feeds when somebody follows or unfollows.
///
/// Idempotent by the rows' keys: `feed:[reader, inverted time, post]`. Two deliveries of one post are safe side by side: rows
/// that are written or removed at once are compared with the post again afterwards, and what a fan-out leaves to the engine's next
/// commit is taken back only when that has been made (`a_post_that_goes_at_once_leaves_no_row_behind`).
pub struct FeedWorker {
    access: FeedAccess,
    chunk: usize,
    backfill: usize,
    length: usize,
}

/// Where a fan-out, or taking one back, goes on.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Progress {
    /// The last reader dealt with; none before the first.
    after: Option<AccountId>,
    readers: usize,
}

/// Some of an author's followers.
struct Chunk {
    readers: Vec<AccountId>,
    next: Option<Progress>,
}

impl Chunk {
    /// What follows when this chunk is dealt with.
    fn end(self, effects: Effects) -> Result<Outcome, Error> {
        match self.next {
            Some(next) => Outcome::continue_from(&next, effects),
            None => Ok(Outcome::Done(effects)),
        }
    }
}

impl FeedWorker {
    /// With access to followers and feed rows, and the sizes in `[feed]`.
    #[must_use]
    pub fn new(access: FeedAccess, sizes: &FeedSettings) -> Self {
        Self { access, chunk: sizes.chunk, backfill: sizes.backfill, length: sizes.length }
    }

    async fn fan_out(&self, delivery: &Delivery, author: AccountId, position: PageCursor) -> Result<Outcome, Error> {
        if !self.is_wanted(position.post).await? {
            return Ok(Outcome::done());
        }
        let chunk = self.next_chunk(delivery, author).await?;
        let rows = self.access.add(&chunk.readers, position);
        let is_in_order = delivery.progress.is_none() && delivery.receive == 1;
        if is_in_order && rows.len() <= ROWS_IN_MEMORY {
            return chunk.end(rows);
        }
        self.conform(&chunk.readers, position).await?;
        chunk.end(Effects::none())
    }

    /// Removes a post's rows, unless somebody has meanwhile approved it. The rows of a fan-out just before may wait for the engine's
    /// next commit, which has them written when the cursor passes this event at the latest: so the first receive only lets it pass.
    async fn take_back(&self, delivery: &Delivery, author: AccountId, position: PageCursor) -> Result<Outcome, Error> {
        if delivery.progress.is_none() {
            let is_wanted = self.is_wanted(position.post).await?;
            if is_wanted {
                return Ok(Outcome::done());
            }
            return Outcome::continue_from(&Progress::default(), Effects::none());
        }
        let chunk = self.next_chunk(delivery, author).await?;
        self.conform(&chunk.readers, position).await?;
        chunk.end(Effects::none())
    }

    /// Makes the rows of some readers agree with whether the post is wanted *now*; looks again when it is done, because that may
    /// have changed meanwhile, and whoever was told of the change may have been faster.
    async fn conform(&self, readers: &[AccountId], position: PageCursor) -> Result<(), Error> {
        let mut is_wanted = self.is_wanted(position.post).await?;
        loop {
            if is_wanted {
                self.access.write(self.access.add(readers, position)).await?;
            } else {
                let rows: Vec<_> = readers.iter().map(|reader| (*reader, position)).collect();
                self.access.remove(&rows).await?;
            }
            let still = self.is_wanted(position.post).await?;
            if still == is_wanted {
                return Ok(());
            }
            is_wanted = still;
        }
    }

    /// The next followers of an author; the first chunk has the author, too.
    async fn next_chunk(&self, delivery: &Delivery, author: AccountId) -> Result<Chunk, Error> {
        let done: Option<Progress> = delivery.progress()?;
        let after = done.as_ref().and_then(|done| done.after);
        // One more than the chunk tells whether there is another one.
        let mut readers = self.access.audience(author, after, self.chunk + 1).await?;
        let has_more = readers.len() > self.chunk;
        readers.truncate(self.chunk);
        let counted = done.map_or(0, |done| done.readers) + readers.len();
        let next = readers.last().filter(|_| has_more).map(|last| Progress { after: Some(*last), readers: counted });
        if after.is_none() {
            readers.push(author);
        }
        Ok(Chunk { readers, next })
    }

    /// Makes a reader's feed agree with whether they follow the author *now*; looks again when it is done, because they
    /// may have changed their mind meanwhile.
    async fn reconcile(&self, reader: AccountId, author: AccountId) -> Result<Outcome, Error> {
        let mut follows = self.access.is_following(reader, author).await?;
        loop {
            if follows {
                let mut newest = self.access.newest_of(author, self.backfill + 1).await?;
                let has_more = newest.len() > self.backfill;
                newest.truncate(self.backfill);
                self.access.write(self.access.backfill(reader, &newest, has_more)).await?;
            } else {
                self.purge(reader, author).await?;
            }
            let still_follows = self.access.is_following(reader, author).await?;
            if still_follows == follows {
                return Ok(Outcome::done());
            }
            follows = still_follows;
        }
    }

    async fn purge(&self, reader: AccountId, author: AccountId) -> Result<(), Error> {
        let mut after = None;
        loop {
            let page = self.access.rows_of(reader, after, self.length).await?;
            let posts: Vec<PostId> = page.iter().map(|row| row.post).collect();
            let posts: Vec<Arc<Post>> = self.access.posts(&posts).await?;
            let by_author = |row: &&PageCursor| posts.iter().any(|post| post.id == row.post && post.author == author);
            let rows: Vec<_> = page.iter().filter(by_author).map(|row| (reader, *row)).collect();
            self.access.remove(&rows).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(*last);
        }
    }

    /// Whether the post is there and not withdrawn by a rejection, whose end brings its rows back. One that is hidden until
    /// it is approved gets its rows, too: readers see it as soon as it may be seen.
    async fn is_wanted(&self, post: PostId) -> Result<bool, Error> {
        Ok(self.access.post(post).await?.is_some_and(|post| !post.is_withdrawn))
    }
}

impl Worker for FeedWorker {
    const NAME: &'static str = "feed";

    fn interest(event: &EventKind) -> Interest {
        Interest::handle_if(!matches!(
            event,
            EventKind::PostEdited { .. } | EventKind::PostApproved { restores: None, .. }
        ))
    }

    async fn perform(&self, delivery: &Delivery) -> Result<Outcome, Error> {
        match &delivery.event.kind {
            EventKind::PostPublished { post, author, published_at, .. }
            | EventKind::PostApproved { post, author, restores: Some(published_at), .. } => {
                self.fan_out(delivery, *author, position(*post, *published_at)).await
            }
            EventKind::PostDeleted { post, author, published_at, .. }
            | EventKind::PostRejected { post, author, published_at, .. } => {
                self.take_back(delivery, *author, position(*post, *published_at)).await
            }
            EventKind::AuthorFollowed { reader, author } | EventKind::AuthorUnfollowed { reader, author } => {
                self.reconcile(*reader, *author).await
            }
            EventKind::PostEdited { .. } | EventKind::PostApproved { restores: None, .. } => Ok(Outcome::done()),
        }
    }
}

fn position(post: PostId, at: Timestamp) -> PageCursor {
    PageCursor { at, post }
}
