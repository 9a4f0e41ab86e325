//! `GET /v1/admin/dead-letters/causes`: what dead letters died of.

use actix_web::web;
use serde::Serialize;
use utoipa::ToSchema;

use super::list::DeadLetterQuery;
use crate::{
    http::{
        api::refusals::{BadQuery, Guarded},
        auth::{Authorized, scope},
        extract::Query,
        problem::Result,
        state::State,
    },
    store::CauseGroup,
};

/// Dead letters that died of the same.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Cause)]
pub struct CauseView {
    /// The cause's id, for `cause=` and for redriving.
    #[schema(example = "9f2c41d07ab3")]
    pub cause: String,
    /// Whose they are.
    #[schema(example = "email")]
    pub worker: String,
    /// The class of the last failure: `error`, `transient`, `timeout`, `panic`, `lost` or `rejected`.
    pub class: String,
    /// What the worker said, with placeholders for ids, numbers, addresses, texts and times.
    #[schema(example = "connect to <ip> refused after <duration>")]
    pub message: String,
    /// How many there are.
    pub count: u64,
    /// When the oldest of them died.
    #[schema(format = DateTime)]
    pub first_at: String,
    /// When the newest of them died.
    #[schema(format = DateTime)]
    pub last_at: String,
    /// When the oldest of them will be deleted.
    #[schema(format = DateTime)]
    pub first_expires_at: String,
    /// The id of the newest of them.
    pub example: String,
}

/// A page of causes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CausePage)]
pub struct CausePageView {
    /// The most frequent first.
    pub items: Vec<CauseView>,
    /// Send it as `cursor` for the next page; null at the end.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// List what dead letters died of, the most frequent cause first.
///
/// Deliveries of one worker whose last errors differ only in ids, numbers, addresses, quoted texts and times have one cause.
#[utoipa::path(
    get,
    path = "/v1/admin/dead-letters/causes",
    tag = "admin",
    params(DeadLetterQuery),
    responses((status = 200, description = "A page of causes", body = CausePageView), Guarded, BadQuery),
    security(("bearer" = ["admin:read"]))
)]
pub async fn list_causes(
    _: Authorized<scope::AdminRead>,
    Query(query): Query<DeadLetterQuery>,
    state: web::Data<State>,
) -> Result<web::Json<CausePageView>> {
    let (filter, page) = query.read()?;
    let found = state.repositories.dead_letter_reads().causes(&filter, page.after()?.as_ref(), page.limit()?).await?;
    let retention = state.config.dead_letters.retention.get();
    let view = |group: CauseGroup| CauseView {
        cause: group.cause.id.to_string(),
        worker: group.worker,
        class: group.cause.class,
        message: group.cause.text,
        count: group.count,
        first_at: group.first_dead_at.to_string(),
        last_at: group.last_dead_at.to_string(),
        first_expires_at: group.first_dead_at.plus(retention).to_string(),
        example: group.example.to_string(),
    };
    let next_cursor = found.next_cursor();
    Ok(web::Json(CausePageView { items: found.items.into_iter().map(view).collect(), next_cursor }))
}
