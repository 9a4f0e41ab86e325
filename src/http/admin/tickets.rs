//! `/v1/admin/watch-tickets`: giving out the tickets that open the websocket.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{
    api::refusals::Guarded,
    auth::{Authorized, Principal, scope},
    problem::{Code, Problem, Result},
    state::State,
    watch_tickets::{LIFE, Pass},
};

/// A ticket for one websocket.
#[derive(Serialize, ToSchema)]
#[schema(as = WatchTicket)]
pub struct TicketView {
    /// Send it as `/v1/admin/watch?ticket=`, once.
    pub ticket: String,
    /// When it is good no longer.
    #[schema(format = DateTime)]
    pub expires_at: String,
}

impl From<&Principal> for Pass {
    fn from(principal: &Principal) -> Self {
        Self { session: principal.session, ends_at: principal.expires_at }
    }
}

/// Get a ticket to watch with.
///
/// For clients that cannot send a token with a websocket, such as browsers: good for 30 seconds and for one use.
#[utoipa::path(
    post,
    path = "/v1/admin/watch-tickets",
    tag = "admin",
    responses((status = 201, description = "The ticket", body = TicketView), Guarded),
    security(("bearer" = ["admin:read"]))
)]
pub async fn create_watch_ticket(
    principal: Authorized<scope::AdminRead>,
    state: web::Data<State>,
) -> Result<HttpResponse> {
    let issued = state.watch_tickets.issue((&*principal).into(), state.clock.now());
    let busy = || Problem::new(Code::Busy).retry_after(LIFE).cause("too many tickets wait to be used");
    let (ticket, until) = issued.ok_or_else(busy)?;
    let view = TicketView { ticket, expires_at: until.to_string() };
    Ok(HttpResponse::Created().json(view))
}
