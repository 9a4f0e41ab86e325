//! The `RedriveActor`: finds jobs and takes them forward, each at its own rate. It coordinates only; every step is a
//! transaction on the work runtime.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use actix::prelude::*;
use tokio::sync::oneshot;

use super::{RedriveParts, Redrives};
use crate::{
    domain::{Job, JobId, JobState},
    store::{self, Step, Stepped},
};

/// How often it looks for jobs that nobody owns.
const POLL: Duration = Duration::from_secs(1);
/// How long a job stays its own without a step.
const LEASE: Duration = Duration::from_secs(15);
/// Steps a second; at a higher rate a step moves more letters.
const STEPS: u32 = 10;
/// How long after a failed step the next try is made.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The actor that redrives and discards.
pub struct RedriveActor {
    parts: RedriveParts,
    /// The jobs that go on here.
    active: HashSet<JobId>,
    /// Steps and looks that run now.
    running: usize,
    is_stopping: bool,
    finished: Vec<oneshot::Sender<()>>,
}

/// There may be a new job.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Look;

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Finish;

/// A job as the actor needs it.
#[derive(Debug, Clone, Copy)]
struct Pace {
    job: JobId,
    /// Letters per step.
    letters: u32,
    /// From the beginning of one step to that of the next.
    every: Duration,
}

impl From<&Job> for Pace {
    fn from(job: &Job) -> Self {
        let rate = job.rate.max(1);
        let letters = rate.div_ceil(STEPS);
        Self { job: job.id, letters, every: Duration::from_secs(1).mul_f64(f64::from(letters) / f64::from(rate)) }
    }
}

impl RedriveActor {
    /// Starts the actor on an arbiter.
    #[must_use]
    pub fn start(parts: RedriveParts, arbiter: &ArbiterHandle) -> Redrives {
        let own = parts.clone();
        let address = Supervisor::start_in_arbiter(arbiter, move |_| Self {
            parts: own,
            active: HashSet::new(),
            running: 0,
            is_stopping: false,
            finished: Vec::new(),
        });
        Redrives { address, parts }
    }

