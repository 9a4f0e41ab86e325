//! The workers, and the chain that registers them. A worker that is not in the chain does not run.

mod analytics;
mod email;
mod feed;
mod moderation;
mod search;

use std::sync::Arc;

use actix::ArbiterHandle;

pub use analytics::Analytics;
pub use email::Email;
pub use feed::Feed;
pub use moderation::Moderation;
pub use search::Search;

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
    Registry::default()
        .with(|context| Feed::new(context.feed.clone(), &context.config.feed))
        .with(|context| Search::new(context.search.clone(), context.index.clone()))
        .with(|context| {
            let timeout = context.config.worker(Email::NAME, Email::WAITS_FOR_APPROVAL).timeout.get();
            let email =
                Email::new(context.mail.clone(), context.mailer.clone(), context.clock.clone(), &context.public_url);
            email.within(timeout)
        })
        .with(|context| {
            Moderation::new(context.moderation.clone(), context.moderator.clone(), context.publisher.clone())
        })
        .with(|context| Analytics::new(context.analytics.clone()))
}

/// What a worker can be handed: narrow repositories and gateways, never the store.
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

type Starter = Box<dyn FnOnce(&WorkerContext, &Engine, Settings, &ArbiterHandle) -> Running>;

/// The workers to be run.
#[derive(Default)]
pub struct Registry(Vec<Registered>);

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
        self.0.push(Registered { name: W::NAME, waits_for_approval: W::WAITS_FOR_APPROVAL, start });
        self
    }

    /// The workers' names, in their order.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|worker| worker.name).collect()
    }

    /// Starts the workers that this node is to run, each on an arbiter of its own made by `arbiter`.
    pub fn start(
        self,
        context: &WorkerContext,
        engine: &Engine,
        mut arbiter: impl FnMut() -> ArbiterHandle,
    ) -> Vec<Running> {
        let config = &context.config;
        let runs = |worker: &Registered| config.runs_worker(worker.name);
        let start = |worker: Registered| {
            let settings = settings(config, &worker);
            (worker.start)(context, engine, settings, &arbiter())
        };
        self.0.into_iter().filter(runs).map(start).collect()
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
