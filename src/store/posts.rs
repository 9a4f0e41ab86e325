//! Posts by id, with an in-process cache in front when this process is the database's only writer.

use std::{collections::HashMap, sync::Arc};

use surrealdb::types::{RecordId, SurrealValue};

use super::{
    Error, Listing, Result, Store,
    cache::{Cache, Written},
    events, keys, listings,
    reviews::{AppealMark, RulingMark},
};
use crate::domain::{
    Body, EventId, Moderation, PageCursor, Post, PostId, ReviewRecord, Slug, Status, Tag, Timestamp, Title,
};

/// A post as its row.
#[derive(Debug, Clone, SurrealValue)]
pub(super) struct PostRow {
    id: RecordId,
    author: String,
    slug: String,
    title: String,
    body: String,
    tags: Vec<String>,
    status: String,
    moderation: String,
    hold: bool,
    notify: bool,
    withdrawn: bool,
    version: i64,
    content_hash: String,
    created_at: i64,
    updated_at: i64,
    published_at: Option<i64>,
    epoch: Option<String>,
    seq: Option<i64>,
    /// Missing while its text has not been edited; likewise in rows of versions that did not keep it.
    edit_epoch: Option<String>,
    edit_seq: Option<i64>,
    judged_at: Option<i64>,
    /// Missing while no person has decided; likewise the appeals.
    rulings: Option<Vec<RulingMark>>,
    appeals: Option<Vec<AppealMark>>,
}

impl From<&Post> for PostRow {
    fn from(post: &Post) -> Self {
        Self {
            id: id(post.id),
            author: post.author.to_string(),
            slug: post.slug.as_str().to_owned(),
            title: post.title.as_str().to_owned(),
            body: post.body.as_str().to_owned(),
            tags: post.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
            status: post.status.as_str().to_owned(),
            moderation: post.moderation.as_str().to_owned(),
            hold: post.hold_until_approved,
            notify: post.notify,
            withdrawn: post.is_withdrawn,
            version: events::seq(post.version),
            content_hash: post.content_hash.clone(),
            created_at: post.created_at.as_millis(),
            updated_at: post.updated_at.as_millis(),
            published_at: post.published_at.map(Timestamp::as_millis),
            epoch: post.published_by.map(|event| event.epoch.to_string()),
            seq: post.published_by.map(|event| events::seq(event.seq)),
            edit_epoch: post.last_edit.map(|event| event.epoch.to_string()),
            edit_seq: post.last_edit.map(|event| events::seq(event.seq)),
            judged_at: post.review.judged_at.map(Timestamp::as_millis),
            rulings: some(post.review.rulings.iter().map(RulingMark::from).collect()),
            appeals: some(post.review.appeals.iter().map(AppealMark::from).collect()),
        }
    }
}

impl TryFrom<PostRow> for Post {
    type Error = Error;

    fn try_from(row: PostRow) -> Result<Self> {
        let id: PostId = keys::parsed(&keys::text_key(row.id)?)?;
        let unknown = |what: &str, word: &str| Error::Corrupt(format!("post {id}: unknown {what} {word}"));
        let published_by = event(row.epoch.as_deref(), row.seq)?;
        let last_edit = event(row.edit_epoch.as_deref(), row.edit_seq)?;
        let review = ReviewRecord {
            judged_at: row.judged_at.map(Timestamp::from_millis),
            rulings: row.rulings.unwrap_or_default().into_iter().map(TryInto::try_into).collect::<Result<_>>()?,
            appeals: row.appeals.unwrap_or_default().into_iter().map(TryInto::try_into).collect::<Result<_>>()?,
        };
        Ok(Self {
            id,
            author: keys::parsed(&row.author)?,
            slug: Slug::from_trusted(row.slug),
            title: Title::from_trusted(row.title),
            body: Body::from_trusted(row.body),
            tags: row.tags.into_iter().map(Tag::from_trusted).collect(),
            status: Status::parse(&row.status).ok_or_else(|| unknown("status", &row.status))?,
            moderation: Moderation::parse(&row.moderation).ok_or_else(|| unknown("moderation", &row.moderation))?,
            hold_until_approved: row.hold,
            notify: row.notify,
            is_withdrawn: row.withdrawn,
            version: u64::try_from(row.version).unwrap_or(0),
            content_hash: row.content_hash,
            created_at: Timestamp::from_millis(row.created_at),
            updated_at: Timestamp::from_millis(row.updated_at),
            published_at: row.published_at.map(Timestamp::from_millis),
            published_by,
            last_edit,
            review,
        })
    }
}

fn event(epoch: Option<&str>, seq: Option<i64>) -> Result<Option<EventId>> {
    let (Some(epoch), Some(seq)) = (epoch, seq) else { return Ok(None) };
    Ok(Some(EventId { epoch: keys::parsed(epoch)?, seq: u64::try_from(seq).unwrap_or(0) }))
}

/// Nothing instead of an empty list: most posts have none.
fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// `post:<ulid>`.
pub(super) fn id(post: PostId) -> RecordId {
    keys::named("post", post.to_string())
}

/// Reading posts.
#[derive(Clone)]
pub struct PostReads {
    store: Store,
    cache: Cache<PostId, Arc<Post>>,
}

impl PostReads {
    pub(crate) fn new(store: &Store) -> Self {
        const BYTES_PER_POST: u64 = 8 << 10;
        let posts = store.cache();
        let bytes = u64::try_from(posts).unwrap_or(u64::MAX).saturating_mul(BYTES_PER_POST);
        Self { store: store.clone(), cache: Cache::new(posts, bytes, weight) }
    }

    /// One post.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn get(&self, id: PostId) -> Result<Option<Arc<Post>>> {
        Ok(self.get_many(&[id]).await?.pop())
    }

    /// Several posts, in the order of `ids`; those that do not exist are left out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn get_many(&self, ids: &[PostId]) -> Result<Vec<Arc<Post>>> {
        let found = self.cache.read(ids, |missing| self.load(missing)).await?;
        Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
    }

    /// Positions in a list, newest first, behind `after`; fewer than `limit` means that the list ends.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list(&self, listing: &Listing, after: Option<PageCursor>, limit: usize) -> Result<Vec<PageCursor>> {
        listings::page(&self.store, listing, after, limit).await
    }

    /// Runs a write that leaves these posts like this, or deletes them.
    ///
    /// # Errors
    /// What the write answers.
    pub(super) async fn change(
        &self,
        posts: HashMap<PostId, Option<Arc<Post>>>,
        write: impl Future<Output = Result<()>> + Send + 'static,
    ) -> Result<()> {
        let ids: Vec<PostId> = posts.keys().copied().collect();
        let writing = async move {
            write.await?;
            Ok(Written { answer: (), rows: posts.into_iter().filter_map(|(id, post)| Some((id, post?))).collect() })
        };
        self.cache.write(self.store.runtime(), ids, writing).await
    }

    /// Posts straight from the database, whatever the cache says.
    pub(super) async fn load(&self, ids: Vec<PostId>) -> Result<Vec<(PostId, Arc<Post>)>> {
        let posts: Vec<PostRow> = self.store.rows(ids.into_iter().map(id).collect()).await?;
        posts.into_iter().map(|row| Post::try_from(row).map(|post| (post.id, Arc::new(post)))).collect()
    }
}

/// How much of the cache a post takes, in bytes.
fn weight(post: &Arc<Post>) -> u64 {
    const OVERHEAD: u64 = 512;
    OVERHEAD + u64::try_from(post.body.as_str().len()).unwrap_or(u64::MAX / 2)
}
