//! `/v1/admin/jobs`: redrives and discards, how far they are, and stopping them.

use actix_web::web;
use serde::Serialize;
use utoipa::ToSchema;

use super::{actor, audit::ActorView};
use crate::{
    domain::{DeadLetterFilter, Job, JobId, JobKind, JobState, Page},
    http::{
        api::refusals::{Absent, BadQuery, Guarded, JobEnded},
        auth::{Authorized, scope},
        extract::{PageParams, Path, Query},
        problem::Result,
        state::State,
    },
};

/// A redrive or a discard.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job)]
pub struct JobView {
    /// A ULID.
    pub id: String,
    /// What it does.
    pub kind: JobKindView,
    /// To which dead letters; only to those that were dead when it began.
    pub filter: DeadLetterFilterView,
    /// To how many a second, at most.
    pub rate: u32,
    /// How it is.
    pub state: JobStateView,
    /// How many there were when it began.
    pub matched: u64,
    /// How many it has moved or deleted.
    pub done: u64,
    /// How many it has left where they are: nobody serves their worker's subscription any more, or their delivery is on its way already.
    pub skipped: u64,
    /// Why it left something where it is, or cannot go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Who ordered it.
    pub by: ActorView,
    /// When it was ordered.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it went on or ended last.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// Which dead letters.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetterFilter)]
pub struct DeadLetterFilterView {
    /// Only these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// Only this worker's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Only those that died of this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Only those about this post.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post: Option<String>,
    /// Whether it is all of them.
    pub all: bool,
}

/// What a job does.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = JobKind)]
pub enum JobKindView {
    /// Dead letters become deliveries again.
    Redrive,
    /// Dead letters are deleted.
    Discard,
}

/// How a job is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = JobState)]
pub enum JobStateView {
    /// It goes on.
    Running,
    /// Everything that it was to do is done.
    Done,
    /// Somebody stopped it; what was done until then stays done.
    Cancelled,
    /// It cannot go on.
    Failed,
}

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobPage {
    /// Newest first.
    pub items: Vec<JobView>,
    /// Send it as `cursor` for the next page; null at the end.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// List redrives and discards, newest first.
#[utoipa::path(
    get,
    path = "/v1/admin/jobs",
    tag = "admin",
    params(PageParams),
    responses((status = 200, description = "A page of jobs", body = JobPage), Guarded, BadQuery),
    security(("bearer" = ["admin:read"]))
)]
pub async fn list_jobs(
    _: Authorized<scope::AdminRead>,
    Query(page): Query<PageParams>,
    state: web::Data<State>,
) -> Result<web::Json<JobPage>> {
    let limit = page.limit()?;
    let jobs = state.redrives.jobs(page.after()?, limit + 1).await?;
    let page = Page::take(jobs, limit, |job| job.id);
    let next_cursor = page.next_cursor();
    Ok(web::Json(JobPage { items: page.items.into_iter().map(JobView::from).collect(), next_cursor }))
}

/// Read how far a redrive or a discard is.
#[utoipa::path(
    get,
    path = "/v1/admin/jobs/{id}",
    tag = "admin",
    params(("id" = String, Path, description = "The job's id")),
    responses((status = 200, description = "The job, as of now", body = JobView), Guarded, Absent),
    security(("bearer" = ["admin:read"]))
)]
pub async fn get_job(
    _: Authorized<scope::AdminRead>,
    Path(id): Path<JobId>,
    state: web::Data<State>,
) -> Result<web::Json<JobView>> {
    Ok(web::Json(state.redrives.job(id).await?.into()))
}

/// Stop a redrive or a discard.
///
/// What it has done until then stays done.
#[utoipa::path(
    delete,
    path = "/v1/admin/jobs/{id}",
    tag = "admin",
    params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 200, description = "The job, cancelled", body = JobView),
        JobEnded,
        Guarded,
        Absent
    ),
    security(("bearer" = ["admin:write"]))
)]
pub async fn cancel_job(
    principal: Authorized<scope::AdminWrite>,
    Path(id): Path<JobId>,
    state: web::Data<State>,
) -> Result<web::Json<JobView>> {
    Ok(web::Json(state.redrives.cancel(id, actor(&principal)).await?.into()))
}

impl From<Job> for JobView {
    fn from(job: Job) -> Self {
        Self {
            id: job.id.to_string(),
            kind: job.kind.into(),
            filter: job.filter.into(),
            rate: job.rate,
            state: job.state.into(),
            matched: job.matched,
            done: job.done,
            skipped: job.skipped,
            error: job.error,
            by: job.by.into(),
            created_at: job.at.to_string(),
            updated_at: job.updated_at.to_string(),
        }
    }
}

impl From<DeadLetterFilter> for DeadLetterFilterView {
    fn from(filter: DeadLetterFilter) -> Self {
        Self {
            all: filter.is_empty(),
            ids: filter.ids.iter().map(ToString::to_string).collect(),
            worker: filter.worker.map(|worker| worker.to_string()),
            cause: filter.cause.map(|cause| cause.to_string()),
            post: filter.post.map(|post| post.to_string()),
        }
    }
}

impl From<JobKind> for JobKindView {
    fn from(kind: JobKind) -> Self {
        match kind {
            JobKind::Redrive => Self::Redrive,
            JobKind::Discard => Self::Discard,
        }
    }
}

impl From<JobState> for JobStateView {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Running => Self::Running,
            JobState::Done => Self::Done,
            JobState::Cancelled => Self::Cancelled,
            JobState::Failed => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_on_the_wire_are_those_of_the_domain() {
        for state in [JobState::Running, JobState::Done, JobState::Cancelled, JobState::Failed] {
            assert_eq!(serde_json::to_value(JobStateView::from(state)).unwrap(), state.as_str());
        }
        for kind in [JobKind::Redrive, JobKind::Discard] {
            assert_eq!(serde_json::to_value(JobKindView::from(kind)).unwrap(), kind.as_str());
        }
    }
}
