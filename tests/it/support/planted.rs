//! A `Plan`: the standard workers, each with faults on demand, and a mailer that remembers what it was asked to send.

use std::{collections::BTreeMap, sync::Arc};

use broadsheet::{
    actors::{
        worker::{Checkpoint, Delivery, Error, Interest, Outcome, Sharing, Worker},
        workers::{self, Registry, Wrap},
    },
    domain::EventKind,
    gateways::{self, Mail, Mailer},
};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::{Faults, Faulty, worker_names};

/// The faults of the standard workers, and the mails they sent. Faults befall publications only: what follows from them
/// (verdicts) is not counted.
#[derive(Clone)]
pub(crate) struct Plan {
    faults: BTreeMap<&'static str, Faults>,
    sent: Arc<Mutex<Vec<String>>>,
}

impl Default for Plan {
    fn default() -> Self {
        let faults = worker_names().into_iter().map(|name| (name, Faults::default())).collect();
        Self { faults, sent: Arc::default() }
    }
}

impl Plan {
    /// The faults of one worker.
    pub(crate) fn of(&self, worker: &str) -> &Faults {
        &self.faults[worker]
    }

    /// The subjects of all mails about posts that were handed to the mailer, sorted; one that was sent twice is there twice.
    pub(crate) fn sent(&self) -> Vec<String> {
        let mut sent = self.sent.lock().clone();
        sent.sort();
        sent
    }

    /// The standard workers with these faults.
    pub(crate) fn registry(&self) -> Registry {
        let sent = Arc::clone(&self.sent);
        workers::standard_wrapped(Planting(self.faults.clone())).with_context(move |context| {
            context.mailer = Arc::new(Remembering { mailer: context.mailer.clone(), sent });
        })
    }
}

/// Plants the faults of each worker.
struct Planting(BTreeMap<&'static str, Faults>);

impl Wrap for Planting {
    type Wrapped<W: Worker> = Planted<W>;

    fn wrap<W: Worker>(&self, worker: W) -> Planted<W> {
        Planted::new(worker, &self.0[W::NAME])
    }
}

/// A worker whose faults befall publications only.
pub(crate) struct Planted<W> {
    worker: Arc<W>,
    faulty: Faulty<Shared<W>>,
}

impl<W: Worker> Planted<W> {
    pub(crate) fn new(worker: W, faults: &Faults) -> Self {
        let worker = Arc::new(worker);
        Self { faulty: Faulty::new(Shared(Arc::clone(&worker)), faults), worker }
    }
}

impl<W: Worker> Worker for Planted<W> {
    const NAME: &'static str = W::NAME;
    const WAITS_FOR_APPROVAL: bool = W::WAITS_FOR_APPROVAL;

    fn interest(event: &EventKind) -> Interest {
        W::interest(event)
    }

    async fn perform(&self, delivery: &Delivery) -> Result<Outcome, Error> {
        match delivery.event.kind {
            EventKind::PostPublished { .. } => self.faulty.perform(delivery).await,
            _ => self.worker.perform(delivery).await,
        }
    }

    fn sharing(&self) -> Option<Sharing> {
        self.worker.sharing()
    }

    fn checkpoint(&self) -> Option<Arc<dyn Checkpoint>> {
        self.worker.checkpoint()
    }
}

struct Shared<W>(Arc<W>);

impl<W: Worker> Worker for Shared<W> {
    const NAME: &'static str = W::NAME;

    fn interest(event: &EventKind) -> Interest {
        W::interest(event)
    }

    async fn perform(&self, delivery: &Delivery) -> Result<Outcome, Error> {
        self.0.perform(delivery).await
    }
}

/// Remembers every mail it is asked to send, and like an SMTP server it would send one twice.
struct Remembering {
    mailer: Arc<dyn Mailer>,
    sent: Arc<Mutex<Vec<String>>>,
}

impl Mailer for Remembering {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), gateways::Error>> {
        self.sent.lock().push(mail.subject.clone());
        self.mailer.send(mail)
    }

    fn is_idempotent(&self) -> bool {
        false
    }
}
