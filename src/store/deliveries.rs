//! The retry queue's rows: a queue with leases, per worker.
//!
//! `due` doubles as the visibility deadline: a leased row whose worker vanished simply becomes due again. The receive
//! count is written by the claim, before the handler starts. Every completion is fenced by the lease's random token, so
//! a late job changes nothing.

use surrealdb::types::{RecordId, SurrealValue, Value};

use super::{
    Effects, Error, Guard, Result, Store,
    batch::{Batch, Change, Then, Waiting},
    dead_letters::DeadLetterRow,
    events::{self, EventRow},
    keys::{self, parts},
    posts,
    query::Query,
};
use crate::domain::{DeadLetterId, Event, EventId, JobId, PostId, Timestamp};

/// A held row is due never; its approval makes it due.
pub(super) const NEVER: i64 = i64::MAX;
/// The failures that a redriven delivery takes along: the first one and the newest.
const HISTORY: usize = 20;

/// One failed receive.
#[derive(Debug, Clone, PartialEq, Eq, SurrealValue)]
pub struct Failure {
    /// Which receive it was, from 1.
    pub receive: i64,
    /// When it failed, in milliseconds since 1970.
    pub at: i64,
    /// `error`, `transient`, `timeout`, `panic`, `lost` or `rejected`.
    pub class: String,
    /// What the handler said.
    pub message: String,
}

/// A delivery that leaves the fast path.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// What it delivers.
    pub event: Event,
    /// When it is tried next.
    pub due: Timestamp,
    /// Whether it waits for this post's approval instead.
    pub wait_for: Option<PostId>,
    /// Whether it must run with nothing beside it, because it may kill the process.
    pub run_isolated: bool,
    /// Receives spent so far: 1 after a failure in the fast path.
    pub receives: u32,
    /// The failures so far.
    pub failures: Vec<Failure>,
    /// Where it goes on.
    pub progress: Option<serde_json::Value>,
}

/// A delivery that is this worker's until its deadline.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// What it delivers.
    pub event: Event,
    /// The fencing token of this receive.
    pub token: String,
    /// Which receive this is, from 1.
    pub receive: u32,
    /// Whether the receive before it vanished: its process died or its lease ran out.
    pub was_lost: bool,
    /// Whether it must run with nothing beside it.
    pub run_isolated: bool,
    /// The failures so far.
    pub failures: Vec<Failure>,
    /// Where it goes on.
    pub progress: Option<serde_json::Value>,
    /// How often it came back from the dead letters.
    pub redrives: u32,
    /// Which job brought it back last.
    pub redriven_by: Option<JobId>,
}

/// How a receive ends.
#[derive(Debug, Clone)]
pub enum Completion {
    /// Finished: the row goes, the effects are written.
    Done(Effects),
    /// Not finished, but nothing failed: due at the given time, the receive is not counted.
    Later {
        /// When it goes on.
        due: Timestamp,
        /// Where it goes on, if that changed.
        progress: Option<serde_json::Value>,
        /// What this part of the work wrote.
        effects: Effects,
    },
    /// Failed: due after the backoff, the receive is spent.
    Failed {
        /// When it is tried again.
        due: Timestamp,
        /// Everything that went wrong so far.
        failures: Vec<Failure>,
    },
}

/// One worker's retry queue.
#[derive(Clone)]
pub struct Deliveries {
    pub(super) store: Store,
    pub(super) worker: String,
}

#[derive(Debug, SurrealValue)]
pub(super) struct DeliveryRow {
    pub(super) id: RecordId,
    worker: String,
    due: i64,
    state: String,
    was: Option<String>,
    lease: Option<String>,
    alone: bool,
    pub(super) receives: i64,
    pub(super) failures: Vec<Failure>,
    pub(super) progress: Option<serde_json::Value>,
    pub(super) event: EventRow,
    redrives: Option<i64>,
    redriven_by: Option<String>,
}

impl Deliveries {
    pub(crate) fn new(store: &Store, worker: &str) -> Self {
        Self { store: store.clone(), worker: worker.to_owned() }
    }

