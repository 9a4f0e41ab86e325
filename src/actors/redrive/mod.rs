//! Redriving and discarding dead letters: jobs in the background, with a rate, that survive the process.
//!
//! An order becomes a row. The `RedriveActor` of some node owns the row by a lease and takes it forward in small steps, each of
//! which is one transaction; after a crash the next life, or another node, goes on from the last step.

mod actor;

use std::sync::Arc;

use actix::prelude::*;
use serde_json::json;

use super::{Error, Operations};
use crate::{
    clock::SharedClock,
    domain::{Actor, Audit, DeadLetterFilter, Job, JobId, JobKind, JobState, Subscription},
    store::{DeadLetterReads, Jobs},
};

pub use actor::RedriveActor;

/// What an operator wants to be done with dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What.
    pub kind: JobKind,
    /// To which.
    pub filter: DeadLetterFilter,
    /// To how many a second, at most.
    pub rate: u32,
}

/// What the `RedriveActor` works with.
#[derive(Clone)]
pub struct RedriveParts {
    /// The jobs' rows.
    pub jobs: Jobs,
    /// Counts dead letters.
    pub letters: DeadLetterReads,
    /// The workers, to be told that something is due.
    pub operations: Operations,
    /// The names of all workers that this program has, whether they run here or not.
    pub known: Arc<[&'static str]>,
    /// Who owns the jobs.
    pub node: String,
    /// Whether no other node shares the database.
    pub is_alone: bool,
    /// The time.
    pub clock: SharedClock,
}

impl RedriveParts {
    /// Whether anybody takes deliveries from a subscription: this program has the worker, and a subscription of one node's is this node's.
    fn serves(&self, subscription: &Subscription) -> bool {
        let is_here =
            || self.operations.workers().iter().any(|running| running.status.subscription == subscription.as_str());
        self.known.contains(&subscription.worker()) && (!subscription.is_local() || is_here())
    }
}

/// The handle on the `RedriveActor`, and on the jobs.
#[derive(Clone)]
pub struct Redrives {
    address: Addr<RedriveActor>,
    parts: RedriveParts,
}

impl Redrives {
    /// How many dead letters a filter lets through.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn matching(&self, filter: &DeadLetterFilter) -> Result<u64, Error> {
        Ok(self.parts.letters.count(filter).await?)
    }

    /// Writes an order down, with its row in the audit trail; some node begins with it at once.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn start(&self, order: Order, by: Actor) -> Result<Job, Error> {
        let at = self.parts.clock.now();
        let matched = self.parts.letters.count(&order.filter).await?;
        let millis = u64::try_from(at.as_millis()).unwrap_or(0);
        let job = Job {
            id: JobId::from_parts(millis, rand::random()),
            kind: order.kind,
            filter: order.filter,
            rate: order.rate,
            state: JobState::Running,
            matched,
            done: 0,
            skipped: 0,
            by: by.clone(),
            at,
            updated_at: at,
            error: None,
        };
        let detail = json!({"filter": described(&job.filter), "rate": job.rate, "matched": matched});
        let act = format!("dead_letters.{}", job.kind.as_str());
        self.parts.jobs.create(&job, &Audit { at, by, act, target: job.id.to_string(), detail }).await?;
        tracing::info!(job_id = %job.id, kind = job.kind.as_str(), matched, rate = job.rate, "a job on dead letters begins");
        self.wake();
        Ok(job)
    }

    /// Stops a job. What it has done until then stays done.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::JobEnded`], or when the database does not answer.
    pub async fn cancel(&self, id: JobId, by: Actor) -> Result<Job, Error> {
        let job = self.job(id).await?;
        let (at, target) = (self.parts.clock.now(), id.to_string());
        let detail = json!({"kind": job.kind.as_str(), "done": job.done});
        let audit = Audit { at, by, act: "job.cancel".to_owned(), target, detail };
        if !self.parts.jobs.cancel(id, &audit).await? {
            return Err(Error::JobEnded);
        }
        tracing::info!(job_id = %id, "a job on dead letters is cancelled");
        self.job(id).await
    }

    /// One job.
    ///
    /// # Errors
    /// [`Error::NotFound`], or when the database does not answer.
    pub async fn job(&self, id: JobId) -> Result<Job, Error> {
        self.parts.jobs.get(id).await?.ok_or(Error::NotFound)
    }

    /// Up to `limit` jobs, newest first, that are older than `before`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn jobs(&self, before: Option<JobId>, limit: usize) -> Result<Vec<Job>, Error> {
        Ok(self.parts.jobs.list(before, limit).await?)
    }

    /// Takes no further step, waits for those that run, and lets other nodes have the jobs.
    pub async fn finish(&self) {
        let _ = self.address.send(actor::Finish).await;
    }

    fn wake(&self) {
        if self.address.try_send(actor::Look).is_err() {
            tracing::debug!("the redrive actor does not listen; it will find the job by itself");
        }
    }
}

/// A filter for the audit trail: what was given, and whether that was everything.
fn described(filter: &DeadLetterFilter) -> serde_json::Value {
    json!({
        "ids": filter.ids.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "worker": filter.worker.as_ref().map(ToString::to_string),
        "cause": filter.cause.as_ref().map(ToString::to_string),
        "post": filter.post.map(|post| post.to_string()),
        "all": filter.is_empty(),
    })
}
