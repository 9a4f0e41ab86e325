//! Why an operator's command fails: one line that says what to do next, and the exit code for scripts.

use std::{io, path::PathBuf};

use reqwest::StatusCode;
use thiserror::Error;

use crate::cli::remote::{Problem, printable};

/// Why a command cannot do what it was asked for.
#[derive(Debug, Error)]
pub(super) enum Failure {
    /// No address of a server.
    #[error("`{0}` is not the address of a server: write it as http://127.0.0.1:8080")]
    Address(String),
    /// The client cannot be set up.
    #[error("cannot set up HTTPS: {0}")]
    Client(String),
    /// No connection, or none that lasts.
    #[error("cannot reach {address}: {reason}; is the server running there?")]
    Unreachable {
        /// The server.
        address: String,
        /// What the network says.
        reason: String,
    },
    /// Somebody else answers, or a server of another version.
    #[error("{address} answers with {what}: is that the address of a Broadsheet server of this version?")]
    UnexpectedResponse {
        /// The server.
        address: String,
        /// What is odd.
        what: String,
    },
    /// The server has too much to do, or is about to go.
    #[error("the server cannot do it at the moment ({0}); try again later")]
    Unavailable(String),
    /// The server understands and says no.
    #[error("{0}")]
    Refused(String),
    /// No token and no session.
    #[error("you are not signed in: broadsheet login --url {0}")]
    NotSignedIn(String),
    /// The session is at another server; its token goes nowhere else.
    #[error("you are signed in at {known}, not at {asked}: broadsheet login --url {asked}")]
    OtherServer {
        /// Where the session is.
        known: String,
        /// Where the command was to go.
        asked: String,
    },
    /// The session cannot be refreshed any more.
    #[error("the session has ended ({why}): broadsheet login --url {address}")]
    SessionEnded {
        /// The server.
        address: String,
        /// What it says.
        why: String,
    },
    /// The token in the variable is not good.
    #[error("{0}; BROADSHEET_TOKEN must hold an access token that has not expired, or be unset after broadsheet login")]
    TokenRefused(String),
    /// The token in the variable is none.
    #[error("BROADSHEET_TOKEN is no access token: it has white space or control characters in it")]
    MalformedToken,
    /// Signed in, but may not.
    #[error("not allowed: {0}")]
    NotAllowed(String),
    /// Others can read the session.
    #[error(
        "{} can be read by others (mode {mode:03o}), so it is not used: chmod 600 it, or sign out and in again \
         if somebody may have read it", .file.display()
    )]
    Exposed {
        /// The file with the session.
        file: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The session is somebody else's.
    #[error("{} belongs to another user, so it is not used: run the command as that user, or set BROADSHEET_TOKEN", .0.display())]
    NotYours(PathBuf),
    /// The file with the session cannot be read or written.
    #[error("cannot keep the session in {}: {source}", .file.display())]
    Credentials {
        /// The file.
        file: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
    /// The file with the session holds something else.
    #[error("{} holds no session: sign in again with broadsheet login", .0.display())]
    NoCredentials(PathBuf),
    /// There is no folder to keep a session in.
    #[error("there is no home folder to keep a session in: set HOME, or set BROADSHEET_TOKEN instead of signing in")]
    NoHome,
    /// What was asked for makes no sense here.
    #[error("{0}")]
    Usage(String),
    /// A person said no.
    #[error("nothing was done")]
    Declined,
}

impl Failure {
    /// How the process ends.
    pub(super) const fn exit_code(&self) -> u8 {
        match self {
            Self::Address(_) | Self::Usage(_) => 2,
            Self::NotSignedIn(_)
            | Self::OtherServer { .. }
            | Self::SessionEnded { .. }
            | Self::TokenRefused(_)
            | Self::MalformedToken
            | Self::NotAllowed(_)
            | Self::Exposed { .. }
            | Self::NotYours(_)
            | Self::NoCredentials(_) => 77,
            Self::Client(_)
            | Self::Unreachable { .. }
            | Self::UnexpectedResponse { .. }
            | Self::Unavailable(_)
            | Self::Refused(_)
            | Self::Credentials { .. }
            | Self::NoHome
            | Self::Declined => 1,
        }
    }

    /// Whether it may be gone in a moment: the server restarts, or has too much to do.
    pub(super) const fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unavailable(_))
    }

    /// What an answer that is no success means. What a 401 means depends on where the token came from.
    pub(super) fn of_answer(address: &str, status: StatusCode, body: &[u8]) -> Self {
        let problem = serde_json::from_slice::<Problem>(body).ok();
        let said = problem.as_ref().map(|problem| printable(&everything(problem)));
        let status_line = || format!("status {}", status.as_u16());
        match (status.as_u16(), said) {
            (429 | 502 | 503 | 504, said) => Self::Unavailable(said.unwrap_or_else(status_line)),
            (_, None) => Self::UnexpectedResponse { address: address.to_owned(), what: status_line() },
            (403, Some(said)) => Self::NotAllowed(said),
            (_, Some(said)) => Self::Refused(said),
        }
    }
}

/// All that is wrong, in one line.
fn everything(problem: &Problem) -> String {
    if problem.errors.is_empty() {
        return problem.sentence();
    }
    let line = |error: &crate::cli::remote::FieldError| format!("{} {}", error.field, error.message);
    problem.errors.iter().map(line).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Failure {
        Failure::of_answer("http://h", StatusCode::from_u16(status).unwrap(), body.as_bytes())
    }

    #[test]
    fn scripts_can_tell_failures_apart() {
        let problem = r#"{"title": "t", "code": "c", "detail": "no worker is called x"}"#;
        for (failure, code, said) in [
            (of(404, problem), 1, "no worker is called x"),
            (of(403, problem), 77, "not allowed: no worker is called x"),
            (of(503, "<html>"), 1, "the server cannot do it at the moment (status 503); try again later"),
            (Failure::NotSignedIn("http://h".to_owned()), 77, "you are not signed in: broadsheet login --url http://h"),
            (
                Failure::Address("h".to_owned()),
                2,
                "`h` is not the address of a server: write it as http://127.0.0.1:8080",
            ),
        ] {
            assert_eq!((failure.exit_code(), failure.to_string().as_str()), (code, said));
        }
        assert!(matches!(of(404, "<html>"), Failure::UnexpectedResponse { .. }));
    }

    #[test]
    fn wrong_values_are_all_said_in_one_line_without_control_characters() {
        let body = r#"{"title": "t", "code": "invalid_input", "errors": [
            {"field": "rate", "code": "x", "message": "must be at least 1"},
            {"field": "ids.0", "code": "x", "message": "is \u001b[2J no id"}]}"#;
        assert_eq!(of(422, body).to_string(), "rate must be at least 1; ids.0 is \u{fffd}[2J no id");
    }
}
