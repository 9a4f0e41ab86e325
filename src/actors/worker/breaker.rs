//! The breaker: an outage of something outside must not spend receives.

use std::time::Duration;

use crate::domain::Timestamp;

/// Transient failures in a row that open it.
const LIMIT: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Counts transient failures in a row; after five it opens, lets one probe through now and then, and closes when one works.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    in_a_row: u32,
    pauses: u32,
    opens_again: Option<Timestamp>,
    is_probing: bool,
    /// Whether what is outside has ever answered since the worker began.
    has_answered: bool,
}

impl Breaker {
    /// Whether a run may start now. While open, the one that may is the probe. A pause that is longer than any was made by a clock
    /// that has gone backwards since.
    pub(super) fn may_start(&self, now: Timestamp) -> bool {
        self.opens_again.is_none_or(|at| !self.is_probing && (now >= at || at.since(now) > LONGEST_PAUSE))
    }

    /// A run starts.
    pub(super) fn started(&mut self) {
        self.is_probing = self.is_open();
    }

    /// A run has worked, or failed through its own fault: what is outside answers.
    pub(super) fn answered(&mut self) {
        *self = Self { has_answered: true, ..Self::default() };
    }

    /// Whether what is outside answered the last one who asked: only then is the next transient failure a delivery's own.
    pub(super) fn is_outside_well(&self) -> bool {
        self.has_answered && self.in_a_row == 0
    }

    /// A run has failed transiently. Says whether that was parked by the breaker, so that no receive is spent.
    pub(super) fn failed(&mut self, now: Timestamp) -> bool {
        self.in_a_row += 1;
        if self.in_a_row < LIMIT {
            return false;
        }
        if !self.is_open() || self.is_probing {
            self.pause(now);
        }
        true
    }

    /// A run has ended without saying anything about what is outside. If it was the probe, another one follows.
    pub(super) fn said_nothing(&mut self, now: Timestamp) {
        if self.is_probing {
            self.pause(now);
        }
    }

    fn pause(&mut self, now: Timestamp) {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.pauses.min(6)).min(LONGEST_PAUSE);
        self.pauses += 1;
        self.opens_again = Some(now.plus(pause));
        self.is_probing = false;
    }

    /// Whether it is open.
    pub(super) fn is_open(&self) -> bool {
        self.opens_again.is_some()
    }

    /// When the next probe may start.
    pub(super) fn next_probe(&self) -> Option<Timestamp> {
        self.opens_again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_in_a_row_open_it_and_the_fifth_is_parked() {
        let mut breaker = Breaker::default();
        let now = Timestamp::from_millis(0);
        let parked: Vec<bool> = (0..6).map(|_| breaker.failed(now)).collect();
        assert_eq!(parked, [false, false, false, false, true, true]);
        assert!(!breaker.may_start(now));
    }

    #[test]
    fn one_probe_at_a_time_and_a_good_one_closes_it() {
        let mut breaker = Breaker::default();
        let now = Timestamp::from_millis(0);
        (0..5).for_each(|_| {
            breaker.failed(now);
        });
        let later = now.plus(Duration::from_secs(1));
        assert!(breaker.may_start(later));
        breaker.started();
        assert!(!breaker.may_start(later));
        breaker.answered();
        assert!(breaker.may_start(later) && !breaker.is_open());
    }

    #[test]
    fn a_failed_probe_doubles_the_pause() {
        let mut breaker = Breaker::default();
        let now = Timestamp::from_millis(0);
        (0..5).for_each(|_| {
            breaker.failed(now);
        });
        breaker.started();
        breaker.failed(now.plus(Duration::from_secs(1)));
        assert_eq!(breaker.next_probe(), Some(now.plus(Duration::from_secs(3))));
    }

    #[test]
    fn a_probe_that_says_nothing_is_followed_by_another() {
        let mut breaker = Breaker::default();
        let now = Timestamp::from_millis(0);
        (0..5).for_each(|_| {
            breaker.failed(now);
        });
        breaker.started();
        breaker.said_nothing(now);
        assert!(breaker.is_open() && breaker.may_start(now.plus(LONGEST_PAUSE)));
    }

    #[test]
    fn successes_in_between_keep_it_closed() {
        let mut breaker = Breaker::default();
        let now = Timestamp::from_millis(0);
        for _ in 0..20 {
            breaker.failed(now);
            breaker.failed(now);
            breaker.answered();
        }
        assert!(!breaker.is_open());
    }

    #[test]
    fn a_pause_made_by_a_clock_that_was_ahead_is_over_when_it_is_right_again() {
        let mut breaker = Breaker::default();
        for _ in 0..LIMIT {
            breaker.failed(Timestamp::from_millis(1_000_000_000));
        }
        assert!(!breaker.may_start(Timestamp::from_millis(1_000_000_000)));
        assert!(breaker.may_start(Timestamp::from_millis(5_000)));
    }
}
