//! Putting a node together, from the ground up: the database and what reaches outside, the publisher and the workers, what operators
//! look at, and the server in front. Nothing is decided here; it is only handed around.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix::{Arbiter, ArbiterHandle};
use anyhow::Context as _;
use tokio::{runtime::Runtime, sync::Semaphore};
use tokio_util::task::TaskTracker;
use ulid::Ulid;

use super::{App, check_mail, database, descriptors::Descriptors, gateways, metrics, open_index};
use crate::{
    actors::{
        DeadLetterActor, Health, Housekeeping, HousekeepingActor, MonitorActor, Operations, PublishActor, Publisher,
        PublisherParts, PublisherSettings, Receipts, RedriveActor, RedriveParts, Redrives, SuppressingMailer,
        ViewCounter,
        monitor::{Monitor, Sources},
        worker::{Engine, Heads, Running, Status, Subscribers},
        workers::{self, Hands, Registry},
    },
    clock::SharedClock,
    config::Config,
    gateways::Mailer,
    http::{
        self,
        admin::WatchTickets,
        api::{PostUrls, Renderer},
        identity::{Codes, Passwords, Tokens},
        rate_limit::EditLimit,
    },
    metrics::{Exposition, Metrics},
    search::Index,
    store::{Accesses, Store},
};

/// How many commands may wait for the publisher, and how many go into one transaction.
const PUBLISH_QUEUE: usize = 1_024;
const PUBLISH_GROUP: usize = 64;
/// How long a node that has gone silent keeps its cursors when others share the database.
const CURSOR_LEASE: Duration = Duration::from_secs(15);

/// What everything else stands on.
struct Ground {
    config: Arc<Config>,
    clock: SharedClock,
    jobs: tokio::runtime::Handle,
    store: Store,
    accesses: Accesses,
    index: Index,
    metrics: Metrics,
    mailer: Arc<dyn Mailer>,
    views: ViewCounter,
    /// This node's name among those that share the database: a new one with every start.
    node: String,
    arbiters: Vec<Arbiter>,
}

/// The publisher and those who react.
struct Crew {
    heads: Arc<Heads>,
    publisher: Publisher,
    workers: Vec<Running>,
    statuses: Vec<Arc<Status>>,
    /// The names of all workers there are, here or elsewhere.
    known: Arc<[&'static str]>,
}

/// What operators look at and act through.
struct Desk {
    operations: Operations,
    health: Health,
    monitor: Monitor,
    redrives: Redrives,
}

impl App {
    /// Builds a node with the standard workers. Call it inside of an actix system; `runtime` runs everything that takes
    /// long.
    ///
    /// # Errors
    /// One line that says what is in the way: a port in use, a locked or newer database, a broken setting.
    pub async fn build(config: Config, clock: SharedClock, runtime: &Runtime) -> anyhow::Result<Self> {
        Self::build_with(config, clock, runtime, workers::standard()).await
    }

    /// Builds a node with the given workers.
    ///
    /// # Errors
    /// As [`App::build`].
    pub async fn build_with(
        config: Config,
        clock: SharedClock,
        runtime: &Runtime,
        registry: Registry,
    ) -> anyhow::Result<Self> {
        // Boxed here, so that nobody who builds one carries all of its parts on the stack.
        Box::pin(Self::assemble(config, clock, runtime, registry)).await
    }

    async fn assemble(
        mut config: Config,
        clock: SharedClock,
        runtime: &Runtime,
        registry: Registry,
    ) -> anyhow::Result<Self> {
        config.check_workers(&registry.names())?;
        check_mail(&config)?;
        let descriptors = Descriptors::raise();
        let listener = listen(config.http.listen, "http.listen")?;
        let address = listener.local_addr()?;
        config.http.listen = address;
        let scraped = config.metrics.listen.map(|wanted| listen(wanted, "metrics.listen")).transpose()?;
        let connections = descriptors.connections(config.http.max_connections);

        let mut ground = Ground::lay(config, clock, runtime).await?;
        let crew = ground.start_crew(registry).await?;
        let housekeeping = ground.housekeeping(&crew);
        let housekeeper = HousekeepingActor::start(housekeeping.clone(), &ground.arbiter());
        let desk = ground.start_desk(&crew);
        let exporter = scraped.map(|listener| ground.start_exporter(listener, &crew, &desk)).transpose()?;
        let errands = TaskTracker::new();
        let server = http::bind(ground.state(&crew, &desk, &errands).await?, listener, connections)?;
        Ok(Self {
            address,
            metrics_address: exporter.as_ref().map(|exporter| exporter.address),
            accesses: ground.accesses,
            publisher: crew.publisher,
            workers: crew.workers,
            heads: crew.heads,
            housekeeping,
            housekeeper,
            monitor: desk.monitor,
            redrives: desk.redrives,
            handle: server.handle(),
            server: Some(server),
            exporter,
            errands,
            grace: ground.config.shutdown.grace.get(),
            arbiters: ground.arbiters,
        })
    }
}

impl Ground {
    /// Opens the database and the search index, and makes the gateways.
    async fn lay(config: Config, clock: SharedClock, runtime: &Runtime) -> anyhow::Result<Self> {
        let config = Arc::new(config);
        let jobs = runtime.handle().clone();
        let store = Store::open(&database(&config), jobs.clone()).await?;
        let accesses = Accesses::new(&store);
        let index = open_index(&config, &accesses, runtime).await?;
        let metrics = Metrics::default();
        let mailer = metrics.mail.meter(gateways::mailer(&config)?);
        let mailer = Arc::new(SuppressingMailer::new(mailer, accesses.suppressions(), Arc::clone(&clock)));
        Ok(Self {
            config,
            clock,
            jobs,
            store,
            accesses,
            index,
            metrics,
            mailer,
            views: ViewCounter::default(),
            node: Ulid::generate().to_string(),
            arbiters: Vec::new(),
        })
    }

