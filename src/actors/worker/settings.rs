//! What the engine is told about one worker.

use std::time::Duration;

/// The settings of one worker, from `[workers.<name>]`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Events that may wait in memory.
    pub mailbox: usize,
    /// Runs that run side by side.
    pub batch: usize,
    /// After this a run is cancelled.
    pub timeout: Duration,
    /// After this a delivery whose worker vanished is taken by another.
    pub visibility_timeout: Duration,
    /// After so many failed receives a delivery is a dead letter.
    pub max_receives: u32,
    /// The first backoff; doubled with each receive, with full jitter, at most the visibility timeout.
    pub backoff: Duration,
    /// Whether publications wait for their approval.
    pub wait_for_approval: bool,
    /// Whether the worker takes nothing.
    pub is_paused: bool,
    /// Where a worker begins on a log it has no cursor on: at its beginning, or at its end.
    pub begins_at_the_beginning: bool,
}
