//! `POST /v1/identity/sign-out`.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    http::{
        api::refusals::{BadBody, Limited},
        extract::Json,
        problem::Result,
        state::State,
    },
    identity::RefreshToken,
};

/// The session to be ended.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignOutRequest {
    /// A refresh token of the session.
    refresh_token: String,
}

/// Sign out
///
/// Ends the session of a refresh token; access tokens made in it are good until they expire. A token that is unknown,
/// or ended already, gets the same answer.
#[utoipa::path(
    post,
    path = "/v1/identity/sign-out",
    tag = "identity",
    request_body = SignOutRequest,
    responses(
        BadBody,
        (status = 204, description = "The session has ended"),
        Limited,
    ),
    security(())
)]
pub async fn sign_out(state: web::Data<State>, Json(request): Json<SignOutRequest>) -> Result<HttpResponse> {
    if let Some(token) = RefreshToken::parse(&request.refresh_token) {
        state.repositories.identity().close_session(token.session, &token.hash()).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}
