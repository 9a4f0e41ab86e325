//! The search worker: keeps this node's Tantivy index in step with the posts.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{
    actors::worker::{Checkpoint, Delivery, Error, Interest, Outcome, Worker},
    domain::{Epoch, EventKind, Post, PostId, Viewer, may_see, plain_text},
    search::{Document, Index, Refresh},
    store::SearchAccess,
};

/// How many posts a rebuild reads at once.
const PAGE: usize = 100;

/// Puts posts into the index as they are now, and takes out those that nobody may see.
///
/// Idempotent by the document's id, which is the post's. The cursors stand in the index's own commit, so the index is never
/// ahead of them or behind. Two deliveries of one post are safe side by side: each holds a [`Refresh`] from before it reads the post, so
/// the one that has read the newest version has the last word (`a_text_that_was_slow_to_index_does_not_come_back`).
pub struct SearchWorker {
    access: SearchAccess,
    index: Index,
}

impl SearchWorker {
    /// With access to posts and their authors, and an index to keep.
    #[must_use]
    pub fn new(access: SearchAccess, index: Index) -> Self {
        Self { access, index }
    }

    /// Fills an index from the database that has no cursors yet, or whose node was away for so long that events are gone which it has
    /// not seen; answers how many posts it has then, `None` if there was nothing to do.
    ///
    /// # Errors
    /// When the database or the index fails.
    pub async fn rebuild_if_new(&self) -> Result<Option<usize>, Error> {
        if let Some(reached) = self.index.positions().map_err(fault)? {
            if !self.access.has_missed(&reached).await? {
                return Ok(None);
            }
            tracing::warn!("events are gone that this node's search index has not seen; it is built anew");
        }
        self.rebuild().await.map(Some)
    }

    /// Fills the index from the database; answers how many posts it has then.
    ///
    /// # Errors
    /// When the database or the index fails.
    pub async fn rebuild(&self) -> Result<usize, Error> {
        // First the log_ends, then the posts: what happens meanwhile is read again from the log, which changes nothing.
        let log_ends: BTreeMap<Epoch, u64> = self.access.log_ends().await?.into_iter().collect();
        self.index.clear().map_err(fault)?;
        let (mut after, mut count) = (None, 0);
        loop {
            let page = self.access.published(after, PAGE).await?;
            let ids: Vec<PostId> = page.iter().map(|position| position.post).collect();
            let refreshes: HashMap<PostId, Refresh<'_>> = ids.iter().map(|id| (*id, self.index.refresh(*id))).collect();
            for post in self.access.posts(&ids).await?.into_iter().filter(|post| may_see(post, Viewer::Public)) {
                if let Some(refresh) = refreshes.get(&post.id) {
                    self.put(refresh, post).await?;
                    count += 1;
                }
            }
            after = page.last().copied();
            if page.len() < PAGE {
                break;
            }
        }
        self.index.commit(&log_ends).map_err(fault)?;
        Ok(count)
    }

    async fn refresh(&self, id: PostId) -> Result<Outcome, Error> {
        let refresh = self.index.refresh(id);
        match self.access.post(id).await? {
            Some(post) if may_see(&post, Viewer::Public) => self.put(&refresh, post).await?,
            hidden => refresh.remove(hidden.map(|post| post.version)).map_err(fault)?,
        }
        Ok(Outcome::done())
    }

    async fn put(&self, refresh: &Refresh<'_>, post: Arc<Post>) -> Result<(), Error> {
        let (Some(author), Some(published_at)) = (self.access.author(post.author).await?, post.published_at) else {
            return Ok(());
        };
        let document = Document {
            post: post.id,
            author: post.author,
            author_handle: author.handle.clone(),
            title: post.title.clone(),
            tags: post.tags.clone(),
            text: plain_text(&post.body),
            published_at,
        };
        refresh.put(&document, post.version).map_err(fault)
    }
}

impl Worker for SearchWorker {
    const NAME: &'static str = "search";

    fn interest(event: &EventKind) -> Interest {
        Interest::handle_if(event.post().is_some())
    }

    async fn perform(&self, delivery: &Delivery) -> Result<Outcome, Error> {
        match delivery.event.kind.post() {
            Some(post) => self.refresh(post).await,
            None => Ok(Outcome::done()),
        }
    }

    fn checkpoint(&self) -> Option<Arc<dyn Checkpoint>> {
        Some(Arc::new(IndexCheckpoint(self.index.clone())))
    }
}

/// The cursors in the index's commits.
struct IndexCheckpoint(Index);

impl Checkpoint for IndexCheckpoint {
    fn load(&self) -> Result<BTreeMap<Epoch, u64>, String> {
        // What was written since the last commit is done again from there.
        self.0.rollback().map_err(|error| error.to_string())?;
        Ok(self.0.positions().map_err(|error| error.to_string())?.unwrap_or_default())
    }

    fn commit(&self, cursors: &BTreeMap<Epoch, u64>) -> Result<(), String> {
        self.0.commit(cursors).map_err(|error| error.to_string())
    }
}

fn fault(error: crate::search::Error) -> Error {
    Error::Transient(error.to_string())
}
