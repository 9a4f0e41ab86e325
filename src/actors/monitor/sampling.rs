//! Taking the sample.

use std::time::Instant;

use super::{
    sample::{Grouping, Sample, settled_bytes},
    watching::Monitor,
};
use crate::{
    actors::{
        housekeeping::expiry_horizon,
        worker::{Ending, Running},
    },
    domain::EventId,
    process,
    store::{self, Unsettled},
};

/// First events after a worker's cursors that are looked at for the oldest one.
const UNSETTLED: usize = 8;
/// How many causes of dead letters are shown.
const CAUSES: usize = 20;

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

    /// Whether Prometheus reads the sample.
    pub(super) fn is_scraped(&self) -> bool {
        self.sources().is_scraped
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

    /// Counts deliveries and dead letters, and publishes the counts. One count at a time, so that no older one replaces a newer one.
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
            let has_more = |epoch, settled| log_ends.get(epoch).is_none_or(|head| settled < *head);
            let unfinished = snapshot.settled.iter().rev().filter(|(epoch, settled)| has_more(epoch, **settled));
            let events = unfinished.map(|(epoch, settled)| EventId { epoch: *epoch, seq: settled + 1 });
            let limit = if snapshot.lag > 0 { UNSETTLED } else { 0 };
            Unsettled { subscription: worker.status.subscription.clone(), events: events.take(limit).collect() }
        };
        self.operations().workers().iter().map(unsettled).collect()
    }
}
