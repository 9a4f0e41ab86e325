//! The one sample of what only the database and the system know: the overview and Prometheus read the last one, and nobody else counts.

use std::time::{Duration, Instant};

use super::watching::Monitor;
use crate::{
    actors::{
        housekeeping::expiry_horizon,
        worker::{Ending, Running},
    },
    domain::{EventId, Timestamp},
    process,
    store::{self, Backlog, DeadLetterCounts, Unsettled},
};

/// First events after a worker's cursors that are looked at for the oldest one.
const UNSETTLED: usize = 8;
/// How many causes of dead letters are shown.
const CAUSES: usize = 20;
/// Dead letters are grouped at least so often, whatever their number says.
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
    grouped: Option<Grouping>,
}

/// When the dead letters were grouped, and what was known of them then.
#[derive(Debug, Clone, Copy)]
struct Grouping {
    at: Instant,
    count: u64,
    /// How many this process had dead-lettered.
    dead_lettered: u64,
}

impl Monitor {
    /// What was counted last.
    #[must_use]
    pub fn last_sample(&self) -> Sample {
        self.sample().clone()
    }

    /// Counts everything at once. When the database does not answer, the last counts stay.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn take_sample(&self) -> store::Result<()> {
        self.ask_readiness().await;
        self.count().await
    }

    /// Asks whether the node can do its work.
    pub(super) async fn ask_readiness(&self) {
        let is_ready = self.sources().health.reasons().await.is_empty();
        self.sample().is_ready = Some(is_ready);
    }

    /// Looks at the process.
    pub(super) fn measure(&self) {
        let memory = process::resident_bytes();
        let mut sample = self.sample();
        sample.memory_bytes = settled_bytes(sample.memory_bytes, memory);
    }

    /// Counts what stands in the database, and puts it up. One at a time, so that no older count replaces a newer one.
    pub(super) async fn count(&self) -> store::Result<()> {
        let _alone = self.counting().await;
        let sources = self.sources();
        let now = sources.clock.now();
        let dead_lettered = self.dead_lettered();
        let horizon = expiry_horizon(now, sources.retention);
        let backlog = sources.backlog.read(&self.unsettled(), horizon).await?;
        let grouping = Grouping { at: Instant::now(), count: backlog.dead_letters, dead_lettered };
        let known = self.sample().grouped;
        let groups = match known {
            Some(known) if known.still_holds(&grouping) => None,
            _ => Some(sources.backlog.dead_letters(CAUSES).await?),
        };
        let mut sample = self.sample();
        sample.counted_at = Some(now);
        sample.backlog = backlog;
        if let Some(groups) = groups {
            sample.dead_letters = groups;
            sample.grouped = Some(grouping);
        }
        drop(sample);
        self.publish();
        Ok(())
    }

    /// Changes whenever a worker has done something that the database could show.
    pub(super) fn activity(&self) -> u64 {
        let activity = |worker: &Running| {
            let runs: u64 = worker.status.stats.totals().endings.values().sum();
            let snapshot = worker.status.snapshot();
            let settled = snapshot.settled.values().fold(0_u64, |sum, settled| sum.wrapping_add(*settled));
            runs.wrapping_add(settled).wrapping_add(snapshot.lag)
        };
        self.operations().workers().iter().map(activity).fold(0, u64::wrapping_add)
    }

    fn dead_lettered(&self) -> u64 {
        let workers = self.operations().workers().iter();
        workers.filter_map(|worker| worker.status.stats.totals().endings.get(&Ending::Dead).copied()).sum()
    }

    /// What to ask the database about each worker.
    fn unsettled(&self) -> Vec<Unsettled> {
        let log_ends = self.sources().log_ends.all();
        let unsettled = |worker: &Running| {
            let snapshot = worker.status.snapshot();
            // The end of a log that others have written is not known here, so it is asked for whenever there is a lag.
            let is_behind = |epoch, settled| log_ends.get(epoch).is_none_or(|head| settled < *head);
            let behind = snapshot.settled.iter().rev().filter(|(epoch, settled)| is_behind(epoch, **settled));
            let events = behind.map(|(epoch, settled)| EventId { epoch: *epoch, seq: settled + 1 });
            let limit = if snapshot.lag > 0 { UNSETTLED } else { 0 };
            Unsettled { subscription: worker.status.subscription.clone(), events: events.take(limit).collect() }
        };
        self.operations().workers().iter().map(unsettled).collect()
    }
}

impl Grouping {
    /// Whether what was grouped then is what would be grouped now, as far as numbers tell.
    fn still_holds(&self, now: &Self) -> bool {
        let is_same = self.count == now.count && self.dead_lettered == now.dead_lettered;
        is_same && now.at.duration_since(self.at) < REGROUP
    }
}

/// What to show of the resident memory: the last value, until it has really changed.
fn settled_bytes(shown: Option<u64>, now: Option<u64>) -> Option<u64> {
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
