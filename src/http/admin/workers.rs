//! `/v1/admin/workers` and `/v1/admin/overview`: what the workers are doing, and pausing, resuming and restarting them.

use actix_web::{HttpResponse, http::header, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    actors::{
        monitor::{Overview, WorkerStats},
        worker::Control,
    },
    domain::Actor,
    http::{
        api::refusals::{Absent, Guarded},
        auth::{Authorized, Principal, scope},
        extract::Path,
        problem::{Code, Problem, Result},
        state::State,
    },
};

/// This node's workers, in the order of their registration.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkerPage {
    /// All of them.
    pub items: Vec<WorkerStats>,
    /// Always null: there are few.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// List this node's workers with their stats.
#[utoipa::path(
    get,
    path = "/v1/admin/workers",
    tag = "admin",
    responses((status = 200, description = "The workers, as of now", body = WorkerPage), Guarded),
    security(("bearer" = ["admin:read"]))
)]
pub async fn list_workers(_: Authorized<scope::AdminRead>, state: web::Data<State>) -> web::Json<WorkerPage> {
    web::Json(WorkerPage { items: state.monitor.now().workers, next_cursor: None })
}

/// See everything that this node is doing.
///
/// The same document as the first message of `/v1/admin/watch`, at most about a second old.
#[utoipa::path(
    get,
    path = "/v1/admin/overview",
    tag = "admin",
    responses((status = 200, description = "The node, its workers, the dead letters by cause", body = Overview), Guarded),
    security(("bearer" = ["admin:read"]))
)]
pub async fn get_overview(_: Authorized<scope::AdminRead>, state: web::Data<State>) -> HttpResponse {
    let text = state.monitor.snapshot().text();
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(text.to_string())
}

/// Pause a worker.
///
/// It takes nothing any more, on every node and over restarts; what runs is finished, what waits is kept.
#[utoipa::path(
    post,
    path = "/v1/admin/workers/{name}/pause",
    tag = "admin",
    params(("name" = String, Path, description = "The worker's name")),
    responses((status = 202, description = "It has been told; the worker as it was a moment before", body = WorkerStats), Guarded, Absent),
    security(("bearer" = ["admin:write"]))
)]
pub async fn pause_worker(
    principal: Authorized<scope::AdminWrite>,
    Path(name): Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse> {
    act(&state, &name, Control::Pause, &principal).await
}

/// Resume a paused worker.
#[utoipa::path(
    post,
    path = "/v1/admin/workers/{name}/resume",
    tag = "admin",
    params(("name" = String, Path, description = "The worker's name")),
    responses((status = 202, description = "It has been told; the worker as it was a moment before", body = WorkerStats), Guarded, Absent),
    security(("bearer" = ["admin:write"]))
)]
pub async fn resume_worker(
    principal: Authorized<scope::AdminWrite>,
    Path(name): Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse> {
    act(&state, &name, Control::Resume, &principal).await
}

/// Restart a worker on this node.
///
/// It finishes what runs, forgets what it has in memory and begins anew from its cursors. This ends `degraded`.
#[utoipa::path(
    post,
    path = "/v1/admin/workers/{name}/restart",
    tag = "admin",
    params(("name" = String, Path, description = "The worker's name")),
    responses((status = 202, description = "It has been told; the worker as it was a moment before", body = WorkerStats), Guarded, Absent),
    security(("bearer" = ["admin:write"]))
)]
pub async fn restart_worker(
    principal: Authorized<scope::AdminWrite>,
    Path(name): Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse> {
    act(&state, &name, Control::Restart, &principal).await
}

async fn act(state: &State, name: &str, control: Control, principal: &Principal) -> Result<HttpResponse> {
    let by = Actor { account: principal.account, handle: principal.handle.clone() };
    state.operations.control(name, control, by).await?;
    let mut workers = state.monitor.now().workers.into_iter();
    let worker = workers.find(|worker| worker.name == name).ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(HttpResponse::Accepted().json(worker))
}
