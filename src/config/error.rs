//! What is wrong with a configuration: one line that names the key, says where its value came from and what would be right.
//! No value is ever repeated, because it may be a secret.

/// Why there is no configuration to run with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file is missing, unreadable or no text.
    #[error("{file}: cannot be read: {reason}")]
    Unreadable {
        /// The file, as it was named.
        file: String,
        /// What the system says.
        reason: String,
    },
    /// The file is not TOML.
    #[error("{file}: line {line}: {message}")]
    Syntax {
        /// The file, as it was named.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// A key of the file is unknown, or its value is wrong.
    #[error("{file}: {key}: {message}")]
    InFile {
        /// The file, as it was named.
        file: String,
        /// The key, dotted: `http.listen`.
        key: String,
        /// What would be right.
        message: String,
    },
    /// A variable matches no key, or its value is wrong.
    #[error("{variable}: {message} ({key})")]
    InVariable {
        /// The variable: `BROADSHEET__HTTP__LISTEN`.
        variable: String,
        /// The key that it sets, dotted: `http.listen`.
        key: String,
        /// What would be right.
        message: String,
    },
    /// A key that is set nowhere must be set, or does not go with another.
    #[error("{key}: {message}")]
    Unset {
        /// The key, dotted: `http.listen`.
        key: String,
        /// What would be right.
        message: String,
    },
}
