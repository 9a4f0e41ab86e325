//! Whether the process is alive, and whether it can do its work. For orchestrators: no token, no problem body.

use actix_web::{HttpResponse, web::Data};
use serde::Serialize;
use utoipa::ToSchema;

use super::state::State;

/// How the node is.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthView {
    /// `ok`, `ready` or `not_ready`.
    #[schema(example = "ready")]
    pub status: &'static str,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

/// Is the process alive?
#[utoipa::path(get, path = "/healthz", tag = "operation", operation_id = "healthz",
    responses((status = 200, description = "It answers", body = HealthView)))]
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(HealthView { status: "ok", reasons: Vec::new() })
}

/// Can it take requests?
#[utoipa::path(get, path = "/readyz", tag = "operation", operation_id = "readyz",
    responses(
        (status = 200, description = "It can", body = HealthView),
        (status = 503, description = "It cannot, and why", body = HealthView),
    ))]
pub async fn readyz(state: Data<State>) -> HttpResponse {
    let reasons = state.health.reasons().await;
    if reasons.is_empty() {
        HttpResponse::Ok().json(HealthView { status: "ready", reasons })
    } else {
        HttpResponse::ServiceUnavailable().json(HealthView { status: "not_ready", reasons })
    }
}
