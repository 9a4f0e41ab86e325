//! `GET /v1/admin/dead-letters` and `GET /v1/admin/dead-letters/{id}`.

use actix_web::web;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{AttemptView, DeadLetterView, filter};
use crate::{
    domain::{DeadLetterFilter, DeadLetterId, Invalid, Problems},
    http::{
        api::refusals::{Absent, BadQuery, Guarded},
        auth::{Authorized, scope},
        extract::{PageParams, Path, Query},
        problem::{Code, Problem, Result},
        state::State,
    },
};

/// Which dead letters.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeadLetterQuery {
    /// Only this worker's, on all nodes.
    pub worker: Option<String>,
    /// Only those that died of the cause with this id.
    pub cause: Option<String>,
    /// Only those about the post with this id.
    pub post: Option<String>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// How many items at most, 1 to 100; 20 without it.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u32>,
}

/// A page of dead letters.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetterPage)]
pub struct DeadLetterPageView {
    /// Newest first.
    pub items: Vec<DeadLetterView>,
    /// Send it as `cursor` for the next page; null at the end.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// A dead letter with its whole story.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetterDetail)]
pub struct DeadLetterDetailView {
    /// What the list shows of it.
    #[serde(flatten)]
    pub letter: DeadLetterView,
    /// What it died of, told without ids and numbers.
    pub cause_message: String,
    /// Everything that went wrong, oldest first. Of a letter that was redriven often only the newest failures, and the first.
    pub attempts: Vec<AttemptView>,
    /// How far it had come, in the worker's own words; a redrive goes on from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub progress: Option<serde_json::Value>,
}

/// List dead letters, newest first.
#[utoipa::path(
    get,
    path = "/v1/admin/dead-letters",
    tag = "admin",
    params(DeadLetterQuery),
    responses((status = 200, description = "A page of dead letters", body = DeadLetterPageView), Guarded, BadQuery),
    security(("bearer" = ["admin:read"]))
)]
pub async fn list_dead_letters(
    _: Authorized<scope::AdminRead>,
    Query(query): Query<DeadLetterQuery>,
    state: web::Data<State>,
) -> Result<web::Json<DeadLetterPageView>> {
    let (filter, page) = query.read()?;
    let found = state.repositories.dead_letter_reads().list(&filter, page.after()?.as_ref(), page.limit()?).await?;
    let retention = state.config.dead_letters.retention.get();
    let items = found.items.iter().map(|letter| DeadLetterView::new(letter, retention)).collect();
    Ok(web::Json(DeadLetterPageView { items, next_cursor: found.next_cursor() }))
}

/// Read a dead letter with every attempt.
#[utoipa::path(
    get,
    path = "/v1/admin/dead-letters/{id}",
    tag = "admin",
    params(("id" = String, Path, description = "The dead letter's id")),
    responses((status = 200, description = "The dead letter", body = DeadLetterDetailView), Guarded, Absent),
    security(("bearer" = ["admin:read"]))
)]
pub async fn get_dead_letter(
    _: Authorized<scope::AdminRead>,
    Path(id): Path<String>,
    state: web::Data<State>,
) -> Result<web::Json<DeadLetterDetailView>> {
    let absent = || Problem::new(Code::NotFound).detail("there is no dead letter with this id");
    let id: DeadLetterId = id.parse().map_err(|_: Invalid| absent())?;
    let letter = state.repositories.dead_letter_reads().get(&id).await?.ok_or_else(absent)?;
    Ok(web::Json(DeadLetterDetailView {
        letter: DeadLetterView::new(&letter, state.config.dead_letters.retention.get()),
        cause_message: letter.cause.text,
        attempts: letter.failures.into_iter().map(AttemptView::from).collect(),
        progress: letter.progress,
    }))
}

impl DeadLetterQuery {
    /// The filter and the page that are asked for.
    pub(super) fn read(self) -> std::result::Result<(DeadLetterFilter, PageParams), Vec<Invalid>> {
        let mut problems = Problems::default();
        let filter = filter(&[], self.worker.as_deref(), self.cause.as_deref(), self.post.as_deref(), &mut problems);
        let page = PageParams { cursor: self.cursor, limit: self.limit };
        problems.note(page.limit());
        problems.finish()?;
        Ok((filter, page))
    }
}