    /// Ends a receive. A job whose lease is no longer its own changes nothing.
    ///
    /// # Errors
    /// [`Error::Refused`] when the lease was lost.
    pub async fn complete(&self, event: EventId, token: &str, completion: Completion) -> Result<()> {
        let mut batch = Batch::default();
        let mut change = |then| batch.change(while_leased(&self.worker, event, token, then));
        let ready = |due: Timestamp| {
            let state = ("state", "ready".into_value());
            Then::set([state, ("due", due.as_millis().into_value()), ("lease", Value::None)])
        };
        match completion {
            Completion::Done(effects) => {
                change(Then::Delete);
                batch.merge(effects.0);
            }
            Completion::Later { due, progress, effects } => {
                change(match progress {
                    // A part is finished: the failures before it were not this part's, and a long delivery meets many.
                    Some(progress) => ready(due).and_set("receives", 0).and_set("progress", progress),
                    None => ready(due).and_add("receives", -1),
                });
                batch.merge(effects.0);
            }
            Completion::Failed { due, failures } => change(ready(due).and_set("failures", failures)),
        }
        self.store.commit(batch).await
    }

    /// Gives back a lease whose receive never began: it is not counted. If the receive before it was lost, the next one still runs with
    /// nothing beside it, and `claimed` says so among its failures. A lease that was lost meanwhile is left alone.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn give_back(&self, claimed: &Claimed, now: Timestamp) -> Result<()> {
        let text = "UPDATE $id SET state = 'ready', due = $now, lease = NONE, receives -= 1, alone = alone OR $lost, \
                    failures = $failures WHERE lease = $fence RETURN NONE";
        let query = Query::new(text)
            .bind("id", delivery_id(&self.worker, claimed.event.id))
            .bind("now", now.as_millis())
            .bind("lost", claimed.was_lost)
            .bind("failures", claimed.failures.clone())
            .bind("fence", claimed.token.clone());
        self.store.write(query).await.map(drop)
    }

    /// The verdict on a post has come: its held delivery becomes due, or goes if the post was rejected or deleted.
    /// `publication` is the event that published it; a deleted post no longer tells, so its row is looked for.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn release(
        &self,
        post: PostId,
        publication: Option<EventId>,
        is_approved: bool,
        now: Timestamp,
    ) -> Result<()> {
        let rows = match publication {
            Some(event) => vec![delivery_id(&self.worker, event)],
            None => self.held_rows_of(post).await?,
        };
        let text = if is_approved {
            "UPDATE $ids SET state = 'ready', due = $now WHERE state = 'held' RETURN NONE"
        } else {
            "DELETE $ids WHERE state = 'held' RETURN NONE"
        };
        self.store.write(Query::new(text).bind("ids", rows).bind("now", now.as_millis())).await.map(drop)
    }

    /// Whether anything is held.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has_held(&self) -> Result<bool> {
        let text = "SELECT VALUE id FROM delivery WHERE worker = $worker AND due = $never LIMIT 1";
        let query = Query::new(text).bind("worker", self.worker.clone()).bind("never", NEVER);
        Ok(!self.store.read(query).await?.rows::<RecordId>(0)?.is_empty())
    }

    async fn held_rows_of(&self, post: PostId) -> Result<Vec<RecordId>> {
        let text = "SELECT VALUE id FROM delivery WHERE worker = $worker AND due = $never AND event.post = $post";
        let query =
            Query::new(text).bind("worker", self.worker.clone()).bind("never", NEVER).bind("post", post.to_string());
        self.store.read(query).await?.rows(0)
    }

    /// Gives back the leases of a process that is known to be dead, at once instead of at their deadlines.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn free_leases(&self, now: Timestamp) -> Result<()> {
        let text = "UPDATE delivery SET due = $now \
                    WHERE worker = $worker AND due > $now AND due < $never AND state = 'leased' RETURN NONE";
        let query =
            Query::new(text).bind("worker", self.worker.clone()).bind("now", now.as_millis()).bind("never", NEVER);
        self.store.write(query).await.map(drop)
    }

    /// Makes due what waits for a time after `horizon`: a clock that was ahead has put it off.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn recall(&self, now: Timestamp, horizon: Timestamp) -> Result<()> {
        let text = "UPDATE delivery SET due = $now \
                    WHERE worker = $worker AND due > $horizon AND due < $never AND state = 'ready' RETURN NONE";
        let query = Query::new(text)
            .bind("worker", self.worker.clone())
            .bind("now", now.as_millis())
            .bind("horizon", horizon.as_millis())
            .bind("never", NEVER);
        self.store.write(query).await.map(drop)
    }

    /// How many deliveries may have killed a process: those that must run with nothing beside them, and, when no other process shares
    /// the database, those that are leased although nobody lives who could have leased them.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_isolated(&self, is_alone: bool) -> Result<usize> {
        let text =
            "SELECT VALUE id FROM delivery WHERE worker = $worker AND (alone = true OR ($alone AND state = 'leased'))";
        let query = Query::new(text).bind("worker", self.worker.clone()).bind("alone", is_alone);
        Ok(self.store.read(query).await?.rows::<RecordId>(0)?.len())
    }
}

