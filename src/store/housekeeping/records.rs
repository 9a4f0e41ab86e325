//! Retention of records that only grow: mail ledgers and verdicts on texts that are no more. Each call looks at the next few rows in the
//! order of their keys, so a round costs the same however many there are.

use std::{collections::HashMap, ops::Bound};

use surrealdb::types::{RecordId, RecordIdKey, RecordIdKeyRange, SurrealValue};

use super::HousekeepingAccess;
use crate::{
    domain::{EventId, PostId, Timestamp},
    store::{
        Result, dead_letters, deliveries, events,
        keys::{self, parts},
        query::Query,
    },
};

/// The worker whose redeliveries read the ledger.
const MAIL: &str = "email";

/// Where the next look begins; by default at the beginning.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Place(Option<RecordId>);

#[derive(SurrealValue)]
struct Mailing {
    id: RecordId,
    at: Option<i64>,
}

#[derive(SurrealValue)]
struct Publication {
    id: RecordId,
    epoch: Option<String>,
    seq: Option<i64>,
}

#[derive(SurrealValue)]
struct Text {
    id: RecordId,
    content_hash: String,
}

impl HousekeepingAccess {
    /// Looks at the next `limit` mailings behind `after`, and removes those that are older than `before`, with their ledgers; but never
    /// one that its event could ask for again: while the event, its delivery or its dead letter is there, the ledger stays.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_old_mailings(
        &self,
        after: Place,
        now: Timestamp,
        before: Timestamp,
        limit: usize,
    ) -> Result<Place> {
        let (ids, next) = self.next_rows("mailing", after, limit).await?;
        if ids.is_empty() {
            return Ok(Place::default());
        }
        // Those of older versions do not say when; they are counted from today.
        let text = "UPDATE $ids SET at = $now WHERE at = NONE RETURN NONE; SELECT id, at FROM $ids";
        let query = Query::new(text).bind("ids", ids).bind("now", now.as_millis());
        let mailings: Vec<Mailing> = self.store.write(query).await?.rows(1)?;
        let old = mailings.into_iter().filter(|mailing| mailing.at.is_some_and(|at| at < before.as_millis()));
        let posts: Vec<PostId> =
            old.map(|mailing| keys::parsed(&keys::text_key(mailing.id)?)).collect::<Result<_>>()?;
        for post in self.beyond_redelivery(posts).await? {
            let ledger = keys::range("mail", parts![post, ""], false, parts![post, "~"]);
            while self.delete_range(ledger.clone()).await? > 0 {}
            self.delete(vec![keys::named("mailing", post.to_string())]).await?;
        }
        Ok(next)
    }

    /// Those of some posts whose publication can no longer be delivered again.
    async fn beyond_redelivery(&self, posts: Vec<PostId>) -> Result<Vec<PostId>> {
        let ids: Vec<RecordId> = posts.iter().map(|post| keys::named("post", post.to_string())).collect();
        let mut published = HashMap::new();
        for row in self.store.rows::<Publication>(ids).await? {
            if let (Some(epoch), Some(seq)) = (row.epoch, row.seq) {
                let event = EventId { epoch: keys::parsed(&epoch)?, seq: u64::try_from(seq).unwrap_or(0) };
                published.insert(keys::parsed::<PostId>(&keys::text_key(row.id)?)?, event);
            }
        }
        let mut beyond = Vec::new();
        for post in posts {
            // To a post that is gone nothing is sent, whatever is delivered again.
            let Some(event) = published.get(&post) else {
                beyond.push(post);
                continue;
            };
            let traces = vec![
                events::event_id(*event),
                deliveries::delivery_id(MAIL, *event),
                dead_letters::dead_letter_id(MAIL, *event),
            ];
            if self.store.ids(traces).await?.is_empty() {
                beyond.push(post);
            }
        }
        Ok(beyond)
    }

    /// Looks at the next `limit` verdicts behind `after`, and removes those that are older than `before` and not about the text that
    /// their post has now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_old_verdicts(&self, after: Place, before: Timestamp, limit: usize) -> Result<Place> {
        let (ids, next) = self.next_rows("verdict", after, limit).await?;
        if ids.is_empty() {
            return Ok(Place::default());
        }
        let query = Query::new("SELECT VALUE id FROM $ids WHERE at < $horizon")
            .bind("ids", ids)
            .bind("horizon", before.as_millis());
        let mut old = Vec::new();
        for id in self.store.read(query).await?.rows::<RecordId>(0)? {
            let mut parts = keys::Parts::of(id.clone())?;
            old.push((id, parts.text()?, parts.text()?));
        }
        let posts: Vec<RecordId> = old.iter().map(|(_, post, _)| keys::named("post", post.as_str())).collect();
        let query = Query::new("SELECT id, content_hash FROM $ids").bind("ids", posts);
        let mut texts = HashMap::new();
        for row in self.store.read(query).await?.rows::<Text>(0)? {
            texts.insert(keys::text_key(row.id)?, row.content_hash);
        }
        old.retain(|(_, post, hash)| texts.get(post) != Some(hash));
        self.delete(old.into_iter().map(|(id, ..)| id).collect()).await?;
        Ok(next)
    }

    /// The next rows of a table by key, and where the look after this one begins.
    async fn next_rows(&self, table: &str, after: Place, limit: usize) -> Result<(Vec<RecordId>, Place)> {
        let start = after.0.map_or(Bound::Unbounded, |after| Bound::Excluded(after.key));
        let range = RecordIdKey::from(RecordIdKeyRange::from((start, Bound::Unbounded)));
        let ids = self.store.page(RecordId::new(table, range), limit).await?;
        let next = Place(ids.last().cloned().filter(|_| ids.len() == limit));
        Ok((ids, next))
    }
}
