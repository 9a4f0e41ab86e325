//! The workers, and the chain that registers them. A worker that is not in the chain does not run.

mod analytics;
mod email;
mod feed;
mod moderation;
mod search;

use std::sync::Arc;

use actix::ArbiterHandle;

pub use analytics::AnalyticsWorker;
pub use email::EmailWorker;
pub use feed::FeedWorker;
pub use moderation::ModerationWorker;
pub use search::SearchWorker;

use super::{
    Publisher,
    worker::{Engine, Running, Settings, Worker},
};
use crate::{
    clock::SharedClock,
    config::{Config, Start},
    gateways::{Mailer, Moderator},
    search::Index,
    store::{AnalyticsAccess, FeedAccess, MailAccess, ModerationAccess, SearchAccess},
};

/// Every worker of Broadsheet, one line each.
#[must_use]
pub fn standard() -> Registry {
    standard_wrapped(Unwrapped)
}

/// The same with something around each of them: tests plant faults with it.
#[must_use]
pub fn standard_wrapped(wrap: impl Wrap) -> Registry {
    Chain { registry: Registry::default(), wrap: Arc::new(wrap) }
        .with(|context| FeedWorker::new(context.feed.clone(), &context.config.feed))
        .with(|context| SearchWorker::new(context.search.clone(), context.index.clone()))
        .with(|context| {
            let timeout = context.config.worker(EmailWorker::NAME, EmailWorker::WAITS_FOR_APPROVAL).timeout.get();
            let email = EmailWorker::new(
                context.mail.clone(),
                context.mailer.clone(),
                context.clock.clone(),
                &context.public_url,
            );
            email.within(timeout)
        })
        .with(|context| {
            ModerationWorker::new(context.moderation.clone(), context.moderator.clone(), context.publisher.clone())
        })
        .with(|context| AnalyticsWorker::new(context.analytics.clone()))
        .registry
}

/// What a worker can be handed: narrow repositories and gateways, never the store.
#[derive(Clone)]
pub struct WorkerContext {
    /// Followers and feed rows.
    pub feed: FeedAccess,
    /// The mail ledger.
    pub mail: MailAccess,
    /// Posts for the index.
    pub search: SearchAccess,
    /// Posts to be judged.
    pub moderation: ModerationAccess,
    /// Counters.
    pub analytics: AnalyticsAccess,
    /// The publisher, for verdicts.
    pub publisher: Publisher,
    /// Sends mail.
    pub mailer: Arc<dyn Mailer>,
    /// Judges posts.
    pub moderator: Arc<dyn Moderator>,
    /// This node's search index.
    pub index: Index,
    /// The time.
    pub clock: SharedClock,
    /// The configuration.
    pub config: Arc<Config>,
    /// Where links lead.
    pub public_url: String,
}

/// Puts something around a worker before it starts.
pub trait Wrap: Send + Sync + 'static {
    /// The worker with something around it. Its name is the worker's own.
    type Wrapped<W: Worker>: Worker;

    /// Puts it around.
    fn wrap<W: Worker>(&self, worker: W) -> Self::Wrapped<W>;
}

/// Nothing around a worker.
struct Unwrapped;

impl Wrap for Unwrapped {
    type Wrapped<W: Worker> = W;

    fn wrap<W: Worker>(&self, worker: W) -> W {
        worker
    }
}

/// A registry whose workers are wrapped when they are added.
struct Chain<P> {
    registry: Registry,
    wrap: Arc<P>,
}

impl<P: Wrap> Chain<P> {
    fn with<W: Worker>(self, make: impl FnOnce(&WorkerContext) -> W + 'static) -> Self {
        let wrap = Arc::clone(&self.wrap);
        Self { registry: self.registry.with(move |context| wrap.wrap(make(context))), ..self }
    }
}

type Starter = Box<dyn FnOnce(&WorkerContext, &Engine, Settings, &ArbiterHandle) -> Running>;

type Change = Box<dyn FnOnce(&mut WorkerContext)>;

/// The workers to be run.
#[derive(Default)]
pub struct Registry {
    workers: Vec<Registered>,
    changes: Vec<Change>,
}

struct Registered {
    name: &'static str,
    waits_for_approval: bool,
    start: Starter,
}

impl Registry {
    /// Adds a worker; `make` picks what it needs from the context.
    #[must_use]
    pub fn with<W: Worker>(mut self, make: impl FnOnce(&WorkerContext) -> W + 'static) -> Self {
        let start: Starter =
            Box::new(move |context, engine, settings, arbiter| engine.start(make(context), settings, arbiter));
        self.workers.push(Registered { name: W::NAME, waits_for_approval: W::WAITS_FOR_APPROVAL, start });
        self
    }

    /// Changes the context that workers are made from, so that tests can replace the mailer and the moderator.
    #[must_use]
    pub fn with_context(mut self, change: impl FnOnce(&mut WorkerContext) + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// The workers' names, in their order.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.workers.iter().map(|worker| worker.name).collect()
    }

    /// Starts the workers that this node is to run, each on an arbiter of its own made by `arbiter`.
    pub fn start(
        self,
        context: &WorkerContext,
        engine: &Engine,
        mut arbiter: impl FnMut() -> ArbiterHandle,
    ) -> Vec<Running> {
        let mut context = context.clone();
        self.changes.into_iter().for_each(|change| change(&mut context));
        let config = &context.config;
        let runs = |worker: &Registered| config.runs_worker(worker.name);
        let start = |worker: Registered| {
            let settings = settings(config, &worker);
            (worker.start)(&context, engine, settings, &arbiter())
        };
        self.workers.into_iter().filter(runs).map(start).collect()
    }
}

fn settings(config: &Config, worker: &Registered) -> Settings {
    let section = config.worker(worker.name, worker.waits_for_approval);
    Settings {
        mailbox: section.mailbox,
        batch: section.batch,
        timeout: section.timeout.get(),
        visibility_timeout: section.visibility_timeout.get(),
        max_receives: section.max_receives,
        backoff: section.backoff.get(),
        wait_for_approval: section.waits_for_approval(),
        is_paused: section.paused,
        begins_at_the_beginning: section.start == Start::Beginning,
    }
}
