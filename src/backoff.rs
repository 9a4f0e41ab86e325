//! Pauses between tries: each is twice as long as the one before, up to a limit.

use std::time::Duration;

use rand::RngExt;

/// An endless series of pauses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    next: Duration,
    longest: Duration,
    has_jitter: bool,
}

impl Backoff {
    /// Pauses that begin with `first` and double up to `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, next: first, longest, has_jitter: false }
    }

    /// Each pause is cut at random to between a half and the whole of it, so that those who met once do not meet again.
    #[must_use]
    pub const fn with_jitter(mut self) -> Self {
        self.has_jitter = true;
        self
    }

    /// Begins again with the first pause.
    pub const fn reset(&mut self) {
        self.next = self.first;
    }

    /// The next pause.
    pub fn pause(&mut self) -> Duration {
        let pause = self.next.min(self.longest);
        self.next = self.next.saturating_mul(2).min(self.longest);
        if self.has_jitter { pause.mul_f64(rand::rng().random_range(0.5..1.0)) } else { pause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(250);
    const LONGEST: Duration = Duration::from_secs(120);

    #[test]
    fn pauses_double_up_to_a_limit() {
        let mut backoff = Backoff::new(FIRST, LONGEST);
        assert_eq!(backoff.pause(), FIRST);
        assert_eq!((backoff.pause(), backoff.pause(), backoff.pause()), (FIRST * 2, FIRST * 4, FIRST * 8));
        assert_eq!((0..1_000).map(|_| backoff.pause()).max(), Some(LONGEST));
        backoff.reset();
        assert_eq!(backoff.pause(), FIRST);
    }

    #[test]
    fn jitter_shortens_a_pause_by_up_to_a_half() {
        let mut backoff = Backoff::new(LONGEST, LONGEST).with_jitter();
        for _ in 0..100 {
            let pause = backoff.pause();
            assert!(pause >= LONGEST / 2 && pause <= LONGEST, "{pause:?}");
        }
    }
}
