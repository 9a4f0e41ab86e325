//! Dead letters: deliveries that ran out of receives or were rejected by their worker, with their whole story. Here is
//! their row and how it is written; `reads` is how operators look at them, `jobs` how they are redriven and discarded.

mod reads;

use surrealdb::types::{RecordId, SurrealValue};

use super::{
    Claimed, Failure, Result, Store,
    batch::{Batch, Change, Then},
    deliveries,
    events::{self, EventRow},
    keys::{self, parts},
};
use crate::domain::{
    Cause, CauseId, DeadLetterFilter, DeadLetterId, Event, EventId, JobId, LetterCursor, PostId, Subscription,
    Timestamp,
};

pub(super) use reads::oldest;
pub use reads::{CauseGroup, DeadLetterReads};

/// What the `DeadLetterActor` may do: move a delivery to the dead letters.
#[derive(Clone)]
pub struct DeadLetters {
    store: Store,
}

/// A dead letter with its whole story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Which event, in which subscription.
    pub id: DeadLetterId,
    /// What was to be delivered.
    pub event: Event,
    /// Why it died.
    pub cause: Cause,
    /// Receives spent in its last life.
    pub receives: u32,
    /// Everything that went wrong, oldest first; of a letter that was redriven often only the newest, and the first.
    pub failures: Vec<Failure>,
    /// Where a long delivery had come, in its worker's own words.
    pub progress: Option<serde_json::Value>,
    /// How often it was redriven.
    pub redrives: u32,
    /// When it failed for the first time.
    pub first_failed_at: Timestamp,
    /// When it died.
    pub dead_at: Timestamp,
}

/// The row. What is optional was not written before the schema's second migration.
#[derive(Clone, SurrealValue)]
pub(super) struct DeadLetterRow {
    pub(super) id: RecordId,
    pub(super) event: EventRow,
    pub(super) failures: Vec<Failure>,
    pub(super) receives: i64,
    pub(super) dead_at: i64,
    pub(super) progress: Option<serde_json::Value>,
    pub(super) redrives: Option<i64>,
    pub(super) redriven_by: Option<String>,
    pub(super) place: Option<String>,
    first_failed_at: Option<i64>,
    worker: Option<String>,
    post: Option<String>,
    cause: Option<String>,
    class: Option<String>,
    cause_text: Option<String>,
}

/// What stays of a dead letter that is deleted: its receipt must not read as if it had been delivered.
#[derive(SurrealValue)]
pub(super) struct AbandonedRow {
    pub(super) id: RecordId,
    /// Since when it is given up.
    pub(super) at: i64,
    pub(super) receives: i64,
    /// In words, for the receipt.
    pub(super) why: String,
}

/// Why a dead letter is given up.
pub(super) const DISCARDED: &str = "given up: discarded by an operator";
pub(super) const EXPIRED: &str = "given up: nobody redrove it before its retention had passed";

impl DeadLetters {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Of which events there are dead letters.
    #[cfg(test)]
    pub(crate) async fn ids(&self) -> Result<Vec<crate::domain::EventId>> {
        let mut answers = self.store.read(super::query::Query::new("SELECT VALUE id FROM dead_letter")).await?;
        let id = |id: RecordId| {
            let mut parts = keys::Parts::of(id)?;
            parts.text()?;
            Ok(crate::domain::EventId { epoch: parts.parsed()?, seq: u64::try_from(parts.int()?).unwrap_or(0) })
        };
        answers.rows::<RecordId>(0)?.into_iter().map(id).collect()
    }

    /// Moves a leased delivery of a subscription to the dead letters, in one transaction.
    ///
    /// # Errors
    /// [`super::Error::Refused`] when the lease was lost; after any error the delivery simply becomes visible again.
    pub async fn add(&self, subscription: &str, delivery: &Claimed, now: Timestamp) -> Result<()> {
        let mut batch = Batch::default();
        batch.change(deliveries::while_leased(subscription, delivery.event.id, &delivery.token, Then::Delete));
        let letter = DeadLetterRow::new(subscription, delivery, now);
        batch.change(Change::of(letter.id.clone(), Then::content(letter)));
        self.store.commit(batch).await
    }
}

