//! Configuration errors: one line that names the key, where its value came from, and what would be valid. A value is
//! never repeated, because it may be a secret.

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file is missing, unreadable or not text.
    #[error("{file}: cannot be read: {reason}")]
    Unreadable {
        /// The file, as it was named.
        file: String,
        /// The system's message.
        reason: String,
    },
    /// The file is not TOML.
    #[error("{file}: line {line}: {message}")]
    Syntax {
        /// The file, as it was named.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong in that line.
        message: String,
    },
    /// A key in the file is unknown, or its value is invalid.
    #[error("{file}: {key}: {message}")]
    InFile {
        /// The file, as it was named.
        file: String,
        /// The key, dotted: `http.listen`.
        key: String,
        /// What would be valid.
        message: String,
    },
    /// A variable matches no key, or its value is invalid.
    #[error("{variable}: {message} ({key})")]
    InVariable {
        /// The variable: `BROADSHEET__HTTP__LISTEN`.
        variable: String,
        /// The key it sets, dotted: `http.listen`.
        key: String,
        /// What would be valid.
        message: String,
    },
    /// A key that is not set must be set, or conflicts with another.
    #[error("{key}: {message}")]
    Unset {
        /// The key, dotted: `http.listen`.
        key: String,
        /// What would be valid.
        message: String,
    },
}
