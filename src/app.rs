//! The whole node as a value: built from a configuration, run until it is told to stop, drained under a grace time.
//! Production and tests differ in the configuration and the clock, nothing else.

mod gateways;
mod metrics;

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix::{Arbiter, ArbiterHandle};
use actix_web::dev::{Server, ServerHandle};
use anyhow::Context as _;
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;
use ulid::Ulid;

use crate::{
    actors::{
        DeadLetterActor, Health, Housekeeper, Housekeeping, HousekeepingActor, Monitor, MonitorActor, Operations,
        PublishActor, Publisher, PublisherParts, PublisherSettings, Receipts, RedriveActor, RedriveParts, Redrives,
        SuppressingMailer, ViewCounter,
        monitor::Sources,
        worker::{Engine, Heads, Running, Status, Subscribers},
        workers::{self, Hands, Registry, Search},
    },
    clock::SharedClock,
    config::{Config, ConfigError},
    domain::Epoch,
    gateways::Mailer,
    http::{
        self,
        admin::WatchTickets,
        api::HtmlCache,
        identity::{Passwords, Tokens},
    },
    metrics::{Exposition, Metrics},
    search::{Index, Location, Settings as IndexSettings},
    store::{self, Accesses, Database, Store},
};

pub use self::gateways::check_mail;

/// How many commands may wait for the publisher, and how many go into one transaction.
const PUBLISH_QUEUE: usize = 1_024;
const PUBLISH_GROUP: usize = 64;
/// How long a node that has gone silent keeps its cursors when others share the database.
const CURSOR_LEASE: Duration = Duration::from_secs(15);

