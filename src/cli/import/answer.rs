//! What the server's response means for a file, and for the whole import. Pure: nothing here waits or sends.

use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;

use super::{Outcome, post::Post, stop::Stop};
use crate::{cli::remote::Problem, http::problem::Code};

/// A response to `POST /v1/posts`.
pub(super) struct Answer {
    /// Its status.
    pub(super) status: StatusCode,
    /// When to try again, if it says so.
    pub(super) retry_after: Option<Duration>,
    /// Its body.
    pub(super) body: Bytes,
}

/// The next step.
#[derive(Debug)]
pub(super) enum Next {
    /// The file is finished.
    Done(Outcome),
    /// Try again, but not before this time has passed.
    Again {
        /// The time the server asks for.
        after: Duration,
        /// The server's message.
        reason: String,
    },
    /// No other file can succeed either.
    Stop(Stop),
}

impl Answer {
    /// Interprets the response to `post`, which was sent to `address`. `was_accepted` says whether the token was
    /// accepted before.
    pub(super) fn read(&self, post: &Post, address: &str, was_accepted: bool) -> Next {
        let problem = serde_json::from_slice::<Problem>(&self.body).ok();
        let said = || problem.as_ref().map_or_else(|| format!("status {}", self.status), Problem::sentence);
        match self.status.as_u16() {
            201 => Next::Done(post.taken()),
            408 | 429 | 502 | 503 | 504 => Next::Again { after: self.retry_after.unwrap_or_default(), reason: said() },
            401 if was_accepted => Next::Stop(Stop::Expired),
            401 => Next::Stop(Stop::Refused(said())),
            403 => Next::Stop(Stop::Forbidden(said())),
            status @ (..=399 | 404 | 405) => {
                Next::Stop(Stop::UnexpectedResponse { address: address.to_owned(), status })
            }
            _ => Next::Done(match &problem {
                Some(problem) if problem.code == Code::SlugTaken.as_str() => Outcome::AlreadyThere,
                Some(problem) => Outcome::NotTaken(line(problem, post)),
                None => Outcome::NotTaken(format!("the server answered with status {}", self.status)),
            }),
        }
    }
}

/// All errors of the file, in one line.
fn line(problem: &Problem, post: &Post) -> String {
    if problem.errors.is_empty() {
        return problem.sentence();
    }
    problem.errors.iter().map(|error| post.explain(&error.field, &error.message)).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cli::import::{files, post::Posts};

    fn post(text: &str) -> Post {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.md"), text).unwrap();
        let file = files::find(folder.path()).unwrap().files.remove(0);
        Posts::new(false, "2026-11-30T00:00:00Z".parse().unwrap()).make(&file, text.as_bytes()).ok().unwrap()
    }

    fn read(status: u16, body: &Value, was_accepted: bool) -> Next {
        let body = if body.is_null() { Bytes::from_static(b"<html>") } else { body.to_string().into() };
        let answer = Answer { status: StatusCode::from_u16(status).unwrap(), retry_after: None, body };
        answer.read(&post("---\ntags: [a/b]\n---\nText"), "http://host/v1/posts", was_accepted)
    }

    fn done(status: u16, body: &Value) -> Outcome {
        match read(status, body, false) {
            Next::Done(outcome) => outcome,
            next => panic!("{status}: {next:?}"),
        }
    }

    #[test]
    fn a_problem_becomes_one_clear_line() {
        let body = json!({"title": "Invalid input", "code": "invalid_input", "status": 422,
            "detail": "2 values are wrong", "errors": [
                {"field": "title", "code": "too_long", "message": "must have at most 200 characters"},
                {"field": "tags.0", "code": "invalid_characters", "message": "must consist of letters"}]});
        let line = "title must have at most 200 characters; the tag `a/b` must consist of letters";
        assert_eq!(done(422, &body), Outcome::NotTaken(line.to_owned()));
        let body = json!({"title": "Internal server error", "code": "internal", "request_id": "r1"});
        assert_eq!(done(500, &body), Outcome::NotTaken("Internal server error (request r1)".to_owned()));
        let line = "the server answered with status 413 Payload Too Large";
        assert_eq!(done(413, &Value::Null), Outcome::NotTaken(line.to_owned()));
    }

    #[test]
    fn a_taken_slug_means_that_the_file_is_already_there() {
        assert_eq!(done(409, &json!({"title": "t", "code": "slug_taken"})), Outcome::AlreadyThere);
        assert_eq!(done(409, &json!({"title": "t", "code": "conflict"})), Outcome::NotTaken("t".to_owned()));
        assert_eq!(done(201, &Value::Null), Outcome::Published);
    }

    #[test]
    fn a_token_that_was_good_has_expired() {
        let body = json!({"title": "t", "code": "invalid_token", "detail": "the access token is malformed"});
        assert!(matches!(read(401, &body, true), Next::Stop(Stop::Expired)));
        assert!(matches!(read(401, &body, false), Next::Stop(Stop::Refused(said)) if said.contains("malformed")));
        assert!(matches!(read(403, &Value::Null, true), Next::Stop(Stop::Forbidden(_))));
    }

    #[test]
    fn strangers_stop_the_import_and_busy_servers_do_not() {
        for status in [200, 301, 404, 405] {
            assert!(
                matches!(read(status, &Value::Null, false), Next::Stop(Stop::UnexpectedResponse { .. })),
                "{status}"
            );
        }
        for status in [408, 429, 502, 503, 504] {
            assert!(matches!(read(status, &Value::Null, false), Next::Again { .. }), "{status}");
        }
    }
}
