//! `POST /v1/identity/confirm`.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    domain::{AccountId, Email, Invalid, Problems, Role},
    http::{
        api::refusals::{BadBody, Limited},
        extract::Json,
        problem::{Code, Problem, Result},
        state::State,
    },
    identity::ConfirmationCode,
    store::{CodeCheck, Presented},
};

/// A code that came by mail.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmRequest {
    /// The address it came to.
    #[schema(example = "ada@example.org", format = "email")]
    email: String,
    /// Its six digits.
    #[schema(example = "012345")]
    code: String,
}

/// Confirm an address
///
/// After this the account can sign in. A code can be tried five times within 15 minutes and is good once; the answer to
/// a wrong code, a void one and an unknown address is the same.
#[utoipa::path(
    post,
    path = "/v1/identity/confirm",
    tag = "identity",
    request_body = ConfirmRequest,
    responses(
        BadBody,
        (status = 204, description = "Confirmed"),
        Limited,
    ),
    security(())
)]
pub async fn confirm(state: web::Data<State>, Json(request): Json<ConfirmRequest>) -> Result<HttpResponse> {
    let (email, code) = request.check()?;
    // Somebody whom nobody knows is asked for, too: the answer takes as long.
    let known = state.repositories.identity().credentials(&email).await?;
    let account = known.map_or_else(AccountId::generate, |credentials| credentials.account);
    let presented = Presented {
        hash: state.codes.hash(&email, &code),
        now: state.clock.now(),
        max_tries: state.config.identity.code_tries,
    };
    let roles = roles_of(&email, state.config.identity.bootstrap_admin_email.expose());
    match state.repositories.identity().confirm(account, &presented, &roles).await? {
        CodeCheck::Right => Ok(HttpResponse::NoContent().finish()),
        CodeCheck::Wrong { .. } | CodeCheck::Gone => Err(wrong_code()),
    }
}

impl ConfirmRequest {
    fn check(&self) -> std::result::Result<(Email, ConfirmationCode), Vec<Invalid>> {
        let mut problems = Problems::default();
        let email = problems.note(Email::parse(&self.email));
        let code = problems.note(ConfirmationCode::parse(&self.code));
        match (email, code) {
            (Some(email), Some(code)) => Ok((email, code)),
            _ => Err(problems.finish().err().unwrap_or_default()),
        }
    }
}

/// How many tries are left is not said: it would tell a known address from an unknown one.
fn wrong_code() -> Problem {
    Problem::new(Code::WrongCode).errors(vec![Invalid::new("code", "wrong_code", "is wrong, used up or too old")])
}

fn roles_of(email: &Email, bootstrap_admin: &str) -> Vec<Role> {
    match Email::parse(bootstrap_admin) {
        Ok(admin) if admin == *email => vec![Role::User, Role::Admin],
        _ => vec![Role::User],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bootstrap_address_becomes_admin() {
        let ada = Email::parse("ada@example.org").unwrap();
        assert_eq!(roles_of(&ada, "Ada@Example.org"), [Role::User, Role::Admin]);
        for other in ["", "eve@example.org", "nonsense"] {
            assert_eq!(roles_of(&ada, other), [Role::User]);
        }
    }
}
