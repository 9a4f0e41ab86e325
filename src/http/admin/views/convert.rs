//! How the monitor's stats become what clients read. No decision is made here.

use std::time::Duration;

use super::{
    CauseView, CursorView, FillView, FrameView, LastErrorView, LogView, NodeView, PercentilesView, RunsView,
    SnapshotView, WaitingView, WorkerView,
};
use crate::{
    actors::{
        monitor::{Change, Changed, Fill, LogStats, NodeStats, Snapshot, WorkerStats},
        worker::{Ending, Percentiles},
    },
    store::CauseCount,
};

impl From<&Snapshot> for SnapshotView {
    fn from(snapshot: &Snapshot) -> Self {
        Self {
            stream: snapshot.stream.clone(),
            seq: snapshot.seq,
            node: (&snapshot.overview.node).into(),
            workers: snapshot.overview.workers.iter().map(WorkerView::from).collect(),
            dead_letters: snapshot.overview.dead_letters.iter().map(CauseView::from).collect(),
        }
    }
}

impl From<&Change> for FrameView {
    fn from(change: &Change) -> Self {
        let seq = change.seq;
        match &change.what {
            Changed::Worker(worker) => Self::Worker { seq, worker: Box::new(worker.as_ref().into()) },
            Changed::Node(node) => Self::Node { seq, node: node.into() },
            Changed::DeadLetters(causes) => {
                Self::DeadLetters { seq, dead_letters: causes.iter().map(CauseView::from).collect() }
            }
        }
    }
}

impl From<&NodeStats> for NodeView {
    fn from(node: &NodeStats) -> Self {
        Self {
            id: node.id.clone(),
            version: env!("CARGO_PKG_VERSION"),
            started_at: node.started_at.to_string(),
            memory_bytes: node.memory_bytes,
            publish_queue: node.publish_queue.into(),
            logs: node.logs.iter().map(LogView::from).collect(),
            watchers: node.watchers,
        }
    }
}

impl From<Fill> for FillView {
    fn from(fill: Fill) -> Self {
        Self { used: fill.used, capacity: fill.capacity }
    }
}

impl From<&LogStats> for LogView {
    fn from(log: &LogStats) -> Self {
        let cursors = log.settled.iter().map(|(worker, settled)| CursorView { worker, settled: *settled });
        Self { epoch: log.epoch.to_string(), head: log.head, cursors: cursors.collect() }
    }
}

impl From<&WorkerStats> for WorkerView {
    fn from(worker: &WorkerStats) -> Self {
        let runs = |ending: Ending| worker.endings.get(&ending).copied().unwrap_or(0);
        Self {
            name: worker.name,
            subscription: worker.subscription.clone(),
            state: worker.state.as_str(),
            running: worker.running,
            batch: worker.batch,
            mailbox: worker.mailbox.into(),
            lag: worker.lag,
            waiting: WaitingView {
                ready: worker.ready(),
                leased: worker.leased,
                held: worker.waiting.held,
                oldest_at: worker.waiting.oldest_at.map(|at| at.to_string()),
            },
            per_second: worker.summary.per_second,
            wait_ms: worker.summary.wait.into(),
            run_ms: worker.summary.run.into(),
            end_to_end_ms: worker.summary.end_to_end.into(),
            runs: RunsView {
                done: runs(Ending::Done),
                continued: runs(Ending::Continued),
                snoozed: runs(Ending::Snoozed),
                failed: runs(Ending::Failed),
                dead: runs(Ending::Dead),
            },
            restarts: worker.restarts,
            last_error: worker
                .last_error
                .as_ref()
                .map(|error| LastErrorView { at: error.at.to_string(), message: error.message.clone() }),
            dead_letters: worker.dead_letters,
        }
    }
}

impl From<Percentiles> for PercentilesView {
    fn from(percentiles: Percentiles) -> Self {
        let millis = |duration: Duration| duration.as_secs_f64() * 1_000.0;
        Self {
            count: percentiles.count,
            p50: millis(percentiles.p50),
            p95: millis(percentiles.p95),
            p99: millis(percentiles.p99),
        }
    }
}

impl From<&CauseCount> for CauseView {
    fn from(cause: &CauseCount) -> Self {
        Self {
            cause: cause.cause.clone(),
            worker: cause.worker.clone(),
            class: cause.class.clone(),
            message: cause.message.clone(),
            count: cause.count,
        }
    }
}
