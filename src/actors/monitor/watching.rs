//! The handle on the monitor: the present stats, the snapshot, and a place among the watchers.

use std::{sync::Arc, time::Duration};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::{
    change_feed::{ChangeFeed, Message, Since},
    sample::Sample,
    stats::{CauseStats, Fill, LogStats, NodeStats, Overview, WorkerCursor, WorkerStats},
};
use crate::{
    actors::{
        Health, Operations, Publisher,
        worker::{LogEnds, Running},
    },
    clock::SharedClock,
    domain::{Epoch, Timestamp},
    store::BacklogReads,
};

/// How many may watch one node.
const WATCHERS: usize = 200;

/// Where the stats come from.
pub struct Sources {
    /// This life of this node.
    pub node: String,
    /// When it began.
    pub started_at: Timestamp,
    /// The workers.
    pub operations: Operations,
    /// The ends of the logs.
    pub log_ends: Arc<LogEnds>,
    /// The publisher.
    pub publisher: Publisher,
    /// Whether the node can do its work.
    pub health: Health,
    /// Whether Prometheus reads the sample. Otherwise readiness is not asked for: the database writes a row to answer.
    pub is_scraped: bool,
    /// Counts deliveries and dead letters.
    pub backlog: BacklogReads,
    /// How long dead letters are kept.
    pub retention: Duration,
    /// The time.
    pub clock: SharedClock,
}

/// The handle on the monitor. Cheap to clone.
#[derive(Clone)]
pub struct Monitor(Arc<Shared>);

struct Shared {
    sources: Sources,
    sample: Mutex<Sample>,
    counting: tokio::sync::Mutex<()>,
    change_feed: ChangeFeed,
    places: Arc<Semaphore>,
    closing: CancellationToken,
}

/// A watcher's place: it hears of every change, or gets a new snapshot.
pub struct Watch {
    monitor: Monitor,
    place: Option<u64>,
    end: watch::Receiver<u64>,
    _permit: OwnedSemaphorePermit,
}

impl Monitor {
    pub(super) fn new(sources: Sources) -> Self {
        let first = overview(&sources, &Sample::default(), 0);
        Self(Arc::new(Shared {
            change_feed: ChangeFeed::new(first),
            sources,
            sample: Mutex::default(),
            counting: tokio::sync::Mutex::default(),
            places: Arc::new(Semaphore::new(WATCHERS)),
            closing: CancellationToken::new(),
        }))
    }

    /// The stats of this moment; what only the database knows is as of its last count.
    #[must_use]
    pub fn now(&self) -> Overview {
        let watchers = WATCHERS.saturating_sub(self.0.places.available_permits());
        overview(&self.0.sources, &self.sample(), watchers)
    }

    /// The snapshot that changes are told against, at most about a second old.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Message> {
        self.0.change_feed.snapshot()
    }

    /// A place among the watchers, behind what they have seen already. `None` when there are too many, or when the node
    /// shuts down.
    #[must_use]
    pub fn watch(&self, since: Option<&Since>) -> Option<Watch> {
        if self.0.closing.is_cancelled() {
            return None;
        }
        let permit = Arc::clone(&self.0.places).try_acquire_owned().ok()?;
        let place = since.and_then(|since| self.0.change_feed.place(since));
        Some(Watch { monitor: self.clone(), place, end: self.0.change_feed.end(), _permit: permit })
    }

    /// Sends all watchers away and takes no new ones: the node shuts down.
    pub fn close(&self) {
        self.0.closing.cancel();
    }

    pub(super) fn publish(&self) {
        self.0.change_feed.publish(self.now());
    }

    pub(super) fn sources(&self) -> &Sources {
        &self.0.sources
    }

    pub(super) fn operations(&self) -> &Operations {
        &self.0.sources.operations
    }

    pub(super) fn sample(&self) -> MutexGuard<'_, Sample> {
        self.0.sample.lock()
    }

    /// Waits until nobody else counts.
    pub(super) async fn counting(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.counting.lock().await
    }
}

impl Watch {
    /// Waits for what this watcher has not seen yet. Nothing is lost when the waiting is given up.
    pub async fn next(&mut self) -> Arc<Message> {
        loop {
            if let Some(message) = self.monitor.0.change_feed.after(self.place) {
                self.place = Some(message.frame.seq());
                return message;
            }
            if self.end.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Is cancelled when watchers have to go.
    #[must_use]
    pub fn closing(&self) -> CancellationToken {
        self.monitor.0.closing.clone()
    }
}

fn overview(sources: &Sources, sample: &Sample, watchers: usize) -> Overview {
    let workers = sources.operations.workers();
    let node = NodeStats {
        id: sources.node.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: sources.started_at.to_string(),
        memory_bytes: sample.memory_bytes,
        publish_queue: Fill { used: sources.publisher.queued(), capacity: sources.publisher.capacity() },
        logs: sources.log_ends.all().into_iter().map(|(epoch, head)| log(epoch, head, workers)).collect(),
        watchers,
    };
    let stats = |worker: &Running| {
        let subscription = &worker.status.subscription;
        let queue = sample.backlog.queues.get(subscription).copied().unwrap_or_default();
        let dead = sample.dead_letters.subscriptions.get(subscription).copied().unwrap_or(0);
        WorkerStats::of(worker, queue, dead)
    };
    Overview {
        stream: sources.node.clone(),
        seq: 0,
        node,
        workers: workers.iter().map(stats).collect(),
        dead_letters: sample.dead_letters.causes.iter().map(CauseStats::from).collect(),
    }
}

fn log(epoch: Epoch, head: u64, workers: &[Running]) -> LogStats {
    let cursor = |worker: &Running| WorkerCursor {
        worker: worker.status.name.to_owned(),
        settled: worker.status.snapshot().settled.get(&epoch).copied().unwrap_or(0),
    };
    let mut cursors: Vec<WorkerCursor> = workers.iter().map(cursor).collect();
    cursors.sort_by(|a, b| a.worker.cmp(&b.worker));
    LogStats { epoch: epoch.to_string(), head, cursors }
}
