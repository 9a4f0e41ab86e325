//! `POST /v1/identity/sign-in`, and the tokens that it and `refresh` answer with.

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, PRAGMA},
    web,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    domain::{Email, Invalid, Problems, SessionId},
    http::{
        api::refusals::{BadBody, Limited, SignInRefused},
        extract::Json,
        problem::{Code, Problem, Result},
        state::State,
    },
    identity::{Issued, RefreshToken},
    store::NewSession,
};

/// Who wants in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInRequest {
    /// The account's address.
    #[schema(example = "ada@example.org", format = "email")]
    email: String,
    /// The account's password.
    #[schema(example = "correct horse battery staple", format = "password", write_only)]
    password: String,
    /// The second factor. No account has one yet, so a value is refused.
    totp: Option<String>,
}

/// What a client carries from then on.
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
pub struct TokensView {
    /// Goes into `Authorization: Bearer`. A JWT (RFC 9068), signed with Ed25519.
    access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// The life of the access token in seconds.
    #[schema(example = 900)]
    expires_in: u64,
    /// Good for one `refresh`, within 30 days.
    refresh_token: String,
    /// Says who signed in (OpenID Connect).
    id_token: String,
    /// What the access token may be used for, separated by spaces.
    #[schema(example = "openid profile email offline_access posts:read posts:write feed:read follows:write")]
    scope: String,
}

/// Sign in
///
/// Opens a session. A wrong password and an unknown address get the same answer in the same time.
#[utoipa::path(
    post,
    path = "/v1/identity/sign-in",
    tag = "identity",
    request_body = SignInRequest,
    responses(
        BadBody,
        (status = 200, description = "Signed in", body = TokensView),
        SignInRefused,
        Limited,
    ),
    security(())
)]
pub async fn sign_in(state: web::Data<State>, Json(request): Json<SignInRequest>) -> Result<HttpResponse> {
    let (email, password) = request.check()?;
    let credentials = state.repositories.identity().credentials(&email).await?;
    let stored = credentials.as_ref().map(|known| known.password_hash.clone());
    let is_right = state.passwords.verify(password, stored).await?;
    let credentials = credentials.filter(|_| is_right).ok_or_else(invalid_credentials)?;
    if !credentials.is_confirmed {
        return Err(Problem::new(Code::NotConfirmed).detail("confirm the address with the code from the mail first"));
    }
    let account = state.repositories.accounts().get(credentials.account).await?.ok_or_else(invalid_credentials)?;

    let now = state.clock.now();
    let token = RefreshToken::generate(SessionId::generate());
    let issued = state.tokens.issue(&account, token.session, now)?;
    let session = NewSession {
        id: token.session,
        account: account.id,
        token_hash: token.hash(),
        created_at: now,
        expires_at: now.plus(state.config.identity.refresh_token_ttl.get()),
    };
    state.repositories.identity().open_session(&session).await?;
    Ok(answer(issued, &token))
}

impl SignInRequest {
    /// The password is taken as it is: what makes a new one good enough is no matter here.
    fn check(self) -> std::result::Result<(Email, String), Vec<Invalid>> {
        let mut problems = Problems::default();
        let email = problems.note(Email::parse(&self.email));
        if self.totp.is_some() {
            problems.push(Invalid::new(
                "totp",
                "not_set_up",
                "must be left out: no second factor is set up for this account",
            ));
        }
        problems.finish()?;
        email.map(|email| (email, self.password)).ok_or_else(Vec::new)
    }
}

/// The answer that carries tokens; no cache may keep it (RFC 6749, section 5.1).
pub(super) fn answer(issued: Issued, refresh_token: &RefreshToken) -> HttpResponse {
    let tokens = TokensView {
        access_token: issued.access_token,
        token_type: "Bearer",
        expires_in: issued.expires_in.as_secs(),
        refresh_token: refresh_token.expose(),
        id_token: issued.id_token,
        scope: issued.scope,
    };
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache")).json(tokens)
}

fn invalid_credentials() -> Problem {
    Problem::new(Code::InvalidCredentials)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> std::result::Result<(Email, String), Vec<Invalid>> {
        serde_json::from_str::<SignInRequest>(json).unwrap().check()
    }

    #[test]
    fn any_password_may_be_tried() {
        let (email, password) = check(r#"{"email": "Ada@example.org ", "password": " x "}"#).unwrap();
        assert_eq!((email.as_str(), password.as_str()), ("ada@example.org", " x "));
    }

    #[test]
    fn a_second_factor_nobody_has_is_refused() {
        let errors = check(r#"{"email": "nobody", "password": "x", "totp": "123456"}"#).unwrap_err();
        let fields: Vec<_> = errors.iter().map(|invalid| invalid.field.as_str()).collect();
        assert_eq!(fields, ["email", "totp"]);
    }
}
