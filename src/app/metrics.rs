//! Sets up metrics: their own listener, and the task that samples the database. Without `metrics.listen` there is
//! neither.

use std::{
    net::{SocketAddr, TcpListener},
    time::{Duration, Instant},
};

use actix_web::dev::{Server, ServerHandle};
use tokio::{runtime::Handle, task::AbortHandle};

use crate::{
    actors::Health,
    clock::SharedClock,
    config::{Config, ModerationProvider},
    http,
    metrics::{Exposition, Judge, Standing},
    store::BacklogReads,
};

/// The minimum time between two samples, and its minimum as a multiple of the time a sample takes.
const PAUSE: Duration = Duration::from_secs(10);
const PAUSE_FACTOR: u32 = 20;
/// Dead letters that will be deleted within this time cause a warning.
const EXPIRING: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// Samples what needs queries, for later scrapes.
#[derive(Clone)]
pub(super) struct Sampler {
    pub(super) backlog: BacklogReads,
    pub(super) health: Health,
    pub(super) clock: SharedClock,
    /// How long dead letters are kept.
    pub(super) retention: Duration,
    pub(super) standing: Standing,
}

/// The server for `/metrics` and its sampler.
pub(super) struct Exporter {
    pub(super) address: SocketAddr,
    server: Option<Server>,
    handle: ServerHandle,
    sampler: Sampler,
    task: AbortHandle,
}

impl Sampler {
    /// Takes one sample. If the database does not answer, the node is not ready and the last counts stay.
    pub(super) async fn sample(&self) {
        self.standing.set_ready(self.health.reasons().await.is_empty());
        let now = self.clock.now();
        match self.backlog.read(now.minus(self.retention).plus(EXPIRING)).await {
            Ok(backlog) => self.standing.set_backlog(now, backlog),
            Err(error) => tracing::warn!(%error, "cannot count deliveries and dead letters for the metrics"),
        }
    }

    async fn run(self) {
        loop {
            let began = Instant::now();
            self.sample().await;
            tokio::time::sleep(PAUSE.max(began.elapsed() * PAUSE_FACTOR)).await;
        }
    }
}

impl Exporter {
    /// Serves these stats on a bound listener, and samples on the work runtime.
    pub(super) fn start(
        exposition: Exposition,
        listener: TcpListener,
        sampler: Sampler,
        runtime: &Handle,
    ) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let server = http::bind_metrics(exposition, listener)?;
        let task = runtime.spawn(sampler.clone().run()).abort_handle();
        Ok(Self { address, handle: server.handle(), server: Some(server), sampler, task })
    }

    /// Answers scrapes in the background of the current actix system.
    pub(super) fn serve(&mut self) {
        if let Some(server) = self.server.take() {
            tracing::info!(address = %self.address, "serving metrics at /metrics");
            actix_web::rt::spawn(server);
        }
    }

    /// Takes a sample now.
    pub(super) async fn sample(&self) {
        self.sampler.sample().await;
    }

    /// Stops answering and sampling.
    pub(super) async fn stop(&self) {
        self.task.abort();
        self.handle.stop(false).await;
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The moderator's name in metrics.
pub(super) fn judge(config: &Config) -> Judge {
    let provider = match config.moderation.provider {
        ModerationProvider::Rules => return Judge { provider: None, name: "rules".to_owned() },
        ModerationProvider::Bedrock => "aws.bedrock",
        ModerationProvider::OpenAi => "openai",
    };
    let name = config.moderation.model();
    Judge { provider: Some(provider), name: name.to_owned() }
}
