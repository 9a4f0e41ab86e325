//! How far back a claim has to look.

use std::time::{Duration, Instant};

use crate::domain::Timestamp;

/// Nothing is due before this, because everything was claimed: spares claims the index entries of finished rows. Forgotten
/// every half minute, in case a clock went backwards.
#[derive(Debug, Default)]
pub(super) struct Floor {
    due: Timestamp,
    since: Option<Instant>,
    /// The earliest of what has become due since the claim that runs began: it may not have seen it.
    unseen: Option<Timestamp>,
}

impl Floor {
    const LIFETIME: Duration = Duration::from_secs(30);

    /// A claim at `now` begins; this is how far back it looks.
    pub(super) fn at(&mut self, now: Timestamp) -> Timestamp {
        if self.since.is_some_and(|since| since.elapsed() > Self::LIFETIME) || self.due > now {
            *self = Self::default();
        }
        self.unseen = None;
        self.due
    }

    /// The claim at `now` found everything that was due until then, except what was committed while it looked.
    pub(super) fn raise(&mut self, now: Timestamp) {
        self.since.get_or_insert_with(Instant::now);
        let due = self.unseen.map_or(now, |unseen| unseen.min(now));
        self.due = self.due.max(due.minus(Duration::from_millis(1)));
    }

    /// Something is due at this moment, which may have passed already.
    pub(super) fn lower(&mut self, due: Timestamp) {
        self.due = self.due.min(due.minus(Duration::from_millis(1)));
        self.unseen = Some(self.unseen.map_or(due, |unseen| unseen.min(due)));
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
    fn what_becomes_due_while_a_claim_looks_is_not_overlooked() {
        let mut floor = Floor::default();
        floor.at(Timestamp::from_millis(10_000));
        floor.lower(Timestamp::from_millis(7_000));
        floor.raise(Timestamp::from_millis(10_000));
        assert!(floor.at(Timestamp::from_millis(11_000)) < Timestamp::from_millis(7_000));
    }

    #[test]
    fn a_clock_that_went_backwards_lowers_it() {
        let mut floor = Floor::default();
        floor.raise(Timestamp::from_millis(10_000));
        assert_eq!(floor.at(Timestamp::from_millis(5_000)), Timestamp::default());
    }
}