/// A running node.
pub struct App {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it answers `/metrics`; `None` when that is off.
    pub metrics_address: Option<SocketAddr>,
    /// Reads and writes for the node's own programs and tests; handlers and workers have their narrow accesses.
    pub accesses: Accesses,
    /// The way into the event log.
    pub publisher: Publisher,
    /// The workers, in the order of their registration.
    pub workers: Vec<Running>,
    heads: Arc<Heads>,
    housekeeping: Housekeeping,
    housekeeper: Housekeeper,
    monitor: Monitor,
    redrives: Redrives,
    server: Option<Server>,
    handle: ServerHandle,
    exporter: Option<metrics::Exporter>,
    errands: TaskTracker,
    grace: Duration,
    arbiters: Vec<Arbiter>,
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
        mut config: Config,
        clock: SharedClock,
        runtime: &Runtime,
        registry: Registry,
    ) -> anyhow::Result<Self> {
        config.check_workers(&registry.names())?;
        check_mail(&config)?;
        let listener = listen(config.http.listen, "http.listen")?;
        let address = listener.local_addr()?;
        config.http.listen = address;
        let scraped = config.metrics.listen.map(|wanted| listen(wanted, "metrics.listen")).transpose()?;
        let config = Arc::new(config);
        let jobs = runtime.handle().clone();
        let store = Store::open(&database(&config), jobs.clone()).await?;
        let accesses = Accesses::new(&store);
        let index = open_index(&config, &accesses, runtime).await?;
        let metrics = Metrics::default();
        let mailer = metrics.mail.meter(gateways::mailer(&config)?);
        let mailer: Arc<dyn Mailer> =
            Arc::new(SuppressingMailer::new(mailer, accesses.suppressions(), Arc::clone(&clock)));
        let views = ViewCounter::default();

        let mut arbiters = Vec::new();
        let node = Ulid::generate().to_string();
        let heads = Arc::new(Heads::default());
        let subscribers = Arc::new(Subscribers::default());
        let undertaker =
            DeadLetterActor::start(accesses.dead_letters(), Arc::clone(&clock), &spawn_arbiter(&mut arbiters));
        let parts = PublisherParts {
            publishing: accesses.publishing(),
            clock: Arc::clone(&clock),
            runtime: jobs.clone(),
            heads: Arc::clone(&heads),
            subscribers: Arc::clone(&subscribers),
        };
        let settings = publisher_settings(&config, &registry, &node);
        let publisher = PublishActor::start(settings, parts, &spawn_arbiter(&mut arbiters)).await?;
        let engine = Engine {
            store: store.clone(),
            clock: Arc::clone(&clock),
            heads: Arc::clone(&heads),
            undertaker,
            node: node.clone(),
            lease: CURSOR_LEASE,
            is_alone: store.is_embedded(),
            paused: accesses.controls().paused().await?,
        };
        let hands = Hands {
            feed: accesses.feed(),
            mail: accesses.mail(),
            search: accesses.search(),
            moderation: accesses.moderation(),
            analytics: accesses.analytics(),
            publisher: publisher.clone(),
            mailer: Arc::clone(&mailer),
            moderator: metrics.moderation.meter(gateways::moderator(&config, &clock)?, metrics::judge(&config)),
            index: index.clone(),
            clock: Arc::clone(&clock),
            config: Arc::clone(&config),
            public_url: config.public_url(),
        };
        let known = registry.names().into();
        let workers = registry.start(&hands, &engine, || spawn_arbiter(&mut arbiters));
        workers.iter().for_each(|worker| subscribers.add(worker.mailbox.clone()));
        let housekeeping = Housekeeping {
            access: accesses.housekeeping(),
            letters: accesses.dead_letter_reads(),
            analytics: accesses.analytics(),
            views: views.clone(),
            clock: Arc::clone(&clock),
            feed_length: config.feed.length,
            events: config.events.retention.get(),
            dead_letters: config.dead_letters.retention.get(),
        };
        let housekeeper = HousekeepingActor::start(housekeeping.clone(), &spawn_arbiter(&mut arbiters));

        let statuses: Vec<Arc<Status>> = workers.iter().map(|worker| Arc::clone(&worker.status)).collect();
        let errands = TaskTracker::new();
        let operations = Operations::new(workers.clone(), accesses.controls(), accesses.audit(), Arc::clone(&clock));
        let health = Health::new(&store, statuses.clone());
        let start_exporter = |listener| {
            let sampler = metrics::Sampler {
                backlog: accesses.backlog(),
                health: health.clone(),
                clock: Arc::clone(&clock),
                retention: config.dead_letters.retention.get(),
                standing: metrics.standing.clone(),
            };
            let exposition = Exposition::new(&metrics, &workers, &publisher, clock.now());
            metrics::Exporter::start(exposition, listener, sampler, &jobs)
        };
        let exporter = scraped.map(start_exporter).transpose()?;
        let sources = Sources {
            node: node.clone(),
            started_at: clock.now(),
            operations: operations.clone(),
            heads: Arc::clone(&heads),
            publisher: publisher.clone(),
        };
        let arbiter = spawn_arbiter(&mut arbiters);
        let monitor = MonitorActor::start(sources, accesses.overview(), store.is_embedded(), &arbiter);
        let redrive = RedriveParts {
            jobs: accesses.jobs(),
            letters: accesses.dead_letter_reads(),
            operations: operations.clone(),
            known,
            node,
            is_alone: store.is_embedded(),
            clock: Arc::clone(&clock),
        };
        let redrives = RedriveActor::start(redrive, &spawn_arbiter(&mut arbiters));
        let identity = accesses.identity();
        let seed = identity.signing_key(rand::random()).await?;
        let state = http::State {
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
            publisher: publisher.clone(),
            metrics,
            receipts: Receipts::new(accesses.receipts(), statuses),
            health,
            operations,
            monitor: monitor.clone(),
            watch_tickets: WatchTickets::default(),
            dead_letters: accesses.dead_letter_reads(),
            redrives: redrives.clone(),
            audit: accesses.audit(),
            views,
            search: index,
            mailer,
            tokens: Tokens::new(seed, config.issuer(), config.identity.access_token_ttl.get()),
            passwords: Passwords::new(
                config.identity.argon2_memory_kib,
                config.identity.argon2_iterations,
                config.identity.argon2_parallelism,
                jobs.clone(),
            )?,
            html: HtmlCache::default(),
            clock,
            config: Arc::clone(&config),
            public_url: config.public_url(),
            jobs,
            errands: errands.clone(),
        };
        let server = http::bind(state, listener)?;
        let handle = server.handle();
        let grace = config.shutdown.grace.get();
        Ok(Self {
            address,
            metrics_address: exporter.as_ref().map(|exporter| exporter.address),
            accesses,
            publisher,
            workers,
            heads,
            housekeeping,
            housekeeper,
            monitor,
            redrives,
            server: Some(server),
            handle,
            exporter,
            errands,
            grace,
            arbiters,
        })
    }

    /// Serves until `shutdown` is over, then drains.
    ///
    /// # Errors
    /// If the server itself fails.
    pub async fn run_until(mut self, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
        let serving = self.serve();
        shutdown.await;
        self.drain().await;
        serving.await?.context("the server failed")
    }

    /// Serves requests in the background of the present actix system, until [`App::drain`].
    pub fn serve(&mut self) -> tokio::task::JoinHandle<std::io::Result<()>> {
        let server = self.server.take();
        if let Some(exporter) = &mut self.exporter {
            exporter.serve();
        }
        actix_web::rt::spawn(async move {
            match server {
                Some(server) => server.await,
                None => Ok(()),
            }
        })
    }

    /// Stops taking requests, finishes what runs, writes the cursors; gives up after the grace time, which loses nothing.
    pub async fn drain(&self) {
        tracing::info!(grace_seconds = self.grace.as_secs(), "draining");
        let finish = async {
            self.monitor.close();
            self.handle.stop(true).await;
            self.errands.close();
            self.errands.wait().await;
            self.publisher.close();
            self.redrives.finish().await;
            futures_util::future::join_all(self.workers.iter().map(Running::drain)).await;
            self.housekeeper.finish().await;
        };
        match tokio::time::timeout(self.grace, finish).await {
            Ok(()) => tracing::info!("drained"),
            Err(_) => tracing::warn!("not everything ended within the grace time; it goes on at the next start"),
        }
        if let Some(exporter) = &self.exporter {
            exporter.stop().await;
        }
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
    }

    /// Whether every worker has dealt with everything that was committed, except what waits for something or somebody.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let heads = self.heads.all();
        self.workers.iter().map(|worker| worker.status.snapshot()).all(|worker| {
            let is_at = |(epoch, head): (&Epoch, &u64)| worker.settled.get(epoch).copied().unwrap_or(0) >= *head;
            worker.is_idle && heads.iter().all(is_at)
        })
    }

    /// Samples at once what the metrics say about the database, instead of within ten seconds.
    pub async fn sample_metrics(&self) {
        if let Some(exporter) = &self.exporter {
            exporter.sample().await;
        }
    }

    /// How many dead letters of which worker will be deleted within two days.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn expiring(&self) -> store::Result<std::collections::BTreeMap<String, u64>> {
        self.housekeeping.expiring().await
    }

    /// Does one full round of housekeeping at once.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn clean_up(&self) -> store::Result<()> {
        self.housekeeping.fold_views().await;
        let mut after = None;
        loop {
            after = self.housekeeping.clean(after).await?;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.arbiters.iter().for_each(|arbiter| {
            arbiter.stop();
        });
    }
}

