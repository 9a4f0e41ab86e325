//! Whether the clock can be believed. What is deleted by its age must not go because a clock was wrong for a while: after a start
//! and after a jump it has to run evenly for an hour first.

use std::time::{Duration, Instant};

use crate::domain::Timestamp;

/// How long a clock must have run evenly.
const LONG_ENOUGH: Duration = Duration::from_secs(60 * 60);
/// What it may be off between two looks.
const SLACK: Duration = Duration::from_secs(60);

/// Holds the clock against the time that really passes.
#[derive(Debug)]
pub(super) struct ClockMonitor {
    since: Instant,
    last: (Instant, Timestamp),
}

impl ClockMonitor {
    /// Begins to watch a clock that shows `now`.
    pub(super) fn new(instant: Instant, now: Timestamp) -> Self {
        Self { since: instant, last: (instant, now) }
    }

    /// Looks at the clock; says whether it can be believed.
    pub(super) fn look(&mut self, instant: Instant, now: Timestamp) -> bool {
        let (before, shown) = self.last;
        let expected = shown.plus(instant.saturating_duration_since(before));
        if now.since(expected).max(expected.since(now)) > SLACK {
            tracing::warn!(%expected, %now, "the clock has jumped; nothing is deleted by its age for an hour");
            self.since = instant;
        }
        self.last = (instant, now);
        instant.saturating_duration_since(self.since) >= LONG_ENOUGH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_clock_is_believed_after_an_even_hour_and_not_after_a_jump() {
        let (begin, mut now) = (Instant::now(), Timestamp::from_millis(1_700_000_000_000));
        let mut clock_monitor = ClockMonitor::new(begin, now);
        let mut pass = |minutes: u32, jump: i64| {
            now = Timestamp::from_millis(now.plus(MINUTE * minutes).as_millis() + jump);
            now
        };
        assert!(!clock_monitor.look(begin + MINUTE, pass(1, 0)));
        assert!(clock_monitor.look(begin + MINUTE * 61, pass(60, 100)));
        // Fifteen days ahead, and back again: neither is believed.
        let days = 15 * 24 * 60 * 60 * 1_000;
        assert!(!clock_monitor.look(begin + MINUTE * 62, pass(1, days)));
        assert!(!clock_monitor.look(begin + MINUTE * 100, pass(38, 0)));
        assert!(!clock_monitor.look(begin + MINUTE * 101, pass(1, -days)));
        assert!(!clock_monitor.look(begin + MINUTE * 160, pass(59, 0)));
        assert!(clock_monitor.look(begin + MINUTE * 161, pass(1, 0)));
    }
}
