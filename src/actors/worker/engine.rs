//! Starting workers, and the handle on one that runs.

use std::{sync::Arc, time::Duration};

use actix::prelude::*;
use tokio::sync::{Semaphore, oneshot};

use super::{Heads, Mailbox, Settings, Status, Worker, WorkerActor};
use crate::{actors::dead_letter::Undertaker, clock::SharedClock, store::Store};

/// Starts workers. What all of them share.
#[derive(Clone)]
pub struct Engine {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: SharedClock,
    /// The ends of this process's logs.
    pub heads: Arc<Heads>,
    /// The way to the dead letters.
    pub undertaker: Undertaker,
    /// Who owns the cursors.
    pub node: String,
    /// How long a cursor's lease lasts.
    pub lease: Duration,
    /// Whether no other node shares the database.
    pub is_alone: bool,
}

/// A started worker.
#[derive(Clone)]
pub struct Running {
    /// Where events go.
    pub mailbox: Mailbox,
    /// What it looks like from outside.
    pub status: Arc<Status>,
    drain: Recipient<Drain>,
}

impl Running {
    /// Stops taking, finishes what runs, writes the cursors; ends when that is done.
    pub async fn drain(&self) {
        let (done, finished) = oneshot::channel();
        if self.drain.try_send(Drain(done)).is_ok() {
            let _ = finished.await;
        }
    }
}

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Drain(pub(super) oneshot::Sender<()>);

impl Engine {
    /// Starts a worker on an arbiter of its own.
    #[must_use]
    pub fn start<W: Worker>(&self, worker: W, settings: Settings, arbiter: &ArbiterHandle) -> Running {
        let is_local = worker.checkpoint().is_some();
        let lane = if is_local && !self.is_alone { format!("{}@{}", W::NAME, self.node) } else { W::NAME.to_owned() };
        let status = Arc::new(Status::new::<W>(lane.clone(), settings.wait_for_approval, is_local));
        let permits = Arc::new(Semaphore::new(settings.mailbox));
        let (engine, shown) = (self.clone(), Arc::clone(&status));
        let address =
            Supervisor::start_in_arbiter(arbiter, move |_| WorkerActor::new(worker, lane, settings, engine, shown));
        Running { mailbox: Mailbox::new(address.clone().recipient(), permits), status, drain: address.recipient() }
    }
}
