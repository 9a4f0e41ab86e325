//! What waits for moderators, and the grounds of verdicts. The queues are key-only, `review:[queue, since, post]`, and are
//! written in the same transactions as the posts, by `publishing`.

use std::{collections::HashMap, sync::Arc};

use surrealdb::types::RecordId;

use super::{
    Result, Store,
    keys::{self, parts},
    roads::Lookup,
};
use crate::domain::{AppealState, Grounds, Moderation, PageCursor, Post, PostId, Status, Timestamp};

mod rows;

pub(super) use rows::{
    AppealMark, AppealRow, RULING, RulingMark, RulingRow, VERDICT, VerdictRow, appeal_row, ruling_row, verdict_row,
};

/// What moderators can be asked for, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// Posts that no model could decide on.
    Review,
    /// Rejected posts whose authors object.
    Appeal,
}

impl Queue {
    const ALL: [Self; 2] = [Self::Review, Self::Appeal];

    /// The word on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Appeal => "appeal",
        }
    }

    /// The queue of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.as_str() == text)
    }

    /// Since when a post waits in this queue, if it does.
    #[must_use]
    pub fn since(self, post: &Post) -> Option<Timestamp> {
        match self {
            Self::Review => {
                let waits = post.status == Status::Published && post.moderation == Moderation::Review;
                waits.then(|| post.judged_at())
            }
            Self::Appeal => post.open_appeal().map(|appeal| appeal.at),
        }
    }
}

/// An appeal with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAppeal {
    /// What the author says.
    pub text: String,
    /// When.
    pub at: Timestamp,
    /// Where it stands.
    pub state: AppealState,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// Why it was decided as it was.
    pub reason: Option<String>,
}

/// Reads the queues, and the grounds of verdicts.
#[derive(Clone)]
pub struct ReviewReads {
    store: Store,
}

impl ReviewReads {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Positions in a queue, oldest first, behind `after`; fewer than `limit` means that the queue ends.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn queue(&self, queue: Queue, after: Option<PageCursor>, limit: usize) -> Result<Vec<PageCursor>> {
        let from = match after {
            Some(cursor) => parts![queue.as_str(), cursor.at.as_millis(), cursor.post],
            None => parts![queue.as_str(), i64::MIN],
        };
        let range = keys::range("review", from, after.is_some(), parts![queue.as_str(), i64::MAX]);
        self.store.page(range, limit).await?.into_iter().map(place).collect()
    }

    /// The grounds of the present verdicts of some posts; those that nobody has judged are left out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn grounds(&self, posts: &[Arc<Post>]) -> Result<HashMap<PostId, Grounds>> {
        let (ruled, judged): (Vec<&Arc<Post>>, Vec<&Arc<Post>>) = posts
            .iter()
            .filter(|post| post.moderation != Moderation::Pending)
            .partition(|post| post.ruling().is_some());
        let ids = |table: &str, posts: &[&Arc<Post>]| -> Vec<RecordId> {
            posts.iter().map(|post| text_id(table, post.id, &post.content_hash)).collect()
        };
        let lookups = vec![Lookup::Rows(ids("ruling", &ruled)), Lookup::Rows(ids("verdict", &judged))];
        let mut found = self.store.look(lookups).await?;
        let mut grounds = HashMap::with_capacity(posts.len());
        for row in found.next::<RulingRow>()? {
            grounds.insert(post_of(&row.id)?, row.try_into()?);
        }
        for row in found.next::<VerdictRow>()? {
            grounds.insert(post_of(&row.id)?, row.try_into()?);
        }
        Ok(grounds)
    }

    /// The appeals against the rejections of the present texts of some posts.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn appeals(&self, posts: &[Arc<Post>]) -> Result<HashMap<PostId, KeptAppeal>> {
        let ids: Vec<RecordId> = posts.iter().map(|post| appeal_id(post.id, &post.content_hash)).collect();
        let rows: Vec<AppealRow> = self.store.rows(ids).await?;
        rows.into_iter().map(|row| Ok((post_of(&row.id)?, row.try_into()?))).collect()
    }
}

/// The key rows of a post in the queues that it waits in.
pub(super) fn keys_of(post: &Post) -> Vec<RecordId> {
    let key = |queue: Queue| {
        let since = queue.since(post)?;
        Some(keys::record("review", parts![queue.as_str(), since.as_millis(), post.id]))
    };
    Queue::ALL.into_iter().filter_map(key).collect()
}

/// `appeal:[post, content hash]`.
pub(super) fn appeal_id(post: PostId, content_hash: &str) -> RecordId {
    text_id("appeal", post, content_hash)
}

fn text_id(table: &str, post: PostId, content_hash: &str) -> RecordId {
    keys::record(table, parts![post, content_hash])
}

fn post_of(id: &RecordId) -> Result<PostId> {
    keys::Parts::of(id.clone())?.parsed()
}

fn place(id: RecordId) -> Result<PageCursor> {
    let mut parts = keys::Parts::of(id)?;
    parts.text()?;
    Ok(PageCursor { at: Timestamp::from_millis(parts.int()?), post: parts.parsed()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        migrate,
        posts::PostRow,
        query::{Query, once},
        testing::{database, on_a_deep_stack},
    };

    const OLD: &str = "01JD9X8Z6Q4W7E2R5T1Y3V0P8A";

    /// A post as it was written before there were queues.
    fn old_row() -> Query {
        let text = "CREATE type::record('post', $id) SET author = $id, slug = 'a', title = 'A', body = 'A', tags = [], \
                    status = 'published', moderation = 'review', hold = false, notify = true, withdrawn = false, version = 2, \
                    content_hash = 'h', created_at = 1, updated_at = 7, published_at = 1, epoch = $id, seq = 1 RETURN NONE";
        Query::new(text).bind("id", OLD)
    }

    #[test]
    fn a_post_that_waited_for_a_person_before_there_was_a_queue_stands_in_it() {
        on_a_deep_stack(|| async {
            let database = database().await;
            once(&database, old_row()).await.unwrap();
            migrate::run(&database).await.unwrap();
            let posts: Vec<PostRow> = once(&database, Query::new("SELECT * FROM post")).await.unwrap().rows(0).unwrap();
            let post = Post::try_from(posts.into_iter().next().unwrap()).unwrap();
            assert_eq!(post.review, crate::domain::ReviewRecord::default(), "what the row lacks reads as none");
            let queued: Vec<RecordId> =
                once(&database, Query::new("SELECT VALUE id FROM review")).await.unwrap().rows(0).unwrap();
            assert_eq!(queued, keys_of(&post));
            assert_eq!(place(queued[0].clone()).unwrap().at, post.updated_at);
        });
    }
}
