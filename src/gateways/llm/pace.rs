//! Limits how fast a provider is called: a number of calls per second, and none while it asks to wait.
//!
//! A long post needs several calls, so it reserves the start times of all of them at once or none. If it reserved them
//! one by one, many long posts would block each other halfway, after some calls were already paid for.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{domain::Timestamp, gateways::Error};

/// Hands out times at which calls may start.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    next: Option<Instant>,
    /// The provider wants no calls until then, by the clock that snoozed deliveries use.
    held_until: Timestamp,
}

/// The times at which one post's calls may start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Starts {
    first: Instant,
    interval: Duration,
}

impl Pace {
    pub(super) fn new(calls_per_second: u32) -> Self {
        let interval = Duration::from_secs(1).checked_div(calls_per_second).unwrap_or(Duration::from_secs(1));
        let state = State { next: None, held_until: Timestamp::from_millis(0) };
        Self { interval, state: Mutex::new(state) }
    }

    /// Reserves start times for this many calls, the last one within `window` from `present` unless no other call is
    /// waiting.
    ///
    /// # Errors
    /// `RateLimited`, with the time to wait, if others have reserved them or the provider wants no calls.
    pub(super) fn reserve(
        &self,
        calls: usize,
        window: Duration,
        present: Instant,
        now: Timestamp,
    ) -> Result<Starts, Error> {
        let mut state = self.state.lock();
        if state.held_until > now {
            return Err(Error::RateLimited { retry_after: state.held_until.since(now) });
        }
        let first = state.next.map_or(present, |next| next.max(present));
        let length = self.interval.saturating_mul(u32::try_from(calls).unwrap_or(u32::MAX));
        let last = first.duration_since(present) + length.saturating_sub(self.interval);
        if first > present && last > window {
            return Err(Error::RateLimited { retry_after: (last - window).max(Duration::from_secs(1)) });
        }
        state.next = Some(first + length);
        Ok(Starts { first, interval: self.interval })
    }

    /// Allows no calls for a while.
    pub(super) fn hold(&self, pause: Duration, now: Timestamp) {
        let mut state = self.state.lock();
        state.held_until = state.held_until.max(now.plus(pause));
    }
}

impl Starts {
    /// When the call with this number (from 0) may start.
    pub(super) fn of(self, call: usize) -> Instant {
        self.first + self.interval.saturating_mul(u32::try_from(call).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(12);

    fn reserve(pace: &Pace, calls: usize, present: Instant) -> Result<Starts, Error> {
        pace.reserve(calls, WINDOW, present, Timestamp::from_millis(0))
    }

    #[test]
    fn calls_start_at_the_set_pace() {
        let (pace, begin) = (Pace::new(5), Instant::now());
        let starts = reserve(&pace, 2, begin).unwrap();
        let next = reserve(&pace, 1, begin).unwrap();
        let millis = |start: Instant| (start - begin).as_millis();
        assert_eq!([millis(starts.of(0)), millis(starts.of(1)), millis(next.of(0))], [0, 200, 400]);
        let later = begin + Duration::from_secs(60);
        assert_eq!(reserve(&pace, 1, later).unwrap().of(0), later, "who comes later does not wait");
    }

    #[test]
    fn a_post_gets_all_its_starts_or_none() {
        let (pace, begin) = (Pace::new(5), Instant::now());
        reserve(&pace, 50, begin).unwrap();
        let Err(Error::RateLimited { retry_after }) = reserve(&pace, 20, begin) else { panic!("it was let in") };
        assert_eq!(retry_after, Duration::from_millis(1_800));
        assert!(reserve(&pace, 5, begin).is_ok(), "a shorter one still fits");
    }

    #[test]
    fn a_post_too_long_for_the_window_is_let_in_when_nobody_is_in_the_way() {
        let (pace, begin) = (Pace::new(1), Instant::now());
        assert!(reserve(&pace, 100, begin).is_ok());
        assert!(reserve(&pace, 100, begin).is_err());
    }

    #[test]
    fn nobody_calls_while_the_provider_wants_none() {
        let (pace, begin, now) = (Pace::new(5), Instant::now(), Timestamp::from_millis(0));
        pace.hold(Duration::from_secs(7), now);
        pace.hold(Duration::from_secs(3), now);
        let wait = Error::RateLimited { retry_after: Duration::from_secs(7) };
        assert_eq!(reserve(&pace, 1, begin).unwrap_err(), wait);
        assert!(pace.reserve(1, WINDOW, begin, now.plus(Duration::from_secs(7))).is_ok());
    }
}
