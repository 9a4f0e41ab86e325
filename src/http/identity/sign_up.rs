//! `POST /v1/identity/sign-up`.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::mail;
use crate::{
    domain::{
        Account, AccountId, Bio, Email, Handle, Invalid, MailPreferences, Name, Password, Problems, Role, Timestamp,
    },
    http::{
        api::refusals::{BadBody, HandleTaken, Limited},
        extract::Json,
        problem::{Code, Problem, Result},
        state::State,
    },
    store::SignUp,
};

/// Who wants an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUpRequest {
    /// Where the code goes. One account per address.
    #[schema(example = "ada@example.org", format = "email")]
    email: String,
    /// 10 to 200 characters.
    #[schema(example = "correct horse battery staple", format = "password", write_only)]
    password: String,
    /// The public name in links: 2 to 30 of `a-z 0-9 _ -`, beginning with a letter.
    #[schema(example = "ada")]
    handle: String,
    /// The name people read: 1 to 80 characters.
    #[schema(example = "Ada Lovelace")]
    name: String,
}

struct Applicant {
    email: Email,
    password: Password,
    handle: Handle,
    name: Name,
}

/// Sign up
///
/// Asks for an account; a code of six digits goes out by mail. The answer is the same whether or not the address is
/// known. An account that was never confirmed is replaced. Handles are public: one that is taken is said to be.
#[utoipa::path(
    post,
    path = "/v1/identity/sign-up",
    tag = "identity",
    request_body = SignUpRequest,
    responses(
        BadBody,
        (status = 202, description = "Look into your mail"),
        HandleTaken,
        Limited,
    ),
    security(())
)]
pub async fn sign_up(state: web::Data<State>, Json(request): Json<SignUpRequest>) -> Result<HttpResponse> {
    let Applicant { email, password, handle, name } = request.check()?;
    state.codes.admit(&email)?;
    let password_hash = state.passwords.hash(password).await?;
    let (now, code_ttl) = (state.clock.now(), state.config.identity.code_ttl.get());
    let (code, record) = state.codes.issue(&email, now, code_ttl);
    let account = new_account(email.clone(), handle, name, now);
    let mail = match state.repositories.identity().sign_up(&account, &password_hash, &record).await? {
        SignUp::Created => mail::code_mail(&state.public_url, email, &code, code_ttl, false),
        SignUp::Replaced => mail::code_mail(&state.public_url, email, &code, code_ttl, true),
        SignUp::EmailKnown => mail::known_mail(&state.public_url, email),
        SignUp::HandleTaken => {
            let taken = Invalid::new("handle", "handle_taken", "belongs to somebody else");
            return Err(Problem::new(Code::HandleTaken).errors(vec![taken]));
        }
    };
    mail::send_later(&state, mail);
    Ok(HttpResponse::Accepted().finish())
}

impl SignUpRequest {
    fn check(&self) -> std::result::Result<Applicant, Vec<Invalid>> {
        let mut problems = Problems::default();
        let email = problems.note(Email::parse(&self.email));
        let password = problems.note(Password::parse(&self.password));
        let handle = problems.note(Handle::parse(&self.handle));
        let name = problems.note(Name::parse(&self.name));
        match (email, password, handle, name) {
            (Some(email), Some(password), Some(handle), Some(name)) => Ok(Applicant { email, password, handle, name }),
            _ => Err(problems.finish().err().unwrap_or_default()),
        }
    }
}

fn new_account(email: Email, handle: Handle, name: Name, now: Timestamp) -> Account {
    Account {
        id: AccountId::generate(),
        email,
        handle,
        name,
        bio: Bio::from_trusted(String::new()),
        roles: vec![Role::User],
        mail: MailPreferences::default(),
        hold_until_approved: false,
        created_at: now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let request: SignUpRequest =
            serde_json::from_str(r#"{"email": "nobody", "password": "short", "handle": "1", "name": ""}"#).unwrap();
        let errors = request.check().err().unwrap();
        let fields: Vec<_> = errors.iter().map(|invalid| invalid.field.as_str()).collect();
        assert_eq!(fields, ["email", "password", "handle", "name"]);
    }
}