impl DeliveryRow {
    fn new(worker: &str, new: &NewDelivery) -> Self {
        Self {
            id: delivery_id(worker, new.event.id),
            worker: worker.to_owned(),
            due: new.due.as_millis(),
            state: "ready".to_owned(),
            was: None,
            lease: None,
            alone: new.run_isolated,
            receives: i64::from(new.receives),
            failures: new.failures.clone(),
            progress: new.progress.clone(),
            event: (&new.event).into(),
            redrives: None,
            redriven_by: None,
        }
    }

    /// A dead letter that is tried again from `due` on: all its receives are new, its progress and its history go on. What
    /// may have killed the process runs with nothing beside it.
    pub(super) fn redriven(id: &DeadLetterId, letter: DeadLetterRow, job: JobId, due: Timestamp) -> Self {
        let is_lethal = letter.failures.last().is_some_and(|failure| failure.class == "lost");
        Self {
            id: delivery_id(id.subscription.as_str(), id.event),
            worker: id.subscription.to_string(),
            due: due.as_millis(),
            state: "ready".to_owned(),
            was: None,
            lease: None,
            alone: is_lethal,
            receives: 0,
            failures: bounded(letter.failures),
            progress: letter.progress,
            event: letter.event,
            redrives: Some(letter.redrives.unwrap_or(0).saturating_add(1)),
            redriven_by: Some(job.to_string()),
        }
    }

    pub(super) fn into_claimed(self, token: &str) -> Result<Claimed> {
        let mut parts = keys::Parts::of(self.id)?;
        parts.text()?;
        let id = EventId { epoch: parts.parsed()?, seq: u64::try_from(parts.int()?).unwrap_or(0) };
        Ok(Claimed {
            event: self.event.into_event(id)?,
            token: token.to_owned(),
            receive: u32::try_from(self.receives).unwrap_or(u32::MAX),
            was_lost: self.was.as_deref() == Some("leased"),
            run_isolated: self.alone,
            failures: self.failures,
            progress: self.progress,
            redrives: self.redrives.and_then(|redrives| u32::try_from(redrives).ok()).unwrap_or(0),
            redriven_by: self.redriven_by.as_deref().map(keys::parsed).transpose()?,
        })
    }
}

/// The first failure and the newest ones.
fn bounded(mut failures: Vec<Failure>) -> Vec<Failure> {
    let surplus = failures.len().saturating_sub(HISTORY);
    if surplus > 0 {
        failures.drain(1..=surplus);
    }
    failures
}

/// `delivery:[worker, epoch, seq]`.
pub(super) fn delivery_id(worker: &str, event: EventId) -> RecordId {
    keys::record("delivery", parts![worker, event.epoch, events::seq(event.seq)])
}

/// A change of a delivery as long as it is leased under this token.
pub(super) fn while_leased(subscription: &str, event: EventId, token: &str, then: Then) -> Change {
    let lease = ("lease", token.into_value());
    Change::guarded(delivery_id(subscription, event), [lease], Guard::LeaseLost, then)
}

/// Adds the rows of new deliveries to the transaction that lets the cursor pass them. Those that wait for a post's approval are held
/// unless its verdict has come: either this transaction sees the verdict, or the verdict's own transaction comes later, and its event
/// finds the row.
pub(super) fn enqueue(batch: &mut Batch, worker: &str, deliveries: &[NewDelivery]) {
    for new in deliveries {
        let row = DeliveryRow::new(worker, new).into_value();
        match (new.wait_for, row) {
            (Some(post), Value::Object(row)) => batch.put_waiting(Waiting {
                on: posts::id(post),
                column: "moderation",
                words: &["pending", "review"],
                table: "delivery",
                row,
                set: vec![("state", "held".into_value()), ("due", NEVER.into_value())],
            }),
            (_, row) => batch.put("delivery", row),
        }
    }
}

/// A fenced-off completion is not an error for the engine: another receive has the delivery.
#[must_use]
pub fn is_fenced_off(error: &Error) -> bool {
    matches!(error, Error::Refused(Guard::LeaseLost))
}
