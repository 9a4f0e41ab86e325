//! A `Plan`: the five workers, each with faults on demand, and a mailer that remembers what it was asked to send.

use std::sync::Arc;

use broadsheet::{
    actors::{
        worker::{Checkpoint, Delivery, Outcome, Sharing, Worker},
        workers::{Analytics, Email, Feed, Moderation, Registry, Search},
    },
    domain::EventKind,
    gateways::{self, Mail, Mailer},
};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::{Faults, Faulty};

/// The standard workers, in their order.
pub(crate) const WORKERS: [&str; 5] = ["feed", "search", "email", "moderation", "analytics"];

/// The faults of the five workers, and the mails they sent. Faults befall publications only: what follows from them
/// (verdicts) is not counted.
#[derive(Clone, Default)]
pub(crate) struct Plan {
    faults: [Faults; 5],
    sent: Arc<Mutex<Vec<String>>>,
}

impl Plan {
    /// The faults of one worker.
    pub(crate) fn of(&self, worker: &str) -> &Faults {
        &self.faults[WORKERS.iter().position(|name| *name == worker).unwrap()]
    }

    /// The subjects of all mails about posts that were handed to the mailer, sorted; one that was sent twice is there twice.
    pub(crate) fn sent(&self) -> Vec<String> {
        let mut sent = self.sent.lock().clone();
        sent.sort();
        sent
    }

    /// The standard workers with these faults.
    pub(crate) fn registry(&self) -> Registry {
        let [feed, search, email, moderation, analytics] = self.faults.clone();
        let sent = Arc::clone(&self.sent);
        Registry::default()
            .with(move |context| Planted::new(Feed::new(context.feed.clone(), &context.config.feed), &feed))
            .with(move |context| Planted::new(Search::new(context.search.clone(), context.index.clone()), &search))
            .with(move |context| {
                let mailer = Arc::new(Remembering { mailer: context.mailer.clone(), sent });
                Planted::new(
                    Email::new(context.mail.clone(), mailer, context.clock.clone(), &context.public_url),
                    &email,
                )
            })
            .with(move |context| {
                let (moderator, publisher) = (context.moderator.clone(), context.publisher.clone());
                Planted::new(Moderation::new(context.moderation.clone(), moderator, publisher), &moderation)
            })
            .with(move |context| Planted::new(Analytics::new(context.analytics.clone()), &analytics))
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

    fn subscribes_to(event: &EventKind) -> bool {
        W::subscribes_to(event)
    }

    fn skips(event: &EventKind) -> bool {
        W::skips(event)
    }

    async fn perform(&self, delivery: &Delivery) -> Outcome {
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

    fn subscribes_to(event: &EventKind) -> bool {
        W::subscribes_to(event)
    }

    async fn perform(&self, delivery: &Delivery) -> Outcome {
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
