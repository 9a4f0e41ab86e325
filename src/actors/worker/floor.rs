//! How far back a claim has to look.

use std::time::{Duration, Instant};

use crate::domain::Timestamp;

/// Nothing is due before this, because everything was claimed: spares claims the index entries of finished rows. Forgotten
/// every half minute, in case a clock went backwards.
#[derive(Debug, Default)]
pub(super) struct Floor {
    due: Timestamp,
    since: Option<Instant>,
}

impl Floor {
    const LIFETIME: Duration = Duration::from_secs(30);

    /// Where a claim at `now` begins.
    pub(super) fn at(&mut self, now: Timestamp) -> Timestamp {
        if self.since.is_some_and(|since| since.elapsed() > Self::LIFETIME) || self.due > now {
            *self = Self::default();
        }
        self.due
    }

    /// Everything due until now was claimed.
    pub(super) fn raise(&mut self, now: Timestamp) {
        self.since.get_or_insert_with(Instant::now);
        self.due = self.due.max(now.minus(Duration::from_millis(1)));
    }

    /// Something is due at this moment, which may have passed already.
    pub(super) fn lower(&mut self, due: Timestamp) {
        self.due = self.due.min(due.minus(Duration::from_millis(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_late_is_not_overlooked() {
        let mut floor = Floor::default();
        floor.raise(Timestamp::from_millis(10_000));
        floor.lower(Timestamp::from_millis(7_000));
        assert!(floor.at(Timestamp::from_millis(11_000)) < Timestamp::from_millis(7_000));
    }

    #[test]
    fn a_clock_that_went_backwards_lowers_it() {
        let mut floor = Floor::default();
        floor.raise(Timestamp::from_millis(10_000));
        assert_eq!(floor.at(Timestamp::from_millis(5_000)), Timestamp::default());
    }
}
