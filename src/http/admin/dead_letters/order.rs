//! `POST /v1/admin/dead-letters/redrive` and `…/discard`: which dead letters are meant, and the job that follows.

use actix_web::{HttpResponse, http::header, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::filter;
use crate::{
    actors::Order,
    domain::{DeadLetterFilter, Invalid, JobKind, Problems},
    http::{
        admin::{
            actor,
            jobs::{DeadLetterFilterView, JobKindView, JobView},
        },
        api::refusals::{BadBody, Guarded},
        auth::{Authorized, Principal, scope},
        extract::Json,
        problem::Result,
        state::State,
    },
};

/// How many ids one request may name.
const MAX_IDS: usize = 100;
/// Dead letters a second.
const DEFAULT_RATE: u32 = 10;
const MAX_RATE: u32 = 500;

/// Which dead letters: those that everything given here is true of.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SelectDeadLetters {
    /// Only these; at most 100.
    #[schema(max_items = 100)]
    pub ids: Option<Vec<String>>,
    /// Only this worker's, on all nodes.
    pub worker: Option<String>,
    /// Only those that died of the cause with this id.
    pub cause: Option<String>,
    /// Only those about the post with this id.
    pub post: Option<String>,
    /// True instead of everything above: all of them.
    pub all: Option<bool>,
    /// True: only says how many there are, and changes nothing.
    pub dry_run: Option<bool>,
    /// How many a second at most, 1 to 500; 10 without it.
    #[schema(minimum = 1, maximum = 500, default = 10)]
    pub rate: Option<u32>,
}

/// What a request would do.
#[derive(Debug, Serialize, ToSchema)]
pub struct DryRun {
    /// What would be done.
    pub kind: JobKindView,
    /// To which dead letters.
    pub filter: DeadLetterFilterView,
    /// How many there are now.
    pub matched: u64,
    /// To how many a second at most it would be done.
    pub rate: u32,
}

/// Redrive dead letters: they become deliveries again.
///
/// In the background, as a job. Each starts with all its receives, goes on from where it stopped, and keeps its history. Only
/// those are touched that are dead now: one that dies again stays dead. The answer says where to follow the job.
#[utoipa::path(
    post,
    path = "/v1/admin/dead-letters/redrive",
    tag = "admin",
    request_body = SelectDeadLetters,
    responses(
        (status = 202, description = "The job", body = JobView,
            headers(("Location" = String, description = "Where to follow the job"))),
        (status = 200, description = "With `dry_run`: how many it would be", body = DryRun),
        Guarded,
        BadBody
    ),
    security(("bearer" = ["admin:write"]))
)]
pub async fn redrive_dead_letters(
    principal: Authorized<scope::AdminWrite>,
    state: web::Data<State>,
    Json(body): Json<SelectDeadLetters>,
) -> Result<HttpResponse> {
    take(&state, &principal, JobKind::Redrive, body).await
}

/// Discard dead letters: they are deleted.
///
/// In the background, as a job; there is no way back. The answer says where to follow the job.
#[utoipa::path(
    post,
    path = "/v1/admin/dead-letters/discard",
    tag = "admin",
    request_body = SelectDeadLetters,
    responses(
        (status = 202, description = "The job", body = JobView,
            headers(("Location" = String, description = "Where to follow the job"))),
        (status = 200, description = "With `dry_run`: how many it would be", body = DryRun),
        Guarded,
        BadBody
    ),
    security(("bearer" = ["admin:write"]))
)]
pub async fn discard_dead_letters(
    principal: Authorized<scope::AdminWrite>,
    state: web::Data<State>,
    Json(body): Json<SelectDeadLetters>,
) -> Result<HttpResponse> {
    take(&state, &principal, JobKind::Discard, body).await
}

async fn take(state: &State, principal: &Principal, kind: JobKind, body: SelectDeadLetters) -> Result<HttpResponse> {
    let is_dry_run = body.dry_run.unwrap_or(false);
    let (filter, rate) = body.validate()?;
    if is_dry_run {
        let matched = state.redrives.matching(&filter).await?;
        return Ok(HttpResponse::Ok().json(DryRun { kind: kind.into(), filter: filter.into(), matched, rate }));
    }
    let job = state.redrives.start(Order { kind, filter, rate }, actor(principal)).await?;
    let location = format!("/v1/admin/jobs/{}", job.id);
    Ok(HttpResponse::Accepted().insert_header((header::LOCATION, location)).json(JobView::from(job)))
}

impl SelectDeadLetters {
    fn validate(self) -> std::result::Result<(DeadLetterFilter, u32), Vec<Invalid>> {
        let mut problems = Problems::default();
        let ids = self.ids.as_deref().unwrap_or_default();
        let has_filter = self.ids.is_some() || self.worker.is_some() || self.cause.is_some() || self.post.is_some();
        let filter = filter(ids, self.worker.as_deref(), self.cause.as_deref(), self.post.as_deref(), &mut problems);
        if self.ids.is_some() && !(1..=MAX_IDS).contains(&ids.len()) {
            problems.push(Invalid::new("ids", "out_of_range", "must hold 1 to 100 ids"));
        }
        match self.all.unwrap_or(false) {
            true if has_filter => {
                problems.push(Invalid::new("all", "not_allowed", "cannot be combined with ids, worker, cause or post"));
            }
            false if !has_filter => {
                problems.push(Invalid::new("", "empty", "must name ids, worker, cause or post, or all: true"));
            }
            _ => {}
        }
        let rate = self.rate.unwrap_or(DEFAULT_RATE);
        if !(1..=MAX_RATE).contains(&rate) {
            problems.push(Invalid::new("rate", "out_of_range", "must be between 1 and 500"));
        }
        problems.finish()?;
        Ok((filter, rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(body: serde_json::Value) -> Vec<String> {
        let body: SelectDeadLetters = serde_json::from_value(body).unwrap();
        let errors = body.validate().err().unwrap_or_default();
        errors.into_iter().map(|invalid| format!("{}: {}", invalid.field, invalid.code)).collect()
    }

    #[test]
    fn nothing_is_not_everything() {
        assert_eq!(findings(serde_json::json!({})), [": empty"]);
        assert_eq!(findings(serde_json::json!({"all": false, "rate": 5})), [": empty"]);
        assert_eq!(findings(serde_json::json!({"ids": []})), ["ids: out_of_range"]);
        assert_eq!(findings(serde_json::json!({"all": true})), [""; 0]);
        assert_eq!(findings(serde_json::json!({"all": true, "worker": "email"})), ["all: not_allowed"]);
    }

    #[test]
    fn everything_wrong_is_named() {
        let body = serde_json::json!({"ids": ["x"], "worker": "", "cause": "y", "post": "z", "rate": 501});
        let expected = [
            "ids.0: invalid_id",
            "worker: invalid_name",
            "cause: invalid_id",
            "post: invalid_id",
            "rate: out_of_range",
        ];
        assert_eq!(findings(body), expected);
        assert_eq!(findings(serde_json::json!({"all": true, "rate": 0})), ["rate: out_of_range"]);
    }
}
