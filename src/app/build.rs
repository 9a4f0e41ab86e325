//! Assembles a node from the bottom up: the database and the gateways, the publisher and the workers, what operators
//! use, and the HTTP server. Nothing is decided here; parts are only created and passed on.

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
        worker::{Engine, LogEnds, Running, Status, Subscribers},
        workers::{self, Registry, WorkerContext},
    },
    clock::SharedClock,
    config::Config,
    gateways::Mailer,
    http::{
        self, WatchTickets,
        api::{PostUrls, Renderer},
        rate_limit::EditLimit,
    },
    identity::{Codes, Passwords, Tokens},
    metrics::{Exposition, Metrics},
    search::Index,
    store::{Repositories, Store},
};

/// How many commands may wait for the publisher, and how many go into one transaction.
const PUBLISH_QUEUE: usize = 1_024;
const PUBLISH_GROUP: usize = 64;
/// How long a silent node keeps its cursors if others share the database.
const CURSOR_LEASE: Duration = Duration::from_secs(15);

/// The infrastructure that everything else needs.
struct Infrastructure {
    config: Arc<Config>,
    clock: SharedClock,
    jobs: tokio::runtime::Handle,
    store: Store,
    repositories: Repositories,
    index: Index,
    metrics: Metrics,
    mailer: Arc<dyn Mailer>,
    views: ViewCounter,
    /// This node's name among those that share the database; a new one at every start.
    node: String,
    arbiters: Vec<Arbiter>,
}

/// The publisher and the workers.
struct Pipeline {
    log_ends: Arc<LogEnds>,
    publisher: Publisher,
    workers: Vec<Running>,
    statuses: Vec<Arc<Status>>,
    /// The names of all workers, on this node or others.
    known: Arc<[&'static str]>,
}

/// What operators use.
struct OperatorServices {
    operations: Operations,
    health: Health,
    monitor: Monitor,
    redrives: Redrives,
}

impl App {
    /// Builds a node with the standard workers. Call it inside an actix system; `runtime` runs everything that takes
    /// long.
    ///
    /// # Errors
    /// One line that names the obstacle: a port in use, a locked or newer database, an invalid setting.
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
        // Boxed here, so that callers do not have all of its parts on their stack.
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

        let mut infrastructure = Infrastructure::open(config, clock, runtime).await?;
        let pipeline = infrastructure.start_pipeline(registry).await?;
        let housekeeping = infrastructure.housekeeping(&pipeline);
        let housekeeper = HousekeepingActor::start(housekeeping.clone(), &infrastructure.arbiter());
        let operator = infrastructure.start_operator_services(&pipeline);
        let exporter =
            scraped.map(|listener| infrastructure.start_exporter(listener, &pipeline, &operator)).transpose()?;
        let background_tasks = TaskTracker::new();
        let server =
            http::bind(infrastructure.state(&pipeline, &operator, &background_tasks).await?, listener, connections)?;
        Ok(Self {
            address,
            metrics_address: exporter.as_ref().map(|exporter| exporter.address),
            repositories: infrastructure.repositories,
            publisher: pipeline.publisher,
            workers: pipeline.workers,
            log_ends: pipeline.log_ends,
            housekeeping,
            housekeeper,
            monitor: operator.monitor,
            redrives: operator.redrives,
            handle: server.handle(),
            server: Some(server),
            exporter,
            background_tasks,
            grace: infrastructure.config.shutdown.grace.get(),
            arbiters: infrastructure.arbiters,
        })
    }
}

impl Infrastructure {
    /// Opens the database and the search index, and creates the gateways.
    async fn open(config: Config, clock: SharedClock, runtime: &Runtime) -> anyhow::Result<Self> {
        let config = Arc::new(config);
        let jobs = runtime.handle().clone();
        let store = Store::open(&database(&config), jobs.clone()).await?;
        let repositories = Repositories::new(&store);
        let index = open_index(&config, &repositories, runtime).await?;
        let metrics = Metrics::default();
        let mailer = metrics.mail.meter(gateways::mailer(&config)?);
        let mailer = Arc::new(SuppressingMailer::new(mailer, repositories.suppressions(), Arc::clone(&clock)));
        Ok(Self {
            config,
            clock,
            jobs,
            store,
            repositories,
            index,
            metrics,
            mailer,
            views: ViewCounter::default(),
            node: Ulid::generate().to_string(),
            arbiters: Vec::new(),
        })
    }

    /// A new arbiter for another actor.
    fn arbiter(&mut self) -> ArbiterHandle {
        spawn_arbiter(&mut self.arbiters)
    }

