//! `POST /v1/identity/refresh`.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use tracing::warn;
use utoipa::ToSchema;

use super::sign_in::{TokensView, answer};
use crate::{
    http::{
        api::refusals::{BadBody, Limited, RefreshRefused},
        extract::Json,
        problem::{Code, Problem, Result},
        state::State,
    },
    identity::RefreshToken,
    store::{Rotated, Rotation},
};

/// A refresh token to be changed for new tokens.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// The newest refresh token of the session.
    refresh_token: String,
}

/// Get new tokens
///
/// The refresh token is used up and replaced. Whoever presents a used one again, more than a few seconds later, ends
/// the session for everybody: one of the two is a thief.
#[utoipa::path(
    post,
    path = "/v1/identity/refresh",
    tag = "identity",
    request_body = RefreshRequest,
    responses(
        BadBody,
        (status = 200, description = "New tokens", body = TokensView),
        RefreshRefused,
        Limited,
    ),
    security(())
)]
pub async fn refresh(state: web::Data<State>, Json(request): Json<RefreshRequest>) -> Result<HttpResponse> {
    let presented = RefreshToken::parse(&request.refresh_token).ok_or_else(|| refused("it is malformed"))?;
    let next = RefreshToken::generate(presented.session);
    let (now, settings) = (state.clock.now(), &state.config.identity);
    let rotation = Rotation {
        id: presented.session,
        presented_hash: presented.hash(),
        next_hash: next.hash(),
        now,
        grace: settings.refresh_grace.get(),
        expires_at: now.plus(settings.refresh_token_ttl.get()),
    };
    let account = match state.repositories.identity().rotate_session(&rotation).await? {
        Rotated::Yes { account } => account,
        Rotated::Reused => {
            warn!(session = %presented.session, "a refresh token was used twice; its session has been ended");
            return Err(refused("it was used before, so its session has been ended; sign in again"));
        }
        Rotated::Unknown => return Err(refused("its session has ended; sign in again")),
    };
    let account = state.repositories.accounts().get(account).await?.ok_or_else(|| refused("its account is gone"))?;
    let issued = state.tokens.issue(&account, next.session, now)?;
    Ok(answer(issued, &next))
}

fn refused(why: &str) -> Problem {
    Problem::new(Code::InvalidRefreshToken).detail(format!("the refresh token is not accepted: {why}"))
}