    /// An arbiter for one more actor.
    fn arbiter(&mut self) -> ArbiterHandle {
        spawn_arbiter(&mut self.arbiters)
    }

    /// Starts the publisher and the workers; the publisher first, because some workers publish, too.
    async fn start_crew(&mut self, registry: Registry) -> anyhow::Result<Crew> {
        let heads = Arc::new(Heads::default());
        let subscribers = Arc::new(Subscribers::default());
        let undertaker = DeadLetterActor::start(self.accesses.dead_letters(), Arc::clone(&self.clock), &self.arbiter());
        let parts = PublisherParts {
            publishing: self.accesses.publishing(),
            clock: Arc::clone(&self.clock),
            runtime: self.jobs.clone(),
            heads: Arc::clone(&heads),
            subscribers: Arc::clone(&subscribers),
        };
        let settings = publisher_settings(&self.config, &registry, &self.node);
        let publisher = PublishActor::start(settings, parts, &self.arbiter()).await?;
        let engine = Engine {
            store: self.store.clone(),
            clock: Arc::clone(&self.clock),
            heads: Arc::clone(&heads),
            undertaker,
            node: self.node.clone(),
            lease: CURSOR_LEASE,
            is_alone: self.store.is_embedded(),
            quarantine: Arc::new(Semaphore::new(1)),
            paused: self.accesses.controls().paused().await?,
        };
        let hands = self.hands(&publisher)?;
        let known = registry.names().into();
        let workers = registry.start(&hands, &engine, || spawn_arbiter(&mut self.arbiters));
        workers.iter().for_each(|worker| subscribers.add(worker.mailbox.clone()));
        let statuses = workers.iter().map(|worker| Arc::clone(&worker.status)).collect();
        Ok(Crew { heads, publisher, workers, statuses, known })
    }

    /// What workers can be handed.
    fn hands(&self, publisher: &Publisher) -> anyhow::Result<Hands> {
        let moderator = gateways::moderator(&self.config, &self.clock)?;
        Ok(Hands {
            feed: self.accesses.feed(),
            mail: self.accesses.mail(),
            search: self.accesses.search(),
            moderation: self.accesses.moderation(),
            analytics: self.accesses.analytics(),
            publisher: publisher.clone(),
            mailer: Arc::clone(&self.mailer),
            moderator: self.metrics.moderation.meter(moderator, metrics::judge(&self.config)),
            index: self.index.clone(),
            clock: Arc::clone(&self.clock),
            config: Arc::clone(&self.config),
            public_url: self.config.public_url(),
        })
    }

    fn housekeeping(&self, crew: &Crew) -> Housekeeping {
        Housekeeping {
            access: self.accesses.housekeeping(),
            letters: self.accesses.dead_letter_reads(),
            analytics: self.accesses.analytics(),
            views: self.views.clone(),
            folding: Arc::default(),
            clock: Arc::clone(&self.clock),
            feed_length: self.config.feed.length,
            events: self.config.events.retention.get(),
            dead_letters: self.config.dead_letters.retention.get(),
            records: self.config.records.retention.get(),
            local: crew.statuses.iter().filter(|worker| worker.is_local).cloned().collect(),
            node: self.node.clone(),
        }
    }

