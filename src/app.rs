//! A whole node as a value: built from a configuration, run until it is told to stop, then drained within a grace time.
//! Production and tests differ only in the configuration and the clock.

mod build;
mod descriptors;
mod gateways;
mod memory;
mod metrics;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::Arbiter;
use actix_web::dev::{Server, ServerHandle};
use anyhow::Context as _;
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

use crate::{
    actors::{
        Housekeeper, Housekeeping, Monitor, Publisher, Redrives, Round,
        worker::{LogEnds, Running},
        workers::SearchWorker,
    },
    config::{Config, ConfigError},
    domain::Epoch,
    search::{Index, Location, Settings as IndexSettings},
    store::{self, Database, Repositories},
};

pub use self::gateways::check_mail;

/// A running node.
pub struct App {
    /// The address it listens on.
    pub address: SocketAddr,
    /// The address that serves `/metrics`; `None` if that is off.
    pub metrics_address: Option<SocketAddr>,
    /// Unrestricted access for the node's own programs and for tests; handlers and workers have narrow repositories.
    pub repositories: Repositories,
    /// Publishes commands and their events.
    pub publisher: Publisher,
    /// The workers, in the order of their registration.
    pub workers: Vec<Running>,
    /// What operators see.
    pub monitor: Monitor,
    log_ends: Arc<LogEnds>,
    housekeeping: Housekeeping,
    housekeeper: Housekeeper,
    redrives: Redrives,
    server: Option<Server>,
    handle: ServerHandle,
    exporter: Option<metrics::Exporter>,
    background_tasks: TaskTracker,
    grace: Duration,
    arbiters: Vec<Arbiter>,
}

impl App {
    /// Serves until `shutdown` completes, then drains.
    ///
    /// # Errors
    /// If the server itself fails.
    pub async fn run_until(mut self, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
        let serving = self.serve();
        shutdown.await;
        self.drain().await;
        serving.await?.context("the server failed")
    }

    /// Serves requests in the background of the current actix system, until [`App::drain`].
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

    /// Stops accepting requests, then stops the workers, then the publisher, because requests and workers publish.
    /// Gives up after the grace time, which loses nothing. Jobs that still run after four fifths of it are cancelled,
    /// to leave time for returning their leases.
    pub async fn drain(&self) {
        tracing::info!(grace_seconds = self.grace.as_secs(), "draining");
        let patience = Instant::now() + self.grace * 4 / 5;
        let finish = async {
            self.monitor.close();
            let half = Instant::now() + self.grace / 2;
            if tokio::time::timeout_at(half.into(), self.handle.stop(true)).await.is_err() {
                tracing::warn!("some requests were still being answered");
            }
            self.background_tasks.close();
            if tokio::time::timeout_at(patience.into(), self.background_tasks.wait()).await.is_err() {
                tracing::warn!("some mails about accounts were still being sent");
            }
            self.redrives.finish().await;
            futures_util::future::join_all(self.workers.iter().map(|worker| worker.drain(patience))).await;
            self.publisher.finish().await;
            self.housekeeper.finish().await;
        };
        match tokio::time::timeout(self.grace, finish).await {
            Ok(()) => tracing::info!("drained"),
            Err(_) => tracing::warn!("not everything finished in time; the rest continues at the next start"),
        }
        if let Some(exporter) = &self.exporter {
            exporter.stop().await;
        }
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
    }

    /// Whether every worker has processed everything that was committed, except what waits for a time, an approval or a
    /// service.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let log_ends = self.log_ends.all();
        self.workers.iter().map(|worker| worker.status.snapshot()).all(|worker| {
            let is_at = |(epoch, head): (&Epoch, &u64)| worker.settled.get(epoch).copied().unwrap_or(0) >= *head;
            worker.is_idle && log_ends.iter().all(is_at)
        })
    }

    /// Samples the database for the monitor and the metrics now, instead of within ten seconds.
    pub async fn sample_metrics(&self) {
        if let Err(error) = self.monitor.take_sample().await {
            tracing::warn!(%error, "cannot count waiting deliveries and dead letters");
        }
    }

    /// The number of dead letters that will be deleted within two days, by worker.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn expiring(&self) -> store::Result<std::collections::BTreeMap<String, u64>> {
        self.housekeeping.expiring().await
    }

    /// Runs one full round of housekeeping now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn clean_up(&self) -> store::Result<()> {
        self.housekeeping.fold_views().await;
        let mut round = Round::default();
        loop {
            round = self.housekeeping.clean(round).await?;
            if round == Round::default() {
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

/// The work runtime: every query and every job runs here, on stacks that are large enough for the query engine.
///
/// # Errors
/// If the threads cannot be created.
pub fn work_runtime() -> std::io::Result<Runtime> {
    const DEEP: usize = 16 << 20;
    let threads = std::thread::available_parallelism().map_or(4, |cores| cores.get().max(4));
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_stack_size(DEEP)
        .thread_name("work")
        .enable_all()
        .build()
}

/// The location of the database according to the configuration.
#[must_use]
pub fn database(config: &Config) -> Database {
    Database {
        url: config.database_url(),
        username: config.database.username.clone(),
        password: config.database.password.expose().to_owned(),
        namespace: config.database.namespace.clone(),
        name: config.database.name.clone(),
        cache: config.database.post_cache,
        memory: memory::of_database(&config.database),
        records: config.database.records,
    }
}

/// Opens the search index, and fills a new one from the database.
///
/// # Errors
/// If the index or the database fails.
pub async fn open_index(config: &Config, repositories: &Repositories, runtime: &Runtime) -> anyhow::Result<Index> {
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
    let search = SearchWorker::new(repositories.search(), index.clone());
    if let Some(posts) = runtime.spawn(async move { search.rebuild_if_new().await }).await?? {
        tracing::info!(posts, "built the search index");
    }
    Ok(index)
}

/// Whether an error means that the configuration is invalid.
#[must_use]
pub fn is_config_error(error: &anyhow::Error) -> bool {
    error.is::<ConfigError>() || error.is::<crate::gateways::SettingsError>()
}