    /// Starts the publisher and the workers; the publisher first, because some workers publish.
    async fn start_pipeline(&mut self, registry: Registry) -> anyhow::Result<Pipeline> {
        let log_ends = Arc::new(LogEnds::default());
        let subscribers = Arc::new(Subscribers::default());
        let dead_letter_sink =
            DeadLetterActor::start(self.repositories.dead_letters(), Arc::clone(&self.clock), &self.arbiter());
        let parts = PublisherParts {
            publishing: self.repositories.publishing(),
            clock: Arc::clone(&self.clock),
            runtime: self.jobs.clone(),
            log_ends: Arc::clone(&log_ends),
            subscribers: Arc::clone(&subscribers),
        };
        let settings = publisher_settings(&self.config, &registry, &self.node);
        let publisher = PublishActor::start(settings, parts, &self.arbiter()).await?;
        let engine = Engine {
            store: self.store.clone(),
            clock: Arc::clone(&self.clock),
            log_ends: Arc::clone(&log_ends),
            dead_letter_sink,
            node: self.node.clone(),
            lease: CURSOR_LEASE,
            is_alone: self.store.is_embedded(),
            isolation_permit: Arc::new(Semaphore::new(1)),
            paused: self.repositories.controls().paused().await?,
        };
        let context = self.worker_context(&publisher)?;
        let known = registry.names().into();
        let workers = registry.start(&context, &engine, || spawn_arbiter(&mut self.arbiters));
        workers.iter().for_each(|worker| subscribers.add(worker.mailbox.clone()));
        let statuses = workers.iter().map(|worker| Arc::clone(&worker.status)).collect();
        Ok(Pipeline { log_ends, publisher, workers, statuses, known })
    }

    /// What workers can be given.
    fn worker_context(&self, publisher: &Publisher) -> anyhow::Result<WorkerContext> {
        let moderator = gateways::moderator(&self.config, &self.clock)?;
        Ok(WorkerContext {
            feed: self.repositories.feed(),
            mail: self.repositories.mail(),
            search: self.repositories.search(),
            moderation: self.repositories.moderation(),
            analytics: self.repositories.analytics(),
            publisher: publisher.clone(),
            mailer: Arc::clone(&self.mailer),
            moderator: self.metrics.moderation.meter(moderator, metrics::judge(&self.config)),
            index: self.index.clone(),
            clock: Arc::clone(&self.clock),
            config: Arc::clone(&self.config),
            public_url: self.config.public_url(),
        })
    }

    fn housekeeping(&self, pipeline: &Pipeline) -> Housekeeping {
        Housekeeping {
            access: self.repositories.housekeeping(),
            backlog: self.repositories.backlog(),
            analytics: self.repositories.analytics(),
            views: self.views.clone(),
            folding: Arc::default(),
            clock: Arc::clone(&self.clock),
            feed_length: self.config.feed.length,
            events: self.config.events.retention.get(),
            dead_letters: self.config.dead_letters.retention.get(),
            records: self.config.records.retention.get(),
            local: pipeline.statuses.iter().filter(|worker| worker.is_local).cloned().collect(),
            node: self.node.clone(),
        }
    }

    /// Starts what operators use.
    fn start_operator_services(&mut self, pipeline: &Pipeline) -> OperatorServices {
        let (repositories, clock) = (self.repositories.clone(), Arc::clone(&self.clock));
        let is_alone = self.store.is_embedded();
        let operations = Operations::new(
            pipeline.workers.clone(),
            repositories.controls(),
            repositories.audit(),
            Arc::clone(&clock),
        );
        let health = Health::new(&self.store, pipeline.statuses.clone());
        let sources = Sources {
            node: self.node.clone(),
            started_at: clock.now(),
            operations: operations.clone(),
            log_ends: Arc::clone(&pipeline.log_ends),
            publisher: pipeline.publisher.clone(),
            health: health.clone(),
            is_scraped: self.config.metrics.listen.is_some(),
            backlog: repositories.backlog(),
            retention: self.config.dead_letters.retention.get(),
            clock: Arc::clone(&clock),
        };
        let monitor = MonitorActor::start(sources, is_alone, &self.arbiter());
        let redrive = RedriveParts {
            jobs: repositories.jobs(),
            letters: repositories.dead_letter_reads(),
            operations: operations.clone(),
            known: Arc::clone(&pipeline.known),
            node: self.node.clone(),
            is_alone,
            clock,
        };
        let redrives = RedriveActor::start(redrive, &self.arbiter());
        OperatorServices { operations, health, monitor, redrives }
    }

    /// Starts the separate server for metrics.
    fn start_exporter(
        &self,
        listener: TcpListener,
        pipeline: &Pipeline,
        operator: &OperatorServices,
    ) -> std::io::Result<metrics::Exporter> {
        let (workers, publisher) = (&pipeline.workers, &pipeline.publisher);
        let exposition = Exposition::new(&self.metrics, workers, publisher, &operator.monitor, self.clock.now());
        metrics::Exporter::new(exposition, listener)
    }

    /// The state that handlers get.
    async fn state(
        &self,
        pipeline: &Pipeline,
        operator: &OperatorServices,
        background_tasks: &TaskTracker,
    ) -> anyhow::Result<http::State> {
        let (repositories, config) = (&self.repositories, &self.config);
        let identity = repositories.identity();
        let seed = identity.signing_key(rand::random()).await?;
        let code_key = identity.code_key(rand::random()).await?;
        Ok(http::State {
            repositories: repositories.clone(),
            mail_links: repositories.mailings().link_key().await?,
            publisher: pipeline.publisher.clone(),
            metrics: self.metrics.clone(),
            receipts: Receipts::new(repositories.receipts(), pipeline.statuses.clone()),
            health: operator.health.clone(),
            operations: operator.operations.clone(),
            monitor: operator.monitor.clone(),
            watch_tickets: WatchTickets::default(),
            redrives: operator.redrives.clone(),
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
            background_tasks: background_tasks.clone(),
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

/// A new log gets a cursor for every worker that may run, here or on another node that shares the database.
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
