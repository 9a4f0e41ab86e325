//! The node being measured: the real server with its real workers, and their progress.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tokio::sync::oneshot;

use crate::{
    actors::worker::{Control, Ending, Running, State},
    app::{self, App},
    clock::{Clock, SystemClock},
    config::{self, Config, Span},
    domain::Timestamp,
    store::{FeedAccess, HousekeepingAccess, Repositories, Seeding},
    telemetry,
};

/// The number of client threads. They are separate from the server's, but run on the same cores.
const CLIENT_THREADS: usize = 2;
/// How long the database may take to close its files.
const CLOSING: Duration = Duration::from_secs(5);
/// How often the workers are checked.
const LOOK: Duration = Duration::from_millis(5);
/// Longer than a worker needs to notice that its log has grown: workers that are level for this long have settled
/// everything.
const CERTAIN: Duration = Duration::from_millis(400);
/// Workers without progress for this long are stuck.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running node, seen from the benchmark.
#[derive(Clone)]
pub(super) struct Node {
    /// The address it listens on.
    pub(super) address: SocketAddr,
    /// The folder for its mail.
    pub(super) mail_folder: PathBuf,
    repositories: Repositories,
    workers: Vec<Running>,
}

/// When the workers had processed everything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settled {
    /// Since when they have been level.
    pub(super) at: Instant,
    /// The number of events.
    pub(super) head: u64,
}

/// Starts a node with its data in `folder`, runs `work` on a separate runtime, and drains the node.
pub(super) fn with_node<T, F>(folder: &Path, work: impl FnOnce(Node) -> F) -> anyhow::Result<T>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>> + Send + 'static,
{
    let config = config(folder)?;
    telemetry::init(&config.log)?;
    let mail_folder = config.mail_folder();
    let clients = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CLIENT_THREADS)
        .thread_name("client")
        .enable_all()
        .build()?;
    let runtime = app::work_runtime()?;
    let outcome = actix_web::rt::System::new().block_on(async {
        let app = App::build(config, Arc::new(SystemClock), &runtime).await?;
        let workers = app.workers.clone();
        let node = Node { address: app.address, mail_folder, repositories: app.repositories.clone(), workers };
        let (done, finished) = oneshot::channel::<()>();
        let work = work(node);
        let working = clients.spawn(async move {
            let outcome = work.await;
            drop(done);
            outcome
        });
        app.run_until(async move {
            tokio::select! {
                _ = finished => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        })
        .await?;
        working.abort();
        match working.await {
            Err(error) if error.is_cancelled() => bail!("interrupted"),
            outcome => outcome.context("the benchmark panicked")?,
        }
    });
    runtime.shutdown_timeout(CLOSING);
    outcome
}

/// The defaults and what variables set, except for the port, the log level, the limit on sign-ups and the lifetime of tokens.
fn config(folder: &Path) -> anyhow::Result<Config> {
    let mut config = Config { data_dir: folder.to_owned(), ..Config::load(None, config::environment())? };
    config.http.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.rate_limit.enabled = false;
    config.identity.access_token_ttl = Span::days(1);
    config.log.level = "warn".to_owned();
    Ok(config)
}

impl Node {
    /// For large audiences.
    pub(super) fn seeding(&self) -> Seeding {
        self.repositories.seeding()
    }

    /// For checking whether a post's row has arrived: reads the rows themselves, because a feed page would pull missing
    /// posts.
    pub(super) fn feed_rows(&self) -> FeedAccess {
        self.repositories.feed()
    }

    /// How many deliveries of a worker ended in this way.
    pub(super) fn ended(&self, worker: &str, ending: Ending) -> u64 {
        let totals = self.workers.iter().find(|running| running.status.name == worker);
        totals.and_then(|running| running.status.stats.totals().endings.get(&ending).copied()).unwrap_or(0)
    }

    /// Restarts a worker.
    pub(super) fn restart(&self, worker: &str) {
        for running in self.workers.iter().filter(|running| running.status.name == worker) {
            running.control(Control::Restart);
        }
    }

    /// For removing what has expired.
    pub(super) fn housekeeping(&self) -> HousekeepingAccess {
        self.repositories.housekeeping()
    }

    /// The node's current time.
    pub(super) fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    /// Waits until all workers, or only the one with this name, have processed everything.
    pub(super) async fn settle(&self, only: Option<&str>) -> anyhow::Result<Settled> {
        let mut level: Option<Settled> = None;
        let mut moved = (Instant::now(), 0);
        loop {
            let (head, total) = self.look(only)?;
            level = match (head, level) {
                (Some(head), Some(since)) if since.head == head => Some(since),
                (Some(head), _) => Some(Settled { at: Instant::now(), head }),
                (None, _) => None,
            };
            if let Some(settled) = level.filter(|since| since.at.elapsed() >= CERTAIN) {
                return Ok(settled);
            }
            if total != moved.1 {
                moved = (Instant::now(), total);
            }
            if moved.0.elapsed() > PATIENCE {
                bail!("the workers have made no progress for {} s", PATIENCE.as_secs());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The workers' common position if all have reached the same one and are idle, and the sum of their positions.
    fn look(&self, only: Option<&str>) -> anyhow::Result<(Option<u64>, u64)> {
        let (mut level, mut total, mut is_level) = (None, 0, true);
        for worker in self
            .workers
            .iter()
            .map(|worker| &worker.status)
            .filter(|worker| only.is_none_or(|name| name == worker.name))
        {
            let seen = worker.snapshot();
            if matches!(seen.state, State::Degraded | State::Stopped) {
                bail!(
                    "worker {} has stopped: {}",
                    worker.name,
                    seen.last_error.map(|error| error.message).unwrap_or_default()
                );
            }
            let settled: u64 = seen.settled.values().sum();
            total += settled;
            is_level &= seen.is_idle && level.is_none_or(|level| level == settled);
            level = Some(settled);
        }
        Ok((level.filter(|_| is_level), total))
    }
}
