//! The one sample of what only the database and the system know. The overview and Prometheus read the last one; nothing else
//! counts.

use std::time::{Duration, Instant};

use crate::{
    domain::Timestamp,
    store::{Backlog, DeadLetterCounts},
};

/// Dead letters are grouped again after this time, even if their number is the same.
const REGROUP: Duration = Duration::from_secs(60);
/// Changes of the resident memory below this are noise, in bytes.
const NOISE: u64 = 8 << 20;

/// What was counted last.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// When the database was counted; `None` before the first time.
    pub counted_at: Option<Timestamp>,
    /// Whether the node could do its work, when that was asked last.
    pub is_ready: Option<bool>,
    /// Resident memory, in bytes, as of its last change by more than a little; `None` where the system does not tell.
    pub memory_bytes: Option<u64>,
    /// The retry queues.
    pub backlog: Backlog,
    /// The dead letters.
    pub dead_letters: DeadLetterCounts,
    pub(super) grouped: Option<Grouping>,
}

/// When the dead letters were grouped, and what was known of them then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grouping {
    pub(super) at: Instant,
    pub(super) count: u64,
    /// How many this process had dead-lettered.
    pub(super) dead_lettered: u64,
}

impl Grouping {
    /// Whether what was grouped then is what would be grouped now, as far as numbers tell.
    pub(super) fn still_holds(&self, now: &Self) -> bool {
        let is_same = self.count == now.count && self.dead_lettered == now.dead_lettered;
        is_same && now.at.duration_since(self.at) < REGROUP
    }
}

/// What to show of the resident memory: the last value, until it has really changed.
pub(super) fn settled_bytes(shown: Option<u64>, now: Option<u64>) -> Option<u64> {
    match (shown, now) {
        (Some(shown), Some(now)) if shown.abs_diff(now) < NOISE => Some(shown),
        (_, now) => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_shown_when_it_has_really_changed() {
        assert_eq!(settled_bytes(None, Some(100 << 20)), Some(100 << 20));
        assert_eq!(settled_bytes(Some(100 << 20), Some(101 << 20)), Some(100 << 20));
        assert_eq!(settled_bytes(Some(100 << 20), Some(120 << 20)), Some(120 << 20));
        assert_eq!(settled_bytes(Some(100 << 20), None), None);
    }

    #[test]
    fn dead_letters_are_grouped_again_when_something_has_changed_and_once_a_minute() {
        let grouping = |at, count, dead_lettered| Grouping { at, count, dead_lettered };
        let (start, soon) = (Instant::now(), Instant::now() + REGROUP / 2);
        assert!(grouping(start, 2, 1).still_holds(&grouping(soon, 2, 1)));
        assert!(!grouping(start, 2, 1).still_holds(&grouping(soon, 3, 1)));
        assert!(!grouping(start, 2, 1).still_holds(&grouping(soon, 2, 2)), "one has come and one has gone");
        assert!(!grouping(start, 2, 1).still_holds(&grouping(start + REGROUP, 2, 1)));
    }
}
