//! The event log, read by tight ranges, and the workers' cursors on it.

use std::time::Duration;

use surrealdb::types::{RecordId, SurrealValue};

use super::{
    Effects, Error, Guard, NewDelivery, Result, Store,
    batch::{Batch, Change, Then},
    deliveries,
    events::{self, LoggedEvent},
    keys::{self, parts},
    posts,
    query::Query,
};
use crate::domain::{Epoch, Event, EventId, PostId, Timestamp};

/// What one worker may do with the log: read it, own cursors on it, and move them together with what it has done.
#[derive(Clone)]
pub struct EventLog {
    store: Store,
    worker: String,
    node: String,
}

/// A cursor that this node owns now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenOver {
    /// On which log.
    pub epoch: Epoch,
    /// Everything up to here is finished.
    pub settled: u64,
    /// Whether the cursor stands where it stood at the takeover before: something may be killing the process.
    pub is_stuck: bool,
}

/// A step of a cursor and everything that is committed with it.
pub struct Settlement {
    /// On which log.
    pub epoch: Epoch,
    /// Where the cursor stands.
    pub from: u64,
    /// Everything up to here is finished now.
    pub settled: u64,
    /// Until when this node owns the cursor.
    pub lease_until: Timestamp,
    /// What did not finish at once and goes on in the retry queue.
    pub deliveries: Vec<NewDelivery>,
    /// What the worker wrote to its own tables.
    pub effects: Effects,
}

#[derive(Debug, SurrealValue)]
pub(super) struct CursorRow {
    id: RecordId,
    owner: String,
    lease_until: i64,
    settled: i64,
    taken_at: Option<i64>,
}

impl EventLog {
    pub(crate) fn new(store: &Store, worker: &str, node: &str) -> Self {
        Self { store: store.clone(), worker: worker.to_owned(), node: node.to_owned() }
    }

    /// The events `from..=to` of one log, as far as they exist.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read(&self, epoch: Epoch, from: u64, to: u64) -> Result<Vec<Event>> {
        let range = keys::range(
            "event",
            parts![epoch, events::seq(from)],
            false,
            parts![epoch, events::seq(to).saturating_add(1)],
        );
        let events: Vec<LoggedEvent> = self.store.range(range).await?;
        events.into_iter().map(LoggedEvent::into_event).collect()
    }

    /// Gives this worker a cursor at `settled` on a log where it has none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin(&self, epoch: Epoch, settled: u64, lease_until: Timestamp) -> Result<()> {
        let mut batch = Batch::default();
        batch.put("cursor", cursor_row(&self.worker, epoch, &self.node, settled, lease_until));
        self.store.commit(batch).await
    }

    /// The logs that this worker has a cursor on, whoever owns it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn known_epochs(&self) -> Result<Vec<Epoch>> {
        self.rows().await?.into_iter().map(|row| row_epoch(row.id)).collect()
    }

    /// The last place in a log: doubling, then halving, by point reads.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn head(&self, epoch: Epoch) -> Result<u64> {
        head(&self.store, epoch).await
    }

    /// The last place that is gone from a log's beginning; a cursor on the log begins there, not before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn gone(&self, epoch: Epoch) -> Result<u64> {
        gone(&self.store, epoch).await
    }

    /// All logs there are, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn epochs(&self) -> Result<Vec<Epoch>> {
        epochs(&self.store).await
    }

    /// Takes this node's cursors and those that nobody owns: all of them when `is_alone`, else those whose lease has run out.
    ///
    /// # Errors
    /// When the database does not answer; cursors taken until then stay taken.
    pub async fn take_over(&self, now: Timestamp, lease: Duration, is_alone: bool) -> Result<Vec<TakenOver>> {
        let mut taken = Vec::new();
        for row in self.rows().await? {
            if !is_alone && row.owner != self.node && row.lease_until > now.as_millis() {
                continue;
            }
            let epoch = row_epoch(row.id.clone())?;
            let claim = "UPDATE $id SET owner = $node, lease_until = $until, taken_at = settled \
                         WHERE owner = $was AND lease_until = $had RETURN VALUE settled";
            let claim = Query::new(claim)
                .bind("id", row.id)
                .bind("node", self.node.clone())
                .bind("until", now.plus(lease).as_millis())
                .bind("was", row.owner)
                .bind("had", row.lease_until);
            match self.store.write(claim).await.and_then(|mut answers| answers.row::<i64>(0)) {
                Ok(Some(settled)) => {
                    taken.push(TakenOver { epoch, settled: number(settled), is_stuck: row.taken_at == Some(settled) })
                }
                Ok(None) | Err(Error::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }

    /// Moves a cursor and commits everything that belongs to the step with it.
    ///
    /// # Errors
    /// [`Error::Refused`] when the cursor is another node's, or not where it was thought to be: nothing was written then.
    pub async fn settle(&self, settlement: &Settlement) -> Result<()> {
        let mut batch = Batch::default();
        let own = [("owner", self.node.clone().into_value()), ("settled", events::seq(settlement.from).into_value())];
        let then = Then::set([
            ("settled", events::seq(settlement.settled).into_value()),
            ("lease_until", settlement.lease_until.as_millis().into_value()),
        ]);
        let cursor = cursor_id(&self.worker, settlement.epoch);
        batch.change(Change::guarded(cursor, own, Guard::CursorLost, then));
        deliveries::enqueue(&mut batch, &self.worker, &settlement.deliveries);
        batch.merge(settlement.effects.0.clone());
        self.store.write_new(batch).await
    }

    /// Writes deliveries without moving a cursor: for a worker that keeps its cursor elsewhere.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn enqueue(&self, new: Vec<NewDelivery>) -> Result<()> {
        let mut batch = Batch::default();
        deliveries::enqueue(&mut batch, &self.worker, &new);
        if batch.len() == 0 {
            return Ok(());
        }
        self.store.commit(batch).await
    }

    /// Waits until everything that can be read now is on disk. A transaction can be read as soon as it is committed, a little before
    /// its sync has ended; a result that is kept outside of the database must not show what a power cut would take away.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn make_durable(&self) -> Result<()> {
        // Every sync takes all commits before it with it.
        let query = Query::new("UPSERT $id SET at = time::now() RETURN NONE")
            .bind("id", keys::named("probe", self.worker.as_str()));
        self.store.write(query).await.map(drop)
    }

    /// Where the held delivery of a post stands, if the post was published and is still there.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn publication_of(&self, post: PostId) -> Result<Option<EventId>> {
        #[derive(SurrealValue)]
        struct Row {
            epoch: Option<String>,
            seq: Option<i64>,
        }
        let Some(row) = self.store.one::<Row>(posts::id(post)).await? else { return Ok(None) };
        match (row.epoch, row.seq) {
            (Some(epoch), Some(seq)) => Ok(Some(EventId { epoch: keys::parsed(&epoch)?, seq: number(seq) })),
            _ => Ok(None),
        }
    }

    /// Where this worker's cursor on a log stands, whoever owns it.
    #[cfg(test)]
    pub(crate) async fn settled(&self, epoch: Epoch) -> Result<Option<u64>> {
        let rows = self.rows().await?;
        let own = rows.into_iter().find(|row| row_epoch(row.id.clone()).is_ok_and(|other| other == epoch));
        Ok(own.map(|row| number(row.settled)))
    }

    async fn rows(&self) -> Result<Vec<CursorRow>> {
        let range = keys::range("cursor", parts![self.worker.clone(), ""], false, parts![self.worker.clone(), "~"]);
        self.store.range(range).await
    }
}