/// The work runtime: every query and every job runs here, on stacks that are deep enough for the query engine.
///
/// # Errors
/// If the threads cannot be made.
pub fn work_runtime() -> std::io::Result<Runtime> {
    const DEEP: usize = if cfg!(debug_assertions) { 32 << 20 } else { 16 << 20 };
    let threads = std::thread::available_parallelism().map_or(4, |cores| cores.get().max(4));
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_stack_size(DEEP)
        .thread_name("work")
        .enable_all()
        .build()
}

/// Where a configuration says that the database is.
#[must_use]
pub fn database(config: &Config) -> Database {
    Database {
        url: config.database_url(),
        username: config.database.username.clone(),
        password: config.database.password.expose().to_owned(),
        namespace: config.database.namespace.clone(),
        name: config.database.name.clone(),
        cache: config.database.post_cache,
    }
}

/// Opens the search index; a new one is filled from the database.
///
/// # Errors
/// When the index or the database fails.
pub async fn open_index(config: &Config, accesses: &Accesses, runtime: &Runtime) -> anyhow::Result<Index> {
    let location = if config.database_url().starts_with("mem") {
        Location::Memory
    } else {
        Location::Folder(config.search_folder())
    };
    let settings = IndexSettings {
        language: config.search.language.clone(),
        writer_memory_bytes: config.search.writer_memory.bytes(),
    };
    let opening = runtime.spawn_blocking(move || Index::open(location, &settings));
    let index = opening.await?.context("cannot open the search index")?;
    let search = Search::new(accesses.search(), index.clone());
    if let Some(posts) = runtime.spawn(async move { search.rebuild_if_new().await }).await?? {
        tracing::info!(posts, "built the search index");
    }
    Ok(index)
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

/// Whether an error means that the configuration is wrong.
#[must_use]
pub fn is_config_error(error: &anyhow::Error) -> bool {
    error.is::<ConfigError>() || error.is::<crate::gateways::SettingsError>()
}
