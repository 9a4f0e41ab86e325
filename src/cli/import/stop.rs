//! Errors that end a whole import, each as one line that says what to do. Errors of single files are elsewhere.

use std::{io, path::PathBuf};

use thiserror::Error;
use tokio::task::JoinError;

/// Why the import cannot continue.
#[derive(Debug, Error)]
pub(super) enum Stop {
    /// The folder does not exist, is not a folder, or cannot be read.
    #[error("cannot read the folder {}: {source}", .folder.display())]
    Folder {
        /// As given on the command line.
        folder: PathBuf,
        /// The file system's error.
        source: io::Error,
    },
    /// Nothing to import.
    #[error("there are no Markdown files (*.md, *.markdown) in {}", .0.display())]
    Empty(PathBuf),
    /// No token, or an empty one.
    #[error(
        "no access token: set BROADSHEET_TOKEN, or use --token-file FILE, with the access_token that signing in returns"
    )]
    NoToken,
    /// The file with the token does not exist or cannot be read.
    #[error("cannot read the token from {}: {source}", .file.display())]
    TokenFile {
        /// As given on the command line.
        file: PathBuf,
        /// The file system's error.
        source: io::Error,
    },
    /// The token contains invalid characters.
    #[error("the access token is invalid: it contains white space or control characters")]
    MalformedToken,
    /// The server refused the token from the start.
    #[error("{0}; sign in and use the access_token of the response, which is valid for 15 minutes")]
    Refused(String),
    /// The server accepted the token for some time.
    #[error(
        "the access token has expired: sign in and run the same command with the new one; it resumes where it stopped"
    )]
    Expired,
    /// The token is valid, but not for publishing.
    #[error("this account or token may not publish: {0}")]
    Forbidden(String),
    /// Not the URL of a server.
    #[error("`{0}` is not a server's URL: write it as http://127.0.0.1:8080")]
    Address(String),
    /// The client cannot be set up.
    #[error("cannot set up HTTPS: {0}")]
    Client(String),
    /// No connection, or it keeps breaking.
    #[error("cannot reach {address}: {reason}; is the server running there?")]
    Unreachable {
        /// The address posts are sent to.
        address: String,
        /// The network error.
        reason: String,
    },
    /// Another program answers.
    #[error("{address} answers with status {status}: is that the address of a Broadsheet server?")]
    UnexpectedResponse {
        /// The address posts are sent to.
        address: String,
        /// The status.
        status: u16,
    },
    /// The server repeatedly asked to try again later.
    #[error(
        "the server accepts nothing at the moment ({reason}); run the same command later, and it resumes where it stopped"
    )]
    Unavailable {
        /// The server's message.
        reason: String,
    },
    /// A task was lost: a bug in this program.
    #[error("an upload was interrupted: {0}")]
    Lost(#[from] JoinError),
}
