//! The handle on the monitor: the present stats, the snapshot, and a place among the watchers.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::{
    change_feed::{ChangeFeed, Since, Snapshot, Update},
    stats::{Fill, LogStats, NodeStats, Overview, WorkerStats, short},
};
use crate::{
    actors::{
        Operations, Publisher,
        worker::{LogEnds, Running},
    },
    domain::{EventId, Timestamp},
    store::{DeadLetterCounts, LaneCounts, Waiting},
};

/// How many may watch one node.
const WATCHERS: usize = 200;
/// First events behind a worker's cursors that are looked at for the oldest one.
const UNSETTLED: usize = 8;

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
}

/// The handle on the monitor. Cheap to clone.
#[derive(Clone)]
pub struct Monitor(Arc<Shared>);

struct Shared {
    sources: Sources,
    counted: Mutex<Counted>,
    change_feed: ChangeFeed,
    places: Arc<Semaphore>,
    closing: CancellationToken,
}

/// What is counted now and then, and not looked up every time.
#[derive(Debug, Clone, Default)]
pub(super) struct Counted {
    pub(super) waiting: BTreeMap<String, LaneCounts>,
    pub(super) dead_letters: DeadLetterCounts,
    pub(super) memory_bytes: Option<u64>,
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
        let counted = Counted::default();
        let first = overview(&sources, &counted, 0);
        Self(Arc::new(Shared {
            change_feed: ChangeFeed::new(sources.node.clone(), first),
            sources,
            counted: Mutex::new(counted),
            places: Arc::new(Semaphore::new(WATCHERS)),
            closing: CancellationToken::new(),
        }))
    }

    /// The stats of this moment; what only the database knows is as of its last count.
    #[must_use]
    pub fn now(&self) -> Overview {
        let watchers = WATCHERS.saturating_sub(self.0.places.available_permits());
        overview(&self.0.sources, &self.0.counted.lock(), watchers)
    }

    /// The snapshot that changes are told against, at most about a second old.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
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

    pub(super) fn count(&self, change: impl FnOnce(&mut Counted)) {
        change(&mut self.0.counted.lock());
    }

    pub(super) fn operations(&self) -> &Operations {
        &self.0.sources.operations
    }

    /// Changes whenever a worker has done something that the database could show.
    pub(super) fn activity(&self) -> u64 {
        let activity = |worker: &Running| {
            let runs: u64 = worker.status.stats.totals().endings.values().sum();
            let snapshot = worker.status.snapshot();
            let settled = snapshot.settled.values().fold(0_u64, |sum, settled| sum.wrapping_add(*settled));
            runs.wrapping_add(settled).wrapping_add(snapshot.lag)
        };
        self.operations().workers().iter().map(activity).fold(0, u64::wrapping_add)
    }

    /// What to ask the database about each worker.
    pub(super) fn questions(&self) -> Vec<Waiting> {
        let log_ends = self.0.sources.log_ends.all();
        let question = |worker: &Running| {
            let snapshot = worker.status.snapshot();
            // Of logs that others have written the end is not known here, so that they are asked for whenever there is a lag.
            let is_behind = |epoch, settled| log_ends.get(epoch).is_none_or(|head| settled < *head);
            let unsettled = snapshot.settled.iter().rev().filter(|(epoch, settled)| is_behind(epoch, **settled));
            let unsettled = unsettled.map(|(epoch, settled)| EventId { epoch: *epoch, seq: settled + 1 });
            let limit = if snapshot.lag > 0 { UNSETTLED } else { 0 };
            Waiting { subscription: worker.status.subscription.clone(), unsettled: unsettled.take(limit).collect() }
        };
        self.operations().workers().iter().map(question).collect()
    }
}

impl Watch {
    /// Waits for what this watcher has not seen yet. Nothing is lost when the waiting is given up.
    pub async fn next(&mut self) -> Update {
        loop {
            if let Some(update) = self.monitor.0.change_feed.after(self.place) {
                self.place = Some(update.seq());
                return update;
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

fn overview(sources: &Sources, counted: &Counted, watchers: usize) -> Overview {
    let workers = sources.operations.workers();
    let settled = |epoch| {
        let of =
            |worker: &Running| (worker.status.name, worker.status.snapshot().settled.get(epoch).copied().unwrap_or(0));
        workers.iter().map(of).collect()
    };
    let log_ends = sources.log_ends.all();
    let logs = log_ends.iter().map(|(epoch, head)| LogStats { epoch: *epoch, head: *head, settled: settled(epoch) });
    let node = NodeStats {
        id: sources.node.clone(),
        started_at: sources.started_at,
        memory_bytes: counted.memory_bytes,
        publish_queue: Fill { used: sources.publisher.queued(), capacity: sources.publisher.capacity() },
        logs: logs.collect(),
        watchers,
    };
    let stats = |worker: &Running| {
        let waiting = counted.waiting.get(&worker.status.subscription).copied().unwrap_or_default();
        let dead = counted.dead_letters.subscriptions.get(&worker.status.subscription).copied().unwrap_or(0);
        WorkerStats::of(worker, waiting, dead)
    };
    let mut dead_letters = counted.dead_letters.causes.clone();
    for cause in &mut dead_letters {
        cause.message = short(std::mem::take(&mut cause.message));
    }
    Overview { node, workers: workers.iter().map(stats).collect(), dead_letters }
}