    /// Starts what operators look at and act through.
    fn start_desk(&mut self, crew: &Crew) -> Desk {
        let (accesses, clock) = (self.accesses.clone(), Arc::clone(&self.clock));
        let is_alone = self.store.is_embedded();
        let operations =
            Operations::new(crew.workers.clone(), accesses.controls(), accesses.audit(), Arc::clone(&clock));
        let sources = Sources {
            node: self.node.clone(),
            started_at: clock.now(),
            operations: operations.clone(),
            heads: Arc::clone(&crew.heads),
            publisher: crew.publisher.clone(),
        };
        let monitor = MonitorActor::start(sources, accesses.overview(), is_alone, &self.arbiter());
        let redrive = RedriveParts {
            jobs: accesses.jobs(),
            letters: accesses.dead_letter_reads(),
            operations: operations.clone(),
            known: Arc::clone(&crew.known),
            node: self.node.clone(),
            is_alone,
            clock,
        };
        let redrives = RedriveActor::start(redrive, &self.arbiter());
        Desk { operations, health: Health::new(&self.store, crew.statuses.clone()), monitor, redrives }
    }

    /// Starts the metrics' own server.
    fn start_exporter(&self, listener: TcpListener, crew: &Crew, desk: &Desk) -> std::io::Result<metrics::Exporter> {
        let sampler = metrics::Sampler {
            backlog: self.accesses.backlog(),
            health: desk.health.clone(),
            clock: Arc::clone(&self.clock),
            retention: self.config.dead_letters.retention.get(),
            standing: self.metrics.standing.clone(),
        };
        let exposition = Exposition::new(&self.metrics, &crew.workers, &crew.publisher, self.clock.now());
        metrics::Exporter::start(exposition, listener, sampler, &self.jobs)
    }

    /// What handlers are handed.
    async fn state(&self, crew: &Crew, desk: &Desk, errands: &TaskTracker) -> anyhow::Result<http::State> {
        let (accesses, config) = (&self.accesses, &self.config);
        let identity = accesses.identity();
        let seed = identity.signing_key(rand::random()).await?;
        let code_key = identity.code_key(rand::random()).await?;
        Ok(http::State {
            posts: accesses.posts(),
            accounts: accesses.accounts(),
            follows: accesses.follows(),
            feeds: accesses.feeds(),
            reviews: accesses.reviews(),
            stats: accesses.stats(),
            mailings: accesses.mailings(),
            suppressions: accesses.suppressions(),
            mail_links: accesses.mailings().link_key().await?,
            identity,
            publisher: crew.publisher.clone(),
            metrics: self.metrics.clone(),
            receipts: Receipts::new(accesses.receipts(), crew.statuses.clone()),
            health: desk.health.clone(),
            operations: desk.operations.clone(),
            monitor: desk.monitor.clone(),
            watch_tickets: WatchTickets::default(),
            dead_letters: accesses.dead_letter_reads(),
            redrives: desk.redrives.clone(),
            audit: accesses.audit(),
            backups: accesses.backups(),
            views: self.views.clone(),
            search: self.index.clone(),
            mailer: Arc::clone(&self.mailer),
            edits: EditLimit::new(&config.rate_limit),
            codes: Codes::new(code_key, config.rate_limit.codes()),
            tokens: Tokens::new(seed, config.issuer(), config.identity.access_token_ttl.get()),
            passwords: Passwords::new(
                config.identity.argon2_memory_kib,
                config.identity.argon2_iterations,
                config.identity.argon2_parallelism,
                self.jobs.clone(),
            )?,
            renderer: Renderer::new(self.jobs.clone()),
            post_urls: PostUrls::new(&config.post_url()),
            clock: Arc::clone(&self.clock),
            config: Arc::clone(config),
            public_url: config.public_url(),
            jobs: self.jobs.clone(),
            errands: errands.clone(),
        })
    }
}

fn listen(wanted: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(wanted)
        .with_context(|| format!("cannot listen on {wanted}; is another server running there? ({key})"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn spawn_arbiter(arbiters: &mut Vec<Arbiter>) -> ArbiterHandle {
    let arbiter = Arbiter::new();
    let handle = arbiter.handle();
    arbiters.push(arbiter);
    handle
}

/// A new log gets a cursor for every worker that may run: here, or on another node that shares the database.
fn publisher_settings(config: &Config, registry: &Registry, node: &str) -> PublisherSettings {
    let may_run = |name: &&str| config.runs_worker(name) || !database(config).is_embedded();
    PublisherSettings {
        queue: PUBLISH_QUEUE,
        group: PUBLISH_GROUP,
        node: node.to_owned(),
        workers: registry.names().into_iter().filter(may_run).map(str::to_owned).collect(),
        lease: CURSOR_LEASE,
    }
}
