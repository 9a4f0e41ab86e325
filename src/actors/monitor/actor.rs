//! The `MonitorActor`: looks at the node every second, and at the database less often.
//!
//! The database is read only when a worker has done something since, at most once a second, and never for more than one
//! twentieth of the time: 20,000 rows that wait must not cost more than a few hundred.

use std::time::{Duration, Instant};

use actix::prelude::*;

use super::watching::{Monitor, Sources};
use crate::{
    actors::worker::Ending,
    store::{self, DeadLetterCounts, LaneCounts, OverviewReads, Waiting},
};

/// How often the stats are looked at, and how often the database is read at most.
const EVERY: Duration = Duration::from_secs(1);
/// After a read so many times its duration passes before the next one.
const SPACING: u32 = 20;
/// What has just ended may be committed a little later: it is looked at again within this time.
const AFTERMATH: Duration = Duration::from_secs(2);
/// An idle node is read so often, because others may have changed something.
const IDLE: Duration = Duration::from_secs(15);
/// How many causes of dead letters are shown.
const CAUSES: usize = 20;
/// Changes of the resident memory below this are noise, in bytes.
const NOISE: u64 = 8 << 20;

/// The actor.
pub struct MonitorActor {
    monitor: Monitor,
    reads: OverviewReads,
    is_alone: bool,
    is_following: bool,
    followed_at: Instant,
    reading: Reading,
}

/// When the database was read, and when it will be.
struct Reading {
    is_running: bool,
    /// Whether the last read failed; said once, not every second.
    has_failed: bool,
    not_before: Instant,
    last: Option<Instant>,
    activity: u64,
    active_at: Instant,
    /// How many dead letters there were when they were grouped.
    dead_letters: Option<DeadMark>,
}

/// Dead letters are grouped anew when this is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DeadMark {
    count: u64,
    /// How many this process has dead_lettered.
    dead_lettered: u64,
}

/// What a read has found.
struct Found {
    waiting: Vec<LaneCounts>,
    mark: DeadMark,
    /// `None` if they are as they were.
    dead_letters: Option<DeadLetterCounts>,
}

impl MonitorActor {
    /// Starts the actor on an arbiter. When the node `is_alone` nobody else changes its database.
    #[must_use]
    pub fn start(sources: Sources, reads: OverviewReads, is_alone: bool, arbiter: &ArbiterHandle) -> Monitor {
        let monitor = Monitor::new(sources);
        let shown = monitor.clone();
        Supervisor::start_in_arbiter(arbiter, move |_| Self {
            monitor: shown,
            reads,
            is_alone,
            is_following: false,
            followed_at: Instant::now(),
            reading: Reading::new(Instant::now()),
        });
        monitor
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        let memory = resident_bytes();
        self.monitor.count(|counted| counted.memory_bytes = settled_bytes(counted.memory_bytes, memory));
        self.monitor.publish();
        self.follow(ctx);
        self.read(ctx);
    }

    /// Does what operators have wanted on other nodes, or here by a request that was cut off between its commit and the worker.
    fn follow(&mut self, ctx: &mut Context<Self>) {
        let pause = if self.is_alone { IDLE } else { EVERY / 2 };
        if self.is_following || self.followed_at.elapsed() < pause {
            return;
        }
        (self.is_following, self.followed_at) = (true, Instant::now());
        let operations = self.monitor.operations().clone();
        let following = async move { operations.follow().await };
        ctx.spawn(following.into_actor(self).map(|followed, actor, _| {
            actor.is_following = false;
            if let Err(error) = followed {
                tracing::debug!(%error, "cannot ask what operators want on other nodes; trying again");
            }
        }));
    }

