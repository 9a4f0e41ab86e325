//! Who follows whom. Kept both ways; an audience is ordered by a hash of its readers, so that every part of it is a
//! tight range of keys.

use std::collections::HashSet;

use surrealdb::types::RecordId;

use super::{
    Result, Store,
    keys::{self, parts},
};
use crate::domain::AccountId;

/// One more than the largest hash of a reader.
const HASHES: i64 = 1 << 32;

/// `following:[reader, author]`.
pub(super) fn following_id(reader: AccountId, author: AccountId) -> RecordId {
    keys::record("following", parts![reader, author])
}

/// `follower:[author, hash of reader, reader]`.
pub(super) fn follower_id(author: AccountId, reader: AccountId) -> RecordId {
    keys::record("follower", parts![author, hash(reader), reader])
}

/// Where a reader stands in an audience: 32 of the 80 random bits of its id.
fn hash(reader: AccountId) -> i64 {
    i64::try_from(reader.random() & 0xffff_ffff).unwrap_or(0)
}

/// The next `limit` readers of an author's audience, behind `after`, in the order of their hashes.
pub(super) async fn audience(
    store: &Store,
    author: AccountId,
    after: Option<AccountId>,
    limit: usize,
) -> Result<Vec<AccountId>> {
    let from = match after {
        Some(reader) => parts![author, hash(reader), reader],
        None => parts![author, -1],
    };
    let range = keys::range("follower", from, after.is_some(), parts![author, HASHES]);
    let reader = |id: RecordId| {
        let mut parts = keys::Parts::of(id)?;
        parts.text()?;
        parts.int()?;
        parts.parsed()
    };
    store.page(range, limit).await?.into_iter().map(reader).collect()
}

/// The next `limit` authors that a reader follows, behind `after`.
pub(super) async fn authors(
    store: &Store,
    reader: AccountId,
    after: Option<AccountId>,
    limit: usize,
) -> Result<Vec<AccountId>> {
    let from = match after {
        Some(author) => parts![reader, author],
        None => parts![reader, ""],
    };
    let range = keys::range("following", from, after.is_some(), parts![reader, "~"]);
    let author = |id: RecordId| {
        let mut parts = keys::Parts::of(id)?;
        parts.text()?;
        parts.parsed()
    };
    store.page(range, limit).await?.into_iter().map(author).collect()
}

/// Whether `reader` follows `author`.
pub(super) async fn is_following(store: &Store, reader: AccountId, author: AccountId) -> Result<bool> {
    Ok(!followed_among(store, reader, [author]).await?.is_empty())
}

/// Those among some authors whom a reader follows now.
pub(super) async fn followed_among(
    store: &Store,
    reader: AccountId,
    authors: impl IntoIterator<Item = AccountId>,
) -> Result<HashSet<AccountId>> {
    let ids: Vec<RecordId> = authors.into_iter().map(|author| following_id(reader, author)).collect();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let followed = store.ids(ids).await?;
    let author = |id: RecordId| {
        let mut parts = keys::Parts::of(id)?;
        parts.text()?;
        parts.parsed()
    };
    followed.into_iter().map(author).collect()
}

/// Reading follows.
#[derive(Clone)]
pub struct FollowReads {
    store: Store,
}

impl FollowReads {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// The next `limit` of an author's followers, after that one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn followers(&self, author: AccountId, after: Option<AccountId>, limit: usize) -> Result<Vec<AccountId>> {
        audience(&self.store, author, after, limit).await
    }

    /// The next `limit` of the authors that a reader follows, after that one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn following(&self, reader: AccountId, after: Option<AccountId>, limit: usize) -> Result<Vec<AccountId>> {
        authors(&self.store, reader, after, limit).await
    }

    /// Whether `reader` follows `author`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_following(&self, reader: AccountId, author: AccountId) -> Result<bool> {
        is_following(&self.store, reader, author).await
    }
}
