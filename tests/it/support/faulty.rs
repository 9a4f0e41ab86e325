//! `Faulty<W>`: any worker, with faults put before its work.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use broadsheet::{
    actors::{
        worker::{Checkpoint, Delivery, Error, Interest, Outcome, Sharing, Worker},
        workers::{self, Wrap},
    },
    domain::EventKind,
};
use parking_lot::Mutex;

/// What goes wrong with one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Panic,
    Hang,
    Fail,
    Outage,
    /// Nothing.
    Work,
    /// The work is done, and then again: as after a crash between the work and its commit.
    Twice,
    /// The work is done twice at the same time: as when two deliveries of one post run side by side.
    SideBySide,
}

/// The faults of the next runs, and how often the worker ran.
#[derive(Clone, Default)]
pub(crate) struct Faults {
    next: Arc<Mutex<VecDeque<Fault>>>,
    always: Arc<Mutex<Option<Fault>>>,
    runs: Arc<AtomicUsize>,
}

impl Faults {
    /// These for the next runs, then none.
    pub(crate) fn next(&self, faults: &[Fault]) {
        self.next.lock().extend(faults);
    }

    /// This for every run from now on; `None` ends it.
    pub(crate) fn always(&self, fault: impl Into<Option<Fault>>) {
        *self.always.lock() = fault.into();
    }

    /// How often the worker ran.
    pub(crate) fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    fn take(&self) -> Fault {
        self.runs.fetch_add(1, Ordering::SeqCst);
        let next = self.next.lock().pop_front();
        next.or(*self.always.lock()).unwrap_or(Fault::Work)
    }
}

/// Faults for one of the standard workers.
pub(crate) struct FaultyOne {
    worker: &'static str,
    faults: Faults,
}

impl FaultyOne {
    pub(crate) fn new(worker: &'static str, faults: &Faults) -> Self {
        assert!(worker_names().contains(&worker), "{worker}");
        Self { worker, faults: faults.clone() }
    }
}

impl Wrap for FaultyOne {
    type Wrapped<W: Worker> = Faulty<W>;

    fn wrap<W: Worker>(&self, worker: W) -> Faulty<W> {
        let none = Faults::default();
        Faulty::new(worker, if W::NAME == self.worker { &self.faults } else { &none })
    }
}

/// The names of the standard workers, in their order.
pub(crate) fn worker_names() -> Vec<&'static str> {
    workers::standard().names()
}

/// A worker with faults before its work.
pub(crate) struct Faulty<W> {
    worker: W,
    faults: Faults,
}

impl<W> Faulty<W> {
    pub(crate) fn new(worker: W, faults: &Faults) -> Self {
        Self { worker, faults: faults.clone() }
    }
}

impl<W: Worker> Worker for Faulty<W> {
    const NAME: &'static str = W::NAME;
    const WAITS_FOR_APPROVAL: bool = W::WAITS_FOR_APPROVAL;

    fn interest(event: &EventKind) -> Interest {
        W::interest(event)
    }

    async fn perform(&self, delivery: &Delivery) -> Result<Outcome, Error> {
        match self.faults.take() {
            Fault::Panic => panic!("planted panic"),
            Fault::Hang => {
                tokio::time::sleep(Duration::from_secs(3_600)).await;
                Ok(Outcome::done())
            }
            Fault::Fail => Err(Error::Fault("planted failure".to_owned())),
            Fault::Outage => Err(Error::Transient("planted outage".to_owned())),
            Fault::Work => self.worker.perform(delivery).await,
            Fault::Twice => {
                drop(self.worker.perform(delivery).await);
                self.worker.perform(delivery).await
            }
            Fault::SideBySide => {
                let pair = futures_util::future::join(self.worker.perform(delivery), self.worker.perform(delivery));
                match pair.await {
                    (Ok(Outcome::Done(_)), other) => other,
                    (unfinished, _) => unfinished,
                }
            }
        }
    }

    fn sharing(&self) -> Option<Sharing> {
        self.worker.sharing()
    }

    fn checkpoint(&self) -> Option<Arc<dyn Checkpoint>> {
        self.worker.checkpoint()
    }
}
