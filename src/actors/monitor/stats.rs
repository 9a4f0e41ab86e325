//! What operators see of a node: one set of structs for the board, for HTTP and for the terminal. The server leaves out nothing;
//! a reader takes the default for what is missing, so that a terminal and a server of different versions understand each other.
//!
//! What counts as a change is their equality, so nothing in here grows older by itself: moments stand instead of ages.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::{
    actors::worker::{self, Ending, Running},
    store::{CauseCount, QueueCount},
};

/// The most characters of an error that are shown; the log has the whole text.
const SHOWN: usize = 300;

/// One message of `/v1/admin/watch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = WatchFrame)]
pub enum Frame {
    /// Everything. The first message, and again for a client that has fallen too far behind.
    Snapshot(Overview),
    /// One worker is different.
    Worker {
        /// The change's number; one more than that of the change before.
        seq: u64,
        /// The worker as it is now.
        worker: Box<WorkerStats>,
    },
    /// The process is different.
    Node {
        /// The change's number.
        seq: u64,
        /// The process as it is now.
        node: NodeStats,
    },
    /// The dead letters are different.
    DeadLetters {
        /// The change's number.
        seq: u64,
        /// All of them as they are now, by cause.
        dead_letters: Vec<CauseStats>,
    },
    /// A kind of message that this version does not know. Never sent.
    #[serde(other, skip_serializing)]
    Unknown,
}

/// Everything there is to see of a node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Overview {
    /// The sequence that the numbers belong to. Another process has its own, under another name.
    pub stream: String,
    /// The last change that is in it. To continue after it: `?since=<stream>.<seq>`.
    pub seq: u64,
    /// The process.
    pub node: NodeStats,
    /// Its workers, in the order of their registration.
    pub workers: Vec<WorkerStats>,
    /// The most frequent causes of dead letters, at most 20.
    pub dead_letters: Vec<CauseStats>,
}

/// The process.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Node)]
pub struct NodeStats {
    /// This life of this node.
    pub id: String,
    /// Broadsheet's version.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// When it began.
    #[schema(format = DateTime)]
    pub started_at: String,
    /// Resident memory, as of its last change by more than a few MiB; null where the system does not tell.
    pub memory_bytes: Option<u64>,
    /// Commands that wait for the publisher.
    pub publish_queue: Fill,
    /// The event logs that this process writes or has written, oldest first.
    pub logs: Vec<LogStats>,
    /// How many watch it.
    pub watchers: usize,
}

/// How full something bounded is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Fill {
    /// What is in it.
    pub used: usize,
    /// What it holds at most.
    pub capacity: usize,
}

/// One event log and how far the workers are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = EventLog)]
pub struct LogStats {
    /// One life of one node.
    pub epoch: String,
    /// The last event; 0 when it is empty.
    pub head: u64,
    /// The workers' cursors.
    pub cursors: Vec<WorkerCursor>,
}

/// How far one worker is on one log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct WorkerCursor {
    /// The worker.
    pub worker: String,
    /// Everything up to here is finished, or has a row in the retry queue.
    pub settled: u64,
}

/// One worker.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Worker)]
pub struct WorkerStats {
    /// Its name.
    pub name: String,
    /// The name in its rows: the worker's name, followed by the node's where several nodes each keep a local result.
    pub subscription: String,
    /// `starting`, `running`, `paused`, `breaker_open`, `degraded` or `stopped`.
    #[schema(example = "running")]
    pub state: String,
    /// Jobs that run.
    pub running: usize,
    /// Jobs that may run side by side.
    pub batch: usize,
    /// Its mailbox.
    pub mailbox: Fill,
    /// Events in the logs that it has not settled.
    pub lag: u64,
    /// What waits in its retry queue, as of the last count.
    pub waiting: Waiting,
    /// Deliveries finished per second, the mean of the last ten seconds.
    pub per_second: f64,
    /// From the event to the start of its first run.
    #[serde(deserialize_with = "or_default")]
    pub wait_ms: Percentiles,
    /// One run.
    #[serde(deserialize_with = "or_default")]
    pub run_ms: Percentiles,
    /// From the event to the end of its last run.
    #[serde(deserialize_with = "or_default")]
    pub end_to_end_ms: Percentiles,
    /// Runs since the process began, by how they ended.
    pub runs: Runs,
    /// How often it was restarted since the process began.
    pub restarts: u32,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// Its dead letters, as of the last count.
    pub dead_letters: u64,
}

/// What waits in a retry queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Waiting {
    /// Due now or later. Includes what other nodes have leased.
    pub ready: u64,
    /// Leased by this node.
    pub leased: u64,
    /// Wait for an approval.
    pub held: u64,
    /// When the oldest event happened that the worker has not finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub oldest_at: Option<String>,
}

