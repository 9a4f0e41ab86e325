//! The monitor's stats on the wire: the same words in lists, in the overview and in the frames of the websocket.

mod convert;

use serde::Serialize;
use utoipa::ToSchema;

/// One message of `/v1/admin/watch`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = WatchFrame)]
pub enum FrameView {
    /// Everything. The first message, and again for whoever has fallen too far behind.
    Snapshot(SnapshotView),
    /// One worker is different.
    Worker {
        /// The change's number; one more than that of the change before.
        seq: u64,
        /// The worker as it is now.
        worker: Box<WorkerView>,
    },
    /// The process is different.
    Node {
        /// The change's number.
        seq: u64,
        /// The process as it is now.
        node: NodeView,
    },
    /// The dead letters are different.
    DeadLetters {
        /// The change's number.
        seq: u64,
        /// All of them as they are now, by cause.
        dead_letters: Vec<CauseView>,
    },
}

/// Everything there is to see of a node.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Overview)]
pub struct SnapshotView {
    /// Whose numbers these are. Another process counts anew under another name.
    pub stream: String,
    /// The last change that is in it. To go on behind it: `?since=<stream>.<seq>`.
    pub seq: u64,
    /// The process.
    pub node: NodeView,
    /// Its workers.
    pub workers: Vec<WorkerView>,
    /// The most frequent causes of dead letters, at most 20.
    pub dead_letters: Vec<CauseView>,
}

/// The process.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Node)]
pub struct NodeView {
    /// This life of this node.
    pub id: String,
    /// Broadsheet's version.
    #[schema(example = "0.1.0")]
    pub version: &'static str,
    /// When it began.
    #[schema(format = DateTime)]
    pub started_at: String,
    /// Resident memory, as of its last change by more than a few MiB; null where the system does not tell.
    #[schema(required = true)]
    pub memory_bytes: Option<u64>,
    /// Commands that wait for the publisher.
    pub publish_queue: FillView,
    /// The event logs of this process.
    pub logs: Vec<LogView>,
    /// How many watch it.
    pub watchers: usize,
}

/// How full something bounded is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Fill)]
pub struct FillView {
    /// What is in it.
    pub used: usize,
    /// What it holds at most.
    pub capacity: usize,
}

/// One event log and how far the workers are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventLog)]
pub struct LogView {
    /// One life of one node.
    pub epoch: String,
    /// The last event; 0 when it is empty.
    pub head: u64,
    /// The workers' cursors.
    pub cursors: Vec<CursorView>,
}

/// How far one worker is on one log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WorkerCursor)]
pub struct CursorView {
    /// The worker.
    pub worker: &'static str,
    /// Everything up to here is finished, or has a row in the retry queue.
    pub settled: u64,
}

/// One worker.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Worker)]
pub struct WorkerView {
    /// Its name.
    #[schema(example = "feed")]
    pub name: &'static str,
    /// The name that its rows carry: another one only where several nodes each have a worker of their own.
    pub subscription: String,
    /// `starting`, `running`, `paused`, `breaker_open`, `degraded` or `stopped`.
    #[schema(example = "running")]
    pub state: &'static str,
    /// Jobs that run.
    pub running: usize,
    /// Jobs that may run side by side.
    pub batch: usize,
    /// Its mailbox.
    pub mailbox: FillView,
    /// Events in the logs that it has not settled.
    pub lag: u64,
    /// What waits in its retry queue, as of the last count.
    pub waiting: WaitingView,
    /// Deliveries finished per second, the mean of the last ten seconds.
    pub per_second: f64,
    /// From the event to the start of its first run.
    pub wait_ms: PercentilesView,
    /// One run.
    pub run_ms: PercentilesView,
    /// From the event to the end of its last run.
    pub end_to_end_ms: PercentilesView,
    /// Runs since the process began, by how they ended.
    pub runs: RunsView,
    /// How often it was restarted since the process began.
    pub restarts: u32,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastErrorView>,
    /// Its dead letters, as of the last count.
    pub dead_letters: u64,
}

/// What waits in an retry queue.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Waiting)]
pub struct WaitingView {
    /// Due now or later.
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
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Percentiles)]
pub struct PercentilesView {
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
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Runs)]
pub struct RunsView {
    /// Finished.
    pub done: u64,
    /// Went on from where they stopped.
    pub continued: u64,
    /// Put off.
    pub snoozed: u64,
    /// Failed, to be tried again.
    pub failed: u64,
    /// Ended as dead letters.
    pub dead: u64,
}

/// What went wrong last.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LastError)]
pub struct LastErrorView {
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// Changed, shortened.
    pub message: String,
}

/// Dead letters that share a cause.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WatchedCause)]
pub struct CauseView {
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

/// A frame as text. Numbers and strings only, so that writing it cannot fail.
pub(super) fn to_text(frame: &FrameView) -> String {
    serde_json::to_string(frame).unwrap_or_default()
}