    /// Takes the jobs that are this node's, or nobody's.
    fn look(&mut self, ctx: &mut Context<Self>) {
        if self.is_stopping {
            return;
        }
        // Counted as a step: what it takes over after the end would have to wait for its lease.
        self.running += 1;
        let parts = self.parts.clone();
        let looking = async move { parts.jobs.take_over(&parts.node, parts.clock.now(), LEASE, parts.is_alone).await };
        ctx.spawn(looking.into_actor(self).map(|found, actor, ctx| {
            actor.running -= 1;
            match found {
                Ok(jobs) => {
                    for pace in jobs.iter().map(Pace::from) {
                        if actor.active.insert(pace.job) {
                            actor.step(pace, ctx);
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "cannot look for jobs on dead letters; trying again"),
            }
            actor.end_if_idle(ctx);
        }));
    }

    fn look_and_again(&mut self, ctx: &mut Context<Self>) {
        self.look(ctx);
        ctx.run_later(POLL, Self::look_and_again);
    }

    fn step(&mut self, pace: Pace, ctx: &mut Context<Self>) {
        if self.is_stopping {
            self.active.remove(&pace.job);
            return;
        }
        self.running += 1;
        let (parts, began) = (self.parts.clone(), Instant::now());
        let stepping = async move { take_step(&parts, pace).await };
        ctx.spawn(stepping.into_actor(self).map(move |stepped, actor, ctx| {
            actor.running -= 1;
            match actor.next(pace, stepped, began.elapsed()) {
                Some(pause) => {
                    ctx.run_later(pause, move |actor, ctx| actor.step(pace, ctx));
                }
                None => {
                    actor.active.remove(&pace.job);
                }
            }
            actor.end_if_idle(ctx);
        }));
    }

    /// When the next step is taken, if one is.
    fn next(&self, pace: Pace, stepped: store::Result<Stepped>, took: Duration) -> Option<Duration> {
        match stepped {
            Ok(Stepped::Committed { state, subscriptions }) => {
                subscriptions.iter().for_each(|subscription| self.parts.operations.wake(subscription.as_str()));
                if state == JobState::Running {
                    return Some(pace.every.saturating_sub(took));
                }
                tracing::info!(job_id = %pace.job, "a job on dead letters is done");
                None
            }
            Ok(Stepped::Again) => Some(pace.every),
            Ok(Stepped::Lost) => None,
            Err(error @ store::Error::Corrupt(_)) => {
                tracing::error!(job_id = %pace.job, %error, "a job on dead letters cannot go on");
                None
            }
            Err(error) => {
                tracing::warn!(job_id = %pace.job, %error, "a step of a job on dead letters failed; trying again");
                Some(AFTER_FAILURE)
            }
        }
    }

    fn end_if_idle(&mut self, ctx: &mut Context<Self>) {
        if !self.is_stopping || self.running > 0 || self.finished.is_empty() {
            return;
        }
        let (finished, parts) = (std::mem::take(&mut self.finished), self.parts.clone());
        let releasing = async move {
            if let Err(error) = parts.jobs.release(&parts.node).await {
                tracing::debug!(%error, "jobs could not be given back; their leases will run out");
            }
            for done in finished {
                let _ = done.send(());
            }
        };
        ctx.spawn(releasing.into_actor(self));
    }
}

async fn take_step(parts: &RedriveParts, pace: Pace) -> store::Result<Stepped> {
    let now = parts.clock.now();
    let is_served = |subscription: &crate::domain::Subscription| parts.serves(subscription);
    let step = Step {
        job: pace.job,
        node: &parts.node,
        now,
        lease_until: now.plus(LEASE),
        limit: usize::try_from(pace.letters).unwrap_or(1),
        is_served: &is_served,
    };
    let stepped = parts.jobs.step(&step).await;
    if let Err(error @ store::Error::Corrupt(_)) = &stepped {
        parts.jobs.fail(pace.job, &error.to_string(), now).await?;
    }
    stepped
}

impl Actor for RedriveActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.look_and_again(ctx);
    }
}

impl Supervised for RedriveActor {}

impl Handler<Look> for RedriveActor {
    type Result = ();

    fn handle(&mut self, _: Look, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}

impl Handler<Finish> for RedriveActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Finish, ctx: &mut Self::Context) -> Self::Result {
        let (done, finished) = oneshot::channel();
        self.is_stopping = true;
        self.finished.push(done);
        self.end_if_idle(ctx);
        Box::pin(async move {
            let _ = finished.await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AccountId, Actor, DeadLetterFilter, JobKind, Timestamp};

    fn pace(rate: u32) -> (u32, Duration) {
        let by = Actor { account: AccountId::generate(), handle: "ada".to_owned() };
        let (at, id) = (Timestamp::default(), JobId::generate());
        let (kind, filter, state) = (JobKind::Redrive, DeadLetterFilter::default(), JobState::Running);
        let (matched, done, skipped) = (0, 0, 0);
        let job = Job { id, kind, filter, rate, state, matched, done, skipped, by, at, updated_at: at, error: None };
        let pace = Pace::from(&job);
        (pace.letters, pace.every)
    }

    #[test]
    fn no_more_letters_a_second_than_the_rate_says() {
        assert_eq!(pace(1), (1, Duration::from_secs(1)));
        assert_eq!(pace(10), (1, Duration::from_millis(100)));
        assert_eq!(pace(500), (50, Duration::from_millis(100)));
        for rate in 1..=500 {
            let (letters, every) = pace(rate);
            assert!((f64::from(letters) / every.as_secs_f64() - f64::from(rate)).abs() < 0.001, "{rate}");
        }
    }
}
