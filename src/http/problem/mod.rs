//! What a client gets when something is wrong: one `application/problem+json` body (RFC 9457) for everything.
//!
//! `code.rs` is the table of codes, `convert.rs` sorts the errors of the other modules into it, `render.rs` is the
//! middleware that writes the request's id into the body. No handler builds an error body by hand.

mod code;
mod convert;
mod render;

use std::{fmt, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    body::BoxBody,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Invalid, Scope};

pub use code::Code;
pub(super) use render::render;

/// What handlers and extractors return.
pub type Result<T> = std::result::Result<T, Problem>;

/// The media type of a problem.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// An answer that says what is wrong.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: Option<String>,
    errors: Vec<Invalid>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<String>,
}

impl Problem {
    /// A problem of that code; the status and the title follow from it.
    #[must_use]
    pub fn new(code: Code) -> Self {
        let mut headers = Vec::new();
        if code.status() == StatusCode::UNAUTHORIZED {
            let challenge = match code {
                Code::InvalidToken => r#"Bearer realm="broadsheet", error="invalid_token""#,
                _ => r#"Bearer realm="broadsheet""#,
            };
            headers.push((header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge)));
        }
        Self { code, detail: None, errors: Vec::new(), headers, cause: None }
    }

    /// A token that lacks `scope` (RFC 6750, section 3.1).
    #[must_use]
    pub fn missing_scope(scope: Scope) -> Self {
        let scope = scope.as_str();
        let challenge = format!(r#"Bearer realm="broadsheet", error="insufficient_scope", scope="{scope}""#);
        let problem = Self::new(Code::InsufficientScope).detail(format!("the access token lacks the scope {scope}"));
        match HeaderValue::try_from(challenge) {
            Ok(challenge) => problem.header(header::WWW_AUTHENTICATE, challenge),
            Err(_) => problem,
        }
    }

    /// Something this server did wrong. `cause` goes to the log and never to the client.
    #[must_use]
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::new(Code::Internal).cause(cause)
    }

    /// One sentence about this occurrence: lower case, no full stop. Not shown for 5xx.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Everything that is wrong with the input, field by field.
    #[must_use]
    pub fn errors(mut self, errors: Vec<Invalid>) -> Self {
        self.errors = errors;
        self
    }

    /// When to come back, in whole seconds, at least one.
    #[must_use]
    pub fn retry_after(self, after: Duration) -> Self {
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// A further header of the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// What really happened, for the log only.
    #[must_use]
    pub fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// Which problem it is.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// What really happened, if the log should say.
    #[must_use]
    pub fn logged_cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The body, naming the request it answers.
    #[must_use]
    pub fn body(&self, request_id: Option<&str>) -> ProblemBody {
        let status = self.code.status();
        ProblemBody {
            r#type: format!("urn:broadsheet:error:{}", self.code.as_str()),
            title: self.code.title().to_owned(),
            status: status.as_u16(),
            code: self.code.as_str().to_owned(),
            detail: self.detail.clone().filter(|_| !status.is_server_error()),
            request_id: request_id.map(str::to_owned),
            errors: self.errors.iter().map(FieldError::from).collect(),
        }
    }

    fn respond(&self, request_id: Option<&str>) -> HttpResponse {
        let mut response = HttpResponse::build(self.code.status());
        for (name, value) in &self.headers {
            response.append_header((name.clone(), value.clone()));
        }
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        response.insert_header((header::CONTENT_TYPE, CONTENT_TYPE)).body(render::to_json(&self.body(request_id)))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())?;
        self.detail.as_ref().map_or(Ok(()), |detail| write!(f, ": {detail}"))
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.respond(None)
    }
}

/// A problem as it goes over the wire (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// `urn:broadsheet:error:` and the code.
    #[schema(example = "urn:broadsheet:error:invalid_input")]
    pub r#type: String,
    /// The same phrase for every problem of this code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// A stable snake_case code for programs.
    #[schema(example = "invalid_input")]
    pub code: String,
    /// A sentence about this occurrence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The request's id, which the log knows, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What is wrong with the input, field by field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// What is wrong with one field.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldError {
    /// The field as the client wrote it, dotted where it is nested.
    #[schema(example = "title")]
    pub field: String,
    /// A stable snake_case code for programs.
    #[schema(example = "too_long")]
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

impl From<&Invalid> for FieldError {
    fn from(invalid: &Invalid) -> Self {
        Self { field: invalid.field.clone(), code: invalid.code.to_owned(), message: invalid.message.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_error_shows_neither_detail_nor_cause() {
        let problem = Problem::internal("disk on fire").detail("in room 5");
        let body = serde_json::to_value(problem.body(Some("r1"))).unwrap();
        let shown = serde_json::json!({
            "type": "urn:broadsheet:error:internal", "title": "Internal server error", "status": 500,
            "code": "internal", "request_id": "r1",
        });
        assert_eq!(body, shown);
        assert_eq!(problem.logged_cause(), Some("disk on fire"));
    }

    #[test]
    fn a_refused_token_gets_a_challenge() {
        let response = Problem::new(Code::InvalidToken).error_response();
        assert_eq!(response.status(), 401);
        assert!(response.headers().get("www-authenticate").unwrap().to_str().unwrap().contains("invalid_token"));
        let response = Problem::missing_scope(Scope::PostsWrite).error_response();
        assert!(response.headers().get("www-authenticate").unwrap().to_str().unwrap().contains("posts:write"));
    }

    #[test]
    fn retry_after_rounds_up() {
        let response = Problem::new(Code::Busy).retry_after(Duration::from_millis(1_200)).error_response();
        assert_eq!(response.headers().get("retry-after").unwrap(), "2");
    }
}