impl DeadLetterRow {
    fn new(subscription: &str, delivery: &Claimed, now: Timestamp) -> Self {
        let id = DeadLetterId {
            subscription: Subscription::from_trusted(subscription.to_owned()),
            event: delivery.event.id,
        };
        let cause = cause_of(&id, &delivery.failures);
        let first = delivery.failures.iter().map(|failure| failure.at).min();
        Self {
            id: dead_letter_id(subscription, delivery.event.id),
            event: (&delivery.event).into(),
            failures: delivery.failures.clone(),
            receives: i64::from(delivery.receive),
            dead_at: now.as_millis(),
            progress: delivery.progress.clone(),
            redrives: Some(i64::from(delivery.redrives)),
            redriven_by: delivery.redriven_by.map(|job| job.to_string()),
            place: Some(place(now, &id)),
            first_failed_at: Some(first.unwrap_or(now.as_millis())),
            worker: Some(id.subscription.worker().to_owned()),
            post: delivery.event.kind.post().map(|post| post.to_string()),
            cause: Some(cause.id.to_string()),
            class: Some(cause.class),
            cause_text: Some(cause.text),
        }
    }

    /// What stays of it.
    pub(super) fn abandoned(&self, at: Timestamp, why: &str) -> Result<AbandonedRow> {
        let id = self.letter_id()?;
        let id = abandoned_id(id.subscription.as_str(), id.event);
        Ok(AbandonedRow { id, at: at.as_millis(), receives: self.receives, why: why.to_owned() })
    }

    /// Which event, in which subscription.
    pub(super) fn letter_id(&self) -> Result<DeadLetterId> {
        let mut parts = keys::Parts::of(self.id.clone())?;
        let subscription = Subscription::from_trusted(parts.text()?);
        let event = EventId { epoch: parts.parsed()?, seq: u64::try_from(parts.int()?).unwrap_or(0) };
        Ok(DeadLetterId { subscription, event })
    }

    /// Whether a filter lets it through.
    pub(super) fn matches(&self, filter: &DeadLetterFilter) -> Result<bool> {
        let id = self.letter_id()?;
        let is_post = |post: PostId| self.post.as_deref() == Some(post.to_string().as_str());
        let is_cause = |cause: &CauseId| self.cause.as_deref() == Some(cause.as_str());
        Ok((filter.ids.is_empty() || filter.ids.contains(&id))
            && filter.worker.as_ref().is_none_or(|worker| worker.covers(&id.subscription))
            && filter.cause.as_ref().is_none_or(is_cause)
            && filter.post.is_none_or(is_post))
    }

    /// Whether this job has moved it once already.
    pub(super) fn was_redriven_by(&self, job: JobId) -> bool {
        self.redriven_by.as_deref() == Some(job.to_string().as_str())
    }

    pub(super) fn into_letter(self) -> Result<DeadLetter> {
        let id = self.letter_id()?;
        let fresh = cause_of(&id, &self.failures);
        let cause = match (self.cause, self.class, self.cause_text) {
            (Some(cause), Some(class), Some(text)) => Cause { id: CauseId::from_trusted(cause), class, text },
            _ => fresh,
        };
        let first = self.first_failed_at.or(self.failures.first().map(|failure| failure.at));
        Ok(DeadLetter {
            event: self.event.into_event(id.event)?,
            id,
            cause,
            receives: u32::try_from(self.receives).unwrap_or(0),
            failures: self.failures,
            progress: self.progress,
            redrives: self.redrives.and_then(|redrives| u32::try_from(redrives).ok()).unwrap_or(0),
            first_failed_at: Timestamp::from_millis(first.unwrap_or(self.dead_at)),
            dead_at: Timestamp::from_millis(self.dead_at),
        })
    }
}

fn cause_of(id: &DeadLetterId, failures: &[Failure]) -> Cause {
    let last = failures.last();
    let class = last.map_or("lost", |failure| failure.class.as_str());
    Cause::of(id.subscription.worker(), class, last.map_or("", |failure| failure.message.as_str()))
}

/// Where a letter stands in lists. An index has it, because many letters may die within one millisecond, and a page must
/// begin behind exactly one of them.
fn place(dead_at: Timestamp, id: &DeadLetterId) -> String {
    LetterCursor { dead_at, id: id.clone() }.to_string()
}

/// A place behind all letters that were dead by `at`.
pub(super) fn place_behind(at: Timestamp) -> String {
    // No id begins with a tilde, and nothing in one sorts behind it.
    format!("{:015}.~", at.as_millis().max(0))
}

/// `dead_letter:[subscription, epoch, seq]`.
pub(super) fn dead_letter_id(subscription: &str, event: EventId) -> RecordId {
    keys::record("dead_letter", parts![subscription, event.epoch, events::seq(event.seq)])
}

/// `abandoned:[subscription, epoch, seq]`.
pub(super) fn abandoned_id(subscription: &str, event: EventId) -> RecordId {
    keys::record("abandoned", parts![subscription, event.epoch, events::seq(event.seq)])
}

#[cfg(test)]
mod tests;