/// All logs there are, oldest first.
pub(super) async fn epochs(store: &Store) -> Result<Vec<Epoch>> {
    let ids: Vec<RecordId> = store.read(Query::new("SELECT VALUE id FROM epoch")).await?.rows(0)?;
    let mut epochs: Vec<Epoch> = ids.into_iter().map(|id| keys::parsed(&keys::text_key(id)?)).collect::<Result<_>>()?;
    epochs.sort();
    Ok(epochs)
}

/// The last place in a log: doubling, then halving, by point reads. Correct while the log's beginning is still there,
/// or nothing but its beginning is gone.
pub(super) async fn head(store: &Store, epoch: Epoch) -> Result<u64> {
    let mut there = gone(store, epoch).await?;
    let mut step = 1;
    while has_event(store, epoch, there + step).await? {
        there += step;
        step *= 2;
    }
    while step > 1 {
        step /= 2;
        if has_event(store, epoch, there + step).await? {
            there += step;
        }
    }
    Ok(there)
}

async fn has_event(store: &Store, epoch: Epoch, seq: u64) -> Result<bool> {
    Ok(!store.ids(vec![event_id(epoch, seq)]).await?.is_empty())
}

/// `event:[epoch, seq]`.
pub(super) fn event_id(epoch: Epoch, seq: u64) -> RecordId {
    events::event_id(EventId { epoch, seq })
}

/// The last place that is gone from a log's beginning: its first event follows on it. None for a log without events.
pub(super) async fn gone(store: &Store, epoch: Epoch) -> Result<u64> {
    let oldest = keys::range("event", parts![epoch, 0], false, parts![epoch, i64::MAX]);
    let Some(first) = store.page(oldest, 1).await?.pop() else { return Ok(0) };
    let mut parts = keys::Parts::of(first)?;
    parts.text()?;
    Ok(number(parts.int()?).saturating_sub(1))
}

/// `cursor:[worker, epoch]`.
pub(super) fn cursor_id(worker: &str, epoch: Epoch) -> RecordId {
    keys::record("cursor", parts![worker, epoch])
}

/// A new cursor's row.
pub(super) fn cursor_row(
    worker: &str,
    epoch: Epoch,
    node: &str,
    settled: u64,
    lease_until: Timestamp,
) -> impl SurrealValue + use<> {
    CursorRow {
        id: cursor_id(worker, epoch),
        owner: node.to_owned(),
        lease_until: lease_until.as_millis(),
        settled: events::seq(settled),
        taken_at: None,
    }
}

fn row_epoch(id: RecordId) -> Result<Epoch> {
    let mut parts = keys::Parts::of(id)?;
    parts.text()?;
    parts.parsed()
}

fn number(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}
