//! The way from the publisher to a worker: a bounded mailbox, and the ends of this node's logs for a worker that is behind.

use std::{collections::BTreeMap, sync::Arc};

use actix::{Message, Recipient};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::{Epoch, Event};

/// Events that follow one another in one log, on their way to one worker. The permit is given back when the last of them
/// is taken, so that the mailbox's bound holds for what waits inside the worker, too.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Offer {
    pub(super) events: Vec<Arc<Event>>,
    pub(super) permit: Arc<OwnedSemaphorePermit>,
}

/// A worker's bounded mailbox.
#[derive(Clone)]
pub struct Mailbox {
    recipient: Recipient<Offer>,
    permits: Arc<Semaphore>,
    capacity: usize,
}

impl Mailbox {
    pub(super) fn new(recipient: Recipient<Offer>, permits: Arc<Semaphore>) -> Self {
        let capacity = permits.available_permits();
        Self { recipient, permits, capacity }
    }

    /// How many events wait in it or inside of its worker.
    #[must_use]
    pub fn used(&self) -> usize {
        self.capacity.saturating_sub(self.permits.available_permits())
    }

    /// How many events it holds at most.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Offers events. What does not fit is not lost: it stands in the log, and the worker reads it there.
    pub fn offer(&self, events: &[Arc<Event>]) {
        let room = events.len().min(self.permits.available_permits());
        let Some(fitting) = events.get(..room).filter(|fitting| !fitting.is_empty()) else { return };
        let permits = u32::try_from(room).unwrap_or(u32::MAX);
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_many_owned(permits) else { return };
        let offer = Offer { events: fitting.to_vec(), permit: Arc::new(permit) };
        if self.recipient.try_send(offer).is_err() {
            tracing::debug!("a worker does not take events; it will read them from the log");
        }
    }
}

/// The mailboxes of a node's workers. They start after the publisher, because some of them publish, too.
#[derive(Default)]
pub struct Subscribers(RwLock<Vec<Mailbox>>);

impl Subscribers {
    /// Adds a worker.
    pub fn add(&self, mailbox: Mailbox) {
        self.0.write().push(mailbox);
    }

    /// Offers events to every worker.
    pub fn offer(&self, events: &[Arc<Event>]) {
        self.0.read().iter().for_each(|mailbox| mailbox.offer(events));
    }
}

/// The ends of the logs that this process has written, for workers that are behind.
#[derive(Debug, Default)]
pub struct LogEnds(Mutex<BTreeMap<Epoch, u64>>);

impl LogEnds {
    /// A new log is open.
    pub fn open(&self, epoch: Epoch) {
        self.0.lock().entry(epoch).or_default();
    }

    /// A log has grown.
    pub fn advance(&self, epoch: Epoch, head: u64) {
        let mut log_ends = self.0.lock();
        let known = log_ends.entry(epoch).or_default();
        *known = head.max(*known);
    }

    /// All logs of this process with their ends; the last is the one that still grows.
    #[must_use]
    pub fn all(&self) -> BTreeMap<Epoch, u64> {
        self.0.lock().clone()
    }
}
