//! Jobs on dead letters: their rows, and who carries them out. What a job does is in `step`.

mod step;

use std::time::Duration;

use surrealdb::types::{RecordId, SurrealValue};

use super::{
    Error, Guard, Result, Store, audit,
    batch::{Batch, Change, Then},
    keys::{self, parts},
    query::Query,
};
use crate::domain::{Actor, Audit, DeadLetterFilter, Job, JobId, JobKind, JobState, Timestamp};

pub use step::{Step, Stepped};

/// Reads, starts, stops and carries out jobs.
#[derive(Clone)]
pub struct Jobs {
    store: Store,
}

#[derive(Debug, SurrealValue)]
pub(super) struct JobRow {
    id: RecordId,
    kind: String,
    ids: Vec<String>,
    worker: Option<String>,
    cause: Option<String>,
    post: Option<String>,
    rate: i64,
    state: String,
    matched: i64,
    done: i64,
    skipped: i64,
    error: Option<String>,
    by: String,
    handle: String,
    at: i64,
    updated_at: i64,
    /// The place of the last letter that was looked at.
    after: String,
    owner: String,
    lease_until: i64,
}

impl Jobs {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Writes a new job that nobody owns yet, together with its row in the audit trail.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn create(&self, job: &Job, audit: &Audit) -> Result<()> {
        let mut batch = Batch::default();
        batch.create("job", JobRow::from(job));
        audit::put(&mut batch, audit);
        self.store.commit(batch).await
    }

    /// One job.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn get(&self, id: JobId) -> Result<Option<Job>> {
        self.row(id).await?.map(JobRow::into_job).transpose()
    }

    /// Up to `limit` jobs, newest first, that are older than `before`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn list(&self, before: Option<JobId>, limit: usize) -> Result<Vec<Job>> {
        let from = before.map_or_else(|| parts![i64::MIN, ""], key);
        let range = keys::range("job", from, before.is_some(), parts![i64::MAX, ""]);
        let rows: Vec<JobRow> = self.store.rows(self.store.page(range, limit).await?).await?;
        rows.into_iter().map(JobRow::into_job).collect()
    }

    /// Stops a job; says whether it was running.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn cancel(&self, id: JobId, audit: &Audit) -> Result<bool> {
        let mut batch = Batch::default();
        let cancelled = JobState::Cancelled.as_str().into_value();
        let then = Then::set([("state", cancelled), ("updated_at", audit.at.as_millis().into_value())]);
        let running = ("state", JobState::Running.as_str().into_value());
        batch.change(Change::guarded(job_id(id), [running], Guard::JobEnded, then));
        audit::put(&mut batch, audit);
        match self.store.commit(batch).await {
            Ok(_) => Ok(true),
            Err(Error::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A job cannot go on.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn fail(&self, id: JobId, why: &str, now: Timestamp) -> Result<()> {
        let text =
            "UPDATE $id SET state = 'failed', error = $why, updated_at = $now WHERE state = 'running' RETURN NONE";
        let query = Query::new(text).bind("id", job_id(id)).bind("why", why.to_owned()).bind("now", now.as_millis());
        self.store.write(query).await.map(drop)
    }

    /// The running jobs that are this node's now: its own, and those that nobody owns any more: all of them when `is_alone`,
    /// else those whose lease has run out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn take_over(&self, node: &str, now: Timestamp, lease: Duration, is_alone: bool) -> Result<Vec<Job>> {
        let running = Query::new("SELECT * FROM job WHERE state = 'running'");
        let mut taken = Vec::new();
        for row in self.store.read(running).await?.rows::<JobRow>(0)? {
            if row.owner == node {
                taken.push(row.into_job()?);
                continue;
            }
            if !is_alone && row.lease_until > now.as_millis() {
                continue;
            }
            let claim = "UPDATE $id SET owner = $node, lease_until = $until \
                         WHERE state = 'running' AND owner = $was AND lease_until = $had RETURN AFTER";
            let claim = Query::new(claim)
                .bind("id", row.id)
                .bind("node", node.to_owned())
                .bind("until", now.plus(lease).as_millis())
                .bind("was", row.owner)
                .bind("had", row.lease_until);
            match self.store.write(claim).await.and_then(|mut answers| answers.row::<JobRow>(0)) {
                Ok(Some(row)) => taken.push(row.into_job()?),
                Ok(None) | Err(Error::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }

    /// Lets another node have this node's running jobs at once.
    ///
    /// # Errors
    /// When the database does not answer; the leases run out then.
    pub async fn release(&self, node: &str) -> Result<()> {
        let text = "LET $ids = SELECT VALUE id FROM job WHERE state = 'running' AND owner = $node; \
                    UPDATE $ids SET lease_until = 0 WHERE state = 'running' AND owner = $node RETURN NONE";
        self.store.write(Query::new(text).bind("node", node.to_owned())).await.map(drop)
    }

    async fn row(&self, id: JobId) -> Result<Option<JobRow>> {
        self.store.one(job_id(id)).await
    }
}

/// Newest first.
fn key(id: JobId) -> Vec<keys::Part> {
    let millis = i64::try_from(id.unix_millis()).unwrap_or(i64::MAX);
    parts![-millis, id.to_string()]
}

/// `job:[-millis, ulid]`.
fn job_id(id: JobId) -> RecordId {
    keys::record("job", key(id))
}

impl From<&Job> for JobRow {
    fn from(job: &Job) -> Self {
        Self {
            id: job_id(job.id),
            kind: job.kind.as_str().to_owned(),
            ids: job.filter.ids.iter().map(ToString::to_string).collect(),
            worker: job.filter.worker.as_ref().map(ToString::to_string),
            cause: job.filter.cause.as_ref().map(ToString::to_string),
            post: job.filter.post.map(|post| post.to_string()),
            rate: i64::from(job.rate),
            state: job.state.as_str().to_owned(),
            matched: i64::try_from(job.matched).unwrap_or(i64::MAX),
            done: 0,
            skipped: 0,
            error: None,
            by: job.by.account.to_string(),
            handle: job.by.handle.clone(),
            at: job.at.as_millis(),
            updated_at: job.updated_at.as_millis(),
            after: String::new(),
            owner: String::new(),
            lease_until: 0,
        }
    }
}

impl JobRow {
    fn into_job(self) -> Result<Job> {
        let mut parts = keys::Parts::of(self.id)?;
        parts.int()?;
        let unknown = |what: &str| Error::Corrupt(format!("job: unknown {what}"));
        let count = |stored: i64| u64::try_from(stored).unwrap_or(0);
        let filter = DeadLetterFilter {
            ids: self.ids.iter().map(|id| keys::parsed(id)).collect::<Result<_>>()?,
            worker: self.worker.as_deref().map(keys::parsed).transpose()?,
            cause: self.cause.as_deref().map(keys::parsed).transpose()?,
            post: self.post.as_deref().map(keys::parsed).transpose()?,
        };
        Ok(Job {
            id: parts.parsed()?,
            kind: JobKind::parse(&self.kind).ok_or_else(|| unknown("kind"))?,
            filter,
            rate: u32::try_from(self.rate).unwrap_or(1),
            state: JobState::parse(&self.state).ok_or_else(|| unknown("state"))?,
            matched: count(self.matched),
            done: count(self.done),
            skipped: count(self.skipped),
            by: Actor { account: keys::parsed(&self.by)?, handle: self.handle },
            at: Timestamp::from_millis(self.at),
            updated_at: Timestamp::from_millis(self.updated_at),
            error: self.error,
        })
    }
}
