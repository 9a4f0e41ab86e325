//! `GET /v1/admin/watch`: who may open the websocket, and where it begins. What happens on it is `watcher.rs`'s.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::{
        Method,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    web,
};
use serde::Deserialize;
use url::form_urlencoded;
use utoipa::IntoParams;

use super::watcher::Watcher;
use crate::{
    actors::monitor::Since,
    domain::Scope,
    http::{
        api::refusals::{BadQuery, Guarded},
        auth::authenticate,
        extract::Query,
        problem::{Code, Problem, Result},
        state::State,
        watch_tickets::Pass,
    },
};

/// When somebody may try again for whom there was no place.
const FULL: std::time::Duration = std::time::Duration::from_secs(5);
/// Names under which clients send access tokens where they do not belong.
const TOKENS: [&str; 3] = ["access_token", "token", "authorization"];

/// Where to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WatchParams {
    /// The last message seen, as `<stream>.<seq>`: exactly the changes behind it follow. If they are no longer kept, or the stream
    /// is another process's, a snapshot comes first.
    #[param(example = "01JD9X8Z6Q4W7E2R5T1Y3V0P8A.17")]
    pub since: Option<String>,
    /// A ticket from `/v1/admin/watch-tickets`, in place of the header `Authorization`.
    pub ticket: Option<String>,
}

/// Somebody who may open the websocket: by an access token with `admin:read`, or by a ticket. A ticket is used up only by a
/// request that can become a websocket.
#[derive(Debug)]
pub struct WatchAccess(Pass);

impl FromRequest for WatchAccess {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(admit(request).map(Self))
    }
}

/// Watch a node live.
///
/// A websocket of JSON texts (`WatchFrame`): a snapshot first, then changes, each with the next sequence number. Answer pings: whoever
/// does not read is told a new snapshot when reading again, or is disconnected. The connection ends with code 1001 when the node shuts
/// down, and with 1008 when the token expires or its session is closed; come back with `since`.
#[utoipa::path(
    get,
    path = "/v1/admin/watch",
    tag = "admin",
    params(WatchParams),
    responses(
        (status = 101, description = "The websocket is open"),
        (status = 400, description = "It is no proper handshake, or an access token stands in the address"),
        (status = 426, description = "It is no websocket request at all"),
        Guarded, BadQuery,
    ),
    security(("bearer" = ["admin:read"]))
)]
pub async fn watch(
    WatchAccess(pass): WatchAccess,
    Query(params): Query<WatchParams>,
    request: HttpRequest,
    body: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse> {
    let since: Option<Since> = params.since.as_deref().map(str::parse).transpose()?;
    let full = || Problem::new(Code::Busy).retry_after(FULL).cause("no place for another watcher");
    let watch = state.monitor.watch(since.as_ref()).ok_or_else(full)?;
    let (response, session, incoming) = actix_ws::handle(&request, body)
        .map_err(|error| Problem::new(Code::BadRequest).detail(error.to_string().to_lowercase()))?;
    Ok(Watcher::start(response, session, incoming, watch, pass, state))
}

fn admit(request: &HttpRequest) -> Result<Pass> {
    let Some(state) = request.app_data::<web::Data<State>>() else {
        return Err(Problem::internal("no state to verify a token with"));
    };
    let mut ticket = None;
    for (name, value) in form_urlencoded::parse(request.query_string().as_bytes()) {
        if TOKENS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(Problem::new(Code::BadRequest).detail(
                "an access token must not stand in the address, where logs keep it; send it as Authorization: Bearer, \
                 or use a ticket from /v1/admin/watch-tickets",
            ));
        }
        if name == "ticket" {
            ticket = Some(value);
        }
    }
    let Some(ticket) = ticket.filter(|_| !request.headers().contains_key(header::AUTHORIZATION)) else {
        let principal = authenticate(request)?.require(Scope::AdminRead)?;
        check_handshake(request)?;
        return Ok((&principal).into());
    };
    check_handshake(request)?;
    let unknown = || Problem::new(Code::InvalidToken).detail("the ticket is unknown, was used before or has expired");
    state.watch_tickets.redeem(&ticket, state.clock.now()).ok_or_else(unknown)
}

/// Whether a request can become a websocket (RFC 6455, section 4.2.1).
fn check_handshake(request: &HttpRequest) -> Result<()> {
    let headers = request.headers();
    if request.method() != Method::GET || !names(headers, &header::UPGRADE, "websocket") {
        return Err(Problem::new(Code::UpgradeRequired)
            .detail("open it as a websocket")
            .header(header::UPGRADE, HeaderValue::from_static("websocket")));
    }
    let is_whole = names(headers, &header::CONNECTION, "upgrade")
        && names(headers, &header::SEC_WEBSOCKET_VERSION, "13")
        && headers.contains_key(header::SEC_WEBSOCKET_KEY);
    if is_whole {
        return Ok(());
    }
    Err(Problem::new(Code::BadRequest)
        .detail("the websocket handshake lacks Connection: Upgrade, Sec-WebSocket-Key or Sec-WebSocket-Version: 13")
        .header(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")))
}

/// Whether one of the words of a header is this one.
fn names(headers: &HeaderMap, header: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(header).filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(word))
}
