//! What ends a whole import, in one line that says what to do. What is wrong with a single file lives elsewhere.

use std::{io, path::PathBuf};

use thiserror::Error;
use tokio::task::JoinError;

/// Why the import cannot go on.
#[derive(Debug, Error)]
pub(super) enum Stop {
    /// The folder is not there, is none, or may not be read.
    #[error("cannot read the folder {}: {source}", .folder.display())]
    Folder {
        /// As given on the command line.
        folder: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
    /// Nothing to import.
    #[error("there are no Markdown files (*.md, *.markdown) in {}", .0.display())]
    Empty(PathBuf),
    /// No token, or an empty one.
    #[error(
        "no access token: set BROADSHEET_TOKEN, or give --token-file FILE, to the access_token that signing in returns"
    )]
    NoToken,
    /// The file with the token is not there or may not be read.
    #[error("cannot read the token from {}: {source}", .file.display())]
    TokenFile {
        /// As given on the command line.
        file: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
    /// Something else was given for the token.
    #[error("the access token is not one: it has white space or control characters in it")]
    MalformedToken,
    /// The server has refused the token from the start.
    #[error("{0}; sign in and give the access_token of the answer, which lives 15 minutes")]
    Refused(String),
    /// The server took the token for some time.
    #[error(
        "the access token has expired: sign in and run the same command with the new one; it goes on where it stopped"
    )]
    Expired,
    /// The token is good, but not for this.
    #[error("this account or token may not publish: {0}")]
    Forbidden(String),
    /// No address of a server.
    #[error("`{0}` is not the address of a server: write it as http://127.0.0.1:8080")]
    Address(String),
    /// The client cannot be set up.
    #[error("cannot set up HTTPS: {0}")]
    Client(String),
    /// No connection, or none that lasts.
    #[error("cannot reach {address}: {reason}; is the server running there?")]
    Unreachable {
        /// Where posts are sent to.
        address: String,
        /// What the network says.
        reason: String,
    },
    /// Somebody else answers.
    #[error("{address} answers with status {status}: is that the address of a Broadsheet server?")]
    UnexpectedResponse {
        /// Where posts are sent to.
        address: String,
        /// The status.
        status: u16,
    },
    /// The server asked to come back later, again and again.
    #[error(
        "the server takes nothing at the moment ({reason}); run the same command later and it goes on where it stopped"
    )]
    Unavailable {
        /// What the server says.
        reason: String,
    },
    /// A task was lost: a mistake in this program.
    #[error("an upload broke off: {0}")]
    Lost(#[from] JoinError),
}
