//! What a worker looks like from outside: receipts, readiness and tests read this.

use std::{collections::BTreeMap, time::Duration};

use parking_lot::Mutex;

use super::{Interest, Settings, Stats};
use crate::domain::{Epoch, EventKind, Timestamp};

/// What a worker is up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// Reading its cursors.
    #[default]
    Starting,
    /// Working.
    Running,
    /// Takes nothing because its configuration or an operator says so.
    Paused,
    /// Takes nothing but a probe now and then, because something outside does not answer.
    BreakerOpen,
    /// Takes nothing because it was restarted too often.
    Degraded,
    /// The node is shutting down.
    Stopped,
}

impl State {
    /// The word on the wire and in stats.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::BreakerOpen => "breaker_open",
            Self::Degraded => "degraded",
            Self::Stopped => "stopped",
        }
    }
}

/// How a worker stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// What it is up to.
    pub state: State,
    /// Runs that run.
    pub running: usize,
    /// Deliveries of its retry queue that it has leased.
    pub leased: usize,
    /// Whether there is nothing to do now: everything read, everything settled, nothing due.
    pub is_idle: bool,
    /// Everything up to here is finished, per log.
    pub settled: BTreeMap<Epoch, u64>,
    /// Events that are committed and that it has not settled yet, over all logs it owns a cursor on, as far as it knows.
    pub lag: u64,
    /// How often it was restarted.
    pub restarts: u32,
    /// What went wrong last.
    pub last_error: Option<LastError>,
    /// How long the worker waits before it goes on after its last restart.
    pub backoff: Duration,
}

/// The last thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// When.
    pub at: Timestamp,
    /// What.
    pub message: String,
}

/// One worker's outside.
#[derive(Debug)]
pub struct Status {
    /// The worker's name.
    pub name: &'static str,
    /// The name its rows carry.
    pub subscription: String,
    /// What it does about an event.
    pub interest: fn(&EventKind) -> Interest,
    /// Whether it holds publications until they are approved.
    pub waits_for_approval: bool,
    /// Whether its cursors are kept with a node's own result.
    pub is_local: bool,
    /// How many runs may run side by side.
    pub batch: usize,
    /// How many deliveries ended how, and how long they took.
    pub stats: Stats,
    snapshot: Mutex<Snapshot>,
}

impl Status {
    pub(super) fn new<W: super::Worker>(subscription: String, settings: &Settings, is_local: bool) -> Self {
        Self {
            name: W::NAME,
            subscription,
            interest: W::interest,
            waits_for_approval: settings.wait_for_approval,
            is_local,
            batch: settings.batch,
            stats: Stats::default(),
            snapshot: Mutex::default(),
        }
    }

    /// The stats of this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot.lock().clone()
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Snapshot)) {
        change(&mut self.snapshot.lock());
    }
}
