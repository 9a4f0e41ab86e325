//! `POST /v1/identity/resend-code`.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use tracing::{Instrument, error};
use utoipa::ToSchema;

use super::mail;
use crate::{
    domain::{AccountId, Email},
    http::{
        api::refusals::{BadBody, Limited},
        extract::Json,
        problem::Result,
        state::State,
    },
};

/// An address that waits for its code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResendCodeRequest {
    /// The address of the sign-up.
    #[schema(example = "ada@example.org", format = "email")]
    email: String,
}

/// Ask for another code
///
/// A new code goes out by mail if the address waits for one, and makes the older void. The answer is the same for any
/// address.
#[utoipa::path(
    post,
    path = "/v1/identity/resend-code",
    tag = "identity",
    request_body = ResendCodeRequest,
    responses(
        BadBody,
        (status = 202, description = "Look into your mail"),
        Limited,
    ),
    security(())
)]
pub async fn resend_code(state: web::Data<State>, Json(request): Json<ResendCodeRequest>) -> Result<HttpResponse> {
    let email = Email::parse(&request.email)?;
    state.codes.admit(&email)?;
    if let Some(credentials) = state.repositories.identity().credentials(&email).await?
        && !credentials.is_confirmed
    {
        replace_later(&state, credentials.account, email);
    }
    Ok(HttpResponse::Accepted().finish())
}

/// Writes and mails the new code in a task: a request that waited for the write would tell that the address is known.
fn replace_later(state: &State, account: AccountId, email: Email) {
    let (identity, mailer) = (state.repositories.identity(), Arc::clone(&state.mailer));
    let (now, code_ttl) = (state.clock.now(), state.config.identity.code_ttl.get());
    let (code, record) = state.codes.issue(&email, now, code_ttl);
    let mail = mail::code_mail(&state.public_url, email, &code, code_ttl, false);
    let work = async move {
        match identity.put_code(account, &record).await {
            Ok(()) => mail::send(&*mailer, &mail).await,
            Err(error) => error!(%error, %account, "a new code could not be kept, so it was not mailed"),
        }
    };
    state.background_tasks.spawn_on(work.in_current_span(), &state.jobs);
}