/// Percentiles of the last one to two minutes, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Percentiles {
    /// How many durations they are of.
    pub count: u64,
    /// Half are at most this long.
    pub p50: f64,
    /// 95 in 100 are at most this long.
    pub p95: f64,
    /// 99 in 100 are at most this long.
    pub p99: f64,
}

/// How runs ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Runs {
    /// Finished.
    pub done: u64,
    /// Continued from where they stopped.
    pub continued: u64,
    /// Put off.
    pub snoozed: u64,
    /// Failed, to be tried again.
    pub failed: u64,
    /// Ended as dead letters.
    pub dead: u64,
}

/// What went wrong last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct LastError {
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// What, shortened.
    pub message: String,
}

/// Dead letters that share a cause.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = WatchedCause)]
pub struct CauseStats {
    /// The cause's id; `unknown` for letters from before causes were kept.
    pub cause: String,
    /// The worker.
    pub worker: String,
    /// The failures' class.
    pub class: String,
    /// What went wrong, shortened.
    pub message: String,
    /// How many there are.
    pub count: u64,
}

impl Frame {
    /// The message's number: what a watcher knows who has heard it.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        match self {
            Self::Snapshot(overview) => overview.seq,
            Self::Worker { seq, .. } | Self::Node { seq, .. } | Self::DeadLetters { seq, .. } => *seq,
            Self::Unknown => 0,
        }
    }
}

impl WorkerStats {
    /// A worker at this moment; what only the database knows is as of its last count.
    pub(super) fn of(worker: &Running, queue: QueueCount, dead_letters: u64) -> Self {
        let snapshot = worker.status.snapshot();
        let summary = worker.status.stats.summary();
        let leased = u64::try_from(snapshot.leased).unwrap_or(u64::MAX);
        Self {
            name: worker.status.name.to_owned(),
            subscription: worker.status.subscription.clone(),
            state: snapshot.state.as_str().to_owned(),
            running: snapshot.running,
            batch: worker.status.batch,
            mailbox: Fill { used: worker.mailbox.used(), capacity: worker.mailbox.capacity() },
            lag: snapshot.lag,
            waiting: Waiting {
                ready: queue.rows.saturating_sub(queue.held).saturating_sub(leased),
                leased,
                held: queue.held,
                oldest_at: queue.oldest_at.map(|at| at.to_string()),
            },
            per_second: summary.per_second,
            wait_ms: summary.wait.into(),
            run_ms: summary.run.into(),
            end_to_end_ms: summary.end_to_end.into(),
            runs: Runs::of(worker),
            restarts: snapshot.restarts,
            last_error: snapshot
                .last_error
                .map(|error| LastError { at: error.at.to_string(), message: shortened(&error.message) }),
            dead_letters,
        }
    }
}

impl Runs {
    fn of(worker: &Running) -> Self {
        let endings = worker.status.stats.totals().endings;
        let runs = |ending| endings.get(&ending).copied().unwrap_or(0);
        Self {
            done: runs(Ending::Done),
            continued: runs(Ending::Continued),
            snoozed: runs(Ending::Snoozed),
            failed: runs(Ending::Failed),
            dead: runs(Ending::Dead),
        }
    }
}

impl From<worker::Percentiles> for Percentiles {
    fn from(percentiles: worker::Percentiles) -> Self {
        let millis = |duration: Duration| duration.as_secs_f64() * 1_000.0;
        Self {
            count: percentiles.count,
            p50: millis(percentiles.p50),
            p95: millis(percentiles.p95),
            p99: millis(percentiles.p99),
        }
    }
}

impl From<&CauseCount> for CauseStats {
    fn from(cause: &CauseCount) -> Self {
        Self {
            cause: cause.cause.clone(),
            worker: cause.worker.clone(),
            class: cause.class.clone(),
            message: shortened(&cause.message),
            count: cause.count,
        }
    }
}

/// The beginning of a text.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The value, or the default for null.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_errors_are_shortened_between_characters() {
        assert_eq!(shortened(&"é".repeat(SHOWN)), "é".repeat(SHOWN));
        assert_eq!(shortened(&"é".repeat(SHOWN + 1)), format!("{}…", "é".repeat(SHOWN)));
    }

    #[test]
    fn what_is_missing_or_new_breaks_nothing() {
        let worker: WorkerStats =
            serde_json::from_str(r#"{"name": "digest", "colour": "green", "wait_ms": null}"#).unwrap();
        assert_eq!((worker.name.as_str(), worker.lag, worker.mailbox.capacity), ("digest", 0, 0));
        let frame = serde_json::from_str(r#"{"type": "weather", "seq": 7}"#).unwrap();
        assert!(matches!(frame, Frame::Unknown));
        let frame = serde_json::from_str(r#"{"type": "snapshot", "stream": "01J", "seq": 4}"#).unwrap();
        assert!(matches!(frame, Frame::Snapshot(Overview { seq: 4, .. })));
    }
}
