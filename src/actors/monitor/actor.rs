//! The `MonitorActor`: looks at the node every second, and at the database less often.
//!
//! The database is read only when a worker has done something since, at most once a second, and never for more than one
//! twentieth of the time: 20,000 rows that wait must not cost more than a few hundred.

use std::time::{Duration, Instant};

use actix::prelude::*;

use super::watching::{Monitor, Sources};

/// How often the stats are looked at, and how often the database is read at most.
const EVERY: Duration = Duration::from_secs(1);
/// After a read so many times its duration passes before the next one.
const SPACING: u32 = 20;
/// What has just ended may be committed a little later: it is looked at again within this time.
const AFTERMATH: Duration = Duration::from_secs(2);
/// An idle node is read so often, because others may have changed something; and so often it is asked whether it is ready.
const IDLE: Duration = Duration::from_secs(10);
/// How often an idle node asks what operators have wanted.
const FOLLOW_IDLE: Duration = Duration::from_secs(15);

/// The actor.
pub struct MonitorActor {
    monitor: Monitor,
    is_alone: bool,
    is_following: bool,
    followed_at: Instant,
    asked_at: Option<Instant>,
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
}

impl MonitorActor {
    /// Starts the actor on an arbiter. When the node `is_alone` nobody else changes its database.
    #[must_use]
    pub fn start(sources: Sources, is_alone: bool, arbiter: &ArbiterHandle) -> Monitor {
        let monitor = Monitor::new(sources);
        let shown = monitor.clone();
        Supervisor::start_in_arbiter(arbiter, move |_| Self {
            monitor: shown,
            is_alone,
            is_following: false,
            followed_at: Instant::now(),
            asked_at: None,
            reading: Reading::new(Instant::now()),
        });
        monitor
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        self.monitor.measure();
        self.monitor.publish();
        self.follow(ctx);
        self.ask_readiness(ctx);
        self.read(ctx);
    }

    /// Does what operators have wanted on other nodes, or here by a request that was cut off between its commit and the worker.
    fn follow(&mut self, ctx: &mut Context<Self>) {
        let pause = if self.is_alone { FOLLOW_IDLE } else { EVERY / 2 };
        if self.is_following || self.followed_at.elapsed() < pause {
            return;
        }
        self.is_following = true;
        self.followed_at = Instant::now();
        let operations = self.monitor.operations().clone();
        let following = async move { operations.follow().await };
        ctx.spawn(following.into_actor(self).map(|followed, actor, _| {
            actor.is_following = false;
            if let Err(error) = followed {
                tracing::debug!(%error, "cannot ask what operators want on other nodes; trying again");
            }
        }));
    }

    fn ask_readiness(&mut self, ctx: &mut Context<Self>) {
        if !self.monitor.is_scraped() || self.asked_at.is_some_and(|at| at.elapsed() < IDLE) {
            return;
        }
        self.asked_at = Some(Instant::now());
        let monitor = self.monitor.clone();
        ctx.spawn(async move { monitor.ask_readiness().await }.into_actor(self));
    }

    fn read(&mut self, ctx: &mut Context<Self>) {
        let now = Instant::now();
        self.reading.note(self.monitor.activity(), now);
        if !self.reading.is_wanted(now, self.is_alone) {
            return;
        }
        self.reading.is_running = true;
        self.reading.last = Some(now);
        let monitor = self.monitor.clone();
        let counting = async move { monitor.count().await };
        ctx.spawn(counting.into_actor(self).map(move |counted, actor, _| {
            actor.reading.end(now);
            let has_failed = std::mem::replace(&mut actor.reading.has_failed, counted.is_err());
            if let Err(error) = counted
                && !has_failed
            {
                tracing::warn!(%error, "cannot count what waits; the overview is out of date until that works");
            }
        }));
    }
}

impl Reading {
    fn new(now: Instant) -> Self {
        Self { is_running: false, has_failed: false, not_before: now, last: None, activity: 0, active_at: now }
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
}
