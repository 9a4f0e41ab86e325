//! Starting workers, and the handle on one that runs.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::prelude::*;
use tokio::sync::{Semaphore, oneshot};

use super::{Control, LogEnds, Mailbox, Settings, Status, Worker, WorkerActor, control::Wake};
use crate::{actors::dead_letter::DeadLetterSink, clock::SharedClock, store::Store};

/// Starts workers. What all of them share.
#[derive(Clone)]
pub struct Engine {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: SharedClock,
    /// The ends of this process's logs.
    pub log_ends: Arc<LogEnds>,
    /// The way to the dead letters.
    pub dead_letter_sink: DeadLetterSink,
    /// Who owns the cursors.
    pub node: String,
    /// How long a cursor's lease lasts.
    pub lease: Duration,
    /// Whether no other node shares the database.
    pub is_alone: bool,
    /// Lets one delivery at a time run, on the whole node, of those that may have killed the process: whoever dies beside a poison would
    /// lose a receive, too.
    pub isolation_permit: Arc<Semaphore>,
    /// Workers that operators have paused or resumed; they outrank the configuration.
    pub paused: BTreeMap<String, bool>,
}

/// A started worker.
#[derive(Clone)]
pub struct Running {
    /// Where events go.
    pub mailbox: Mailbox,
    /// What it looks like from outside.
    pub status: Arc<Status>,
    drain: Recipient<Drain>,
    control: Recipient<Control>,
    wake: Recipient<Wake>,
}

impl Running {
    /// Stops taking, finishes what runs, gives back every lease, writes the cursors; ends when that is done. What still runs at
    /// `patience` is cut short and done again later; no receive is spent by that.
    pub async fn drain(&self, patience: Instant) {
        let (done, finished) = oneshot::channel();
        if self.drain.try_send(Drain { done, patience }).is_ok() {
            let _ = finished.await;
        }
    }

    /// Pauses, resumes or restarts the worker; says whether it was there to hear it.
    pub fn control(&self, control: Control) -> bool {
        self.control.try_send(control).is_ok()
    }

    /// Tells the worker that something in its retry queue has become due.
    pub fn wake(&self) {
        if self.wake.try_send(Wake).is_err() {
            tracing::debug!(worker = self.status.name, "a worker does not listen; it will find what is due by itself");
        }
    }
}

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Drain {
    pub(super) done: oneshot::Sender<()>,
    /// When runs that still run are cut short.
    pub(super) patience: Instant,
}

impl Engine {
    /// Starts a worker on an arbiter of its own.
    #[must_use]
    pub fn start<W: Worker>(&self, worker: W, mut settings: Settings, arbiter: &ArbiterHandle) -> Running {
        settings.is_paused = self.paused.get(W::NAME).copied().unwrap_or(settings.is_paused);
        let is_local = worker.checkpoint().is_some();
        let subscription =
            if is_local && !self.is_alone { format!("{}@{}", W::NAME, self.node) } else { W::NAME.to_owned() };
        let status = Arc::new(Status::new::<W>(subscription.clone(), &settings, is_local));
        let permits = Arc::new(Semaphore::new(settings.mailbox));
        let (engine, shown) = (self.clone(), Arc::clone(&status));
        let address = Supervisor::start_in_arbiter(arbiter, move |_| {
            WorkerActor::new(worker, subscription, settings, engine, shown)
        });
        Running {
            mailbox: Mailbox::new(address.clone().recipient(), permits),
            status,
            drain: address.clone().recipient(),
            control: address.clone().recipient(),
            wake: address.recipient(),
        }
    }
}
