//! What operators see of a node: plain values. What counts as a change is their equality, so nothing in here grows older by
//! itself: moments stand instead of ages.

use std::collections::BTreeMap;

use crate::{
    actors::worker::{Ending, LastError, Running, State, Summary},
    domain::{Epoch, Timestamp},
    store::{CauseCount, LaneCounts},
};

/// An error's text is shown up to so many characters; the whole of it is in the log.
const SHOWN: usize = 300;

/// One node at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// The process.
    pub node: NodeStats,
    /// Its workers, in the order of their registration.
    pub workers: Vec<WorkerStats>,
    /// The most frequent causes of dead letters.
    pub dead_letters: Vec<CauseCount>,
}

/// The process.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeStats {
    /// This life of this node.
    pub id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// Resident memory, in bytes, as of its last change by more than a little; `None` where the system does not tell.
    pub memory_bytes: Option<u64>,
    /// Commands that wait for the publisher.
    pub publish_queue: Fill,
    /// The logs that this process writes or has written, oldest first.
    pub logs: Vec<LogStats>,
    /// How many watch it.
    pub watchers: usize,
}

/// How full something bounded is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// What is in it.
    pub used: usize,
    /// What it holds at most.
    pub capacity: usize,
}

/// One log and how far the workers are on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogStats {
    /// Which log.
    pub epoch: Epoch,
    /// Its last event; 0 when it is empty.
    pub head: u64,
    /// Up to where each worker has finished it.
    pub settled: BTreeMap<&'static str, u64>,
}

/// One worker.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerStats {
    /// Its name.
    pub name: &'static str,
    /// The name its rows carry.
    pub subscription: String,
    /// What it is up to.
    pub state: State,
    /// Jobs that run.
    pub running: usize,
    /// Jobs that may run side by side.
    pub batch: usize,
    /// Its mailbox.
    pub mailbox: Fill,
    /// Events that are committed and that it has not settled.
    pub lag: u64,
    /// Deliveries of its retry queue that this node has leased. Those that other nodes have leased count as waiting.
    pub leased: u64,
    /// Its retry queue as it was counted last.
    pub waiting: LaneCounts,
    /// How fast it is.
    pub summary: Summary,
    /// Runs since the process began, by how they ended.
    pub endings: BTreeMap<Ending, u64>,
    /// How often it was restarted.
    pub restarts: u32,
    /// What went wrong last, shortened.
    pub last_error: Option<LastError>,
    /// Its dead letters.
    pub dead_letters: u64,
}

impl WorkerStats {
    /// A worker at this moment; what only the database knows is as of its last count.
    pub(super) fn of(worker: &Running, waiting: LaneCounts, dead_letters: u64) -> Self {
        let snapshot = worker.status.snapshot();
        Self {
            name: worker.status.name,
            subscription: worker.status.subscription.clone(),
            state: snapshot.state,
            running: snapshot.running,
            batch: worker.status.batch,
            mailbox: Fill { used: worker.mailbox.used(), capacity: worker.mailbox.capacity() },
            lag: snapshot.lag,
            leased: u64::try_from(snapshot.leased).unwrap_or(u64::MAX),
            waiting,
            summary: worker.status.stats.summary(),
            endings: worker.status.stats.totals().endings,
            restarts: snapshot.restarts,
            last_error: snapshot.last_error.map(shortened),
            dead_letters,
        }
    }

    /// Rows of the retry queue that are neither held nor leased here: they are due, or will be.
    #[must_use]
    pub const fn ready(&self) -> u64 {
        self.waiting.rows.saturating_sub(self.waiting.held).saturating_sub(self.leased)
    }
}

fn shortened(error: LastError) -> LastError {
    LastError { at: error.at, message: short(error.message) }
}

/// The beginning of a text.
pub(super) fn short(text: String) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_errors_are_shortened_between_characters() {
        assert_eq!(short("é".repeat(SHOWN)), "é".repeat(SHOWN));
        assert_eq!(short("é".repeat(SHOWN + 1)), format!("{}…", "é".repeat(SHOWN)));
    }
}