    fn read(&mut self, ctx: &mut Context<Self>) {
        let now = Instant::now();
        self.reading.note(self.monitor.activity(), now);
        if !self.reading.is_wanted(now, self.is_alone) {
            return;
        }
        (self.reading.is_running, self.reading.last) = (true, Some(now));
        let (reads, questions, known) = (self.reads.clone(), self.monitor.questions(), self.reading.dead_letters);
        let subscriptions: Vec<String> = questions.iter().map(|question| question.subscription.clone()).collect();
        let dead_lettered = self.dead_lettered();
        let reading = async move { find(&reads, &questions, known, dead_lettered).await };
        ctx.spawn(reading.into_actor(self).map(move |found, actor, _| {
            actor.reading.end(now);
            let has_failed = std::mem::replace(&mut actor.reading.has_failed, found.is_err());
            match found {
                Ok(found) => actor.put_up(subscriptions, found),
                Err(_) if has_failed => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot count what waits; the overview is out of date until that works")
                }
            }
        }));
    }

    fn put_up(&mut self, subscriptions: Vec<String>, found: Found) {
        self.reading.dead_letters = Some(found.mark);
        self.monitor.count(|counted| {
            counted.waiting = subscriptions.into_iter().zip(found.waiting).collect();
            if let Some(dead_letters) = found.dead_letters {
                counted.dead_letters = dead_letters;
            }
        });
        self.monitor.publish();
    }

    fn dead_lettered(&self) -> u64 {
        let workers = self.monitor.operations().workers().iter();
        workers.filter_map(|worker| worker.status.stats.totals().endings.get(&Ending::Dead).copied()).sum()
    }
}

impl Reading {
    fn new(now: Instant) -> Self {
        Self {
            is_running: false,
            has_failed: false,
            not_before: now,
            last: None,
            activity: 0,
            active_at: now,
            dead_letters: None,
        }
    }

    fn note(&mut self, activity: u64, now: Instant) {
        if activity != self.activity {
            (self.activity, self.active_at) = (activity, now);
        }
    }

    fn is_wanted(&self, now: Instant, is_alone: bool) -> bool {
        if self.is_running || now < self.not_before {
            return false;
        }
        let Some(last) = self.last else { return true };
        !is_alone || last < self.active_at + AFTERMATH || now.duration_since(last) >= IDLE
    }

    fn end(&mut self, began: Instant) {
        let now = Instant::now();
        self.is_running = false;
        self.not_before = now + EVERY.max(now.duration_since(began) * SPACING);
    }
}

async fn find(
    reads: &OverviewReads,
    questions: &[Waiting],
    known: Option<DeadMark>,
    dead_lettered: u64,
) -> store::Result<Found> {
    let waiting = reads.waiting(questions).await?;
    let mark = DeadMark { count: reads.count_dead_letters().await?, dead_lettered };
    let dead_letters = if known == Some(mark) { None } else { Some(reads.dead_letters(CAUSES).await?) };
    Ok(Found { waiting, mark, dead_letters })
}

/// What to show of the resident memory: the last value, until it has really changed.
fn settled_bytes(shown: Option<u64>, now: Option<u64>) -> Option<u64> {
    match (shown, now) {
        (Some(shown), Some(now)) if shown.abs_diff(now) < NOISE => Some(shown),
        (_, now) => now,
    }
}

/// Resident memory, as Linux tells it.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1_024)
}

impl Actor for MonitorActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.look(ctx);
        ctx.run_interval(EVERY, Self::look);
    }
}

impl Supervised for MonitorActor {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_node_is_read_now_and_then_and_a_busy_one_every_time() {
        let start = Instant::now();
        let mut reading = Reading::new(start);
        assert!(reading.is_wanted(start, true), "nothing was read yet");
        reading.last = Some(start + AFTERMATH);
        let later = start + AFTERMATH + EVERY;
        assert!(!reading.is_wanted(later, true), "nothing has happened");
        assert!(reading.is_wanted(later, false), "others may have done something");
        reading.note(1, later);
        assert!(reading.is_wanted(later, true));
        reading.last = Some(later + AFTERMATH);
        assert!(reading.is_wanted(later + AFTERMATH + IDLE, true));
    }

    #[test]
    fn reading_takes_at_most_a_twentieth_of_the_time() {
        let began = Instant::now() - Duration::from_secs(3);
        let mut reading = Reading::new(began);
        reading.is_running = true;
        assert!(!reading.is_wanted(Instant::now(), true), "one read at a time");
        reading.end(began);
        assert!(!reading.is_wanted(began + Duration::from_secs(60), true));
        assert!(reading.is_wanted(began + Duration::from_secs(70), true));
    }

    #[test]
    fn memory_is_shown_when_it_has_really_changed() {
        assert_eq!(settled_bytes(None, Some(100 << 20)), Some(100 << 20));
        assert_eq!(settled_bytes(Some(100 << 20), Some(101 << 20)), Some(100 << 20));
        assert_eq!(settled_bytes(Some(100 << 20), Some(120 << 20)), Some(120 << 20));
        assert_eq!(settled_bytes(Some(100 << 20), None), None);
    }
}
