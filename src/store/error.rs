//! What can go wrong with the database, told without its own types.

use super::{Guard, Room};

/// Why a store operation failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The database is gone, full or too slow; the operation may or may not have happened.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// The disk has too little room to open the database.
    #[error("{0}")]
    NoRoom(Room),
    /// Somebody else wrote the same rows and went on doing so through every retry; nothing was written.
    #[error("too many writers at once: {0}")]
    Conflict(String),
    /// A row that must be new exists already; nothing was written.
    #[error("a row exists already: {0}")]
    Exists(String),
    /// A guard inside the transaction refused it; nothing was written.
    #[error("refused by a guard: {0}")]
    Refused(Guard),
    /// A row does not have the shape that this version writes.
    #[error("a row cannot be read: {0}")]
    Corrupt(String),
    /// The database was written by a newer version.
    #[error(
        "the database has schema {found}, this version knows {known}; start the newer version, or restore the backup made before the upgrade"
    )]
    NewerSchema {
        /// The schema in the database.
        found: u32,
        /// The newest schema this version knows.
        known: u32,
    },
    /// A migration that was applied is not the one this version has under that number.
    #[error("migration {number} was applied with another text; this binary does not belong to this database")]
    ForeignSchema {
        /// The migration's number.
        number: u32,
    },
    /// Another process has the database folder open.
    #[error("the database is in use by another process: {0}")]
    Locked(String),
    /// A restore into this folder has not come to its end.
    #[error(
        "{0} holds a restore that did not come to its end: run `broadsheet restore` again, or remove that folder to start with an empty database"
    )]
    HalfRestored(String),
    /// The file is no backup that this version can read, or it was cut short or changed.
    #[error("{0}")]
    Backup(String),
}

impl From<surrealdb::Error> for Error {
    fn from(error: surrealdb::Error) -> Self {
        use surrealdb::types::QueryError;
        let text = error.to_string();
        if matches!(error.query_details(), Some(QueryError::TransactionConflict))
            || text.contains("This transaction can be retried")
        {
            Self::Conflict(text)
        } else if error.is_already_exists() {
            Self::Exists(text)
        } else if let Some(guard) = Guard::parse(text.trim_start_matches("An error occurred: ")) {
            Self::Refused(guard)
        } else if error.is_serialization() || error.is_validation() {
            Self::Corrupt(text)
        } else {
            Self::of_text(text)
        }
    }
}

impl Error {
    /// What a text without a kind of its own means: only the texts of locks are known.
    pub(super) fn of_text(text: String) -> Self {
        if text.contains("lock hold by current process") || text.contains("While lock file") {
            Self::Locked(text)
        } else {
            Self::Unavailable(text)
        }
    }
}
