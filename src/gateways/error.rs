//! Errors of external services, classified by what the caller should do. They contain no addresses, bodies or secrets.

use std::time::Duration;

/// A failed call to an external service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The service is down, slow or busy, or our own settings are wrong: the same call may succeed later.
    #[error("{0}")]
    Transient(String),
    /// The service asks for fewer calls.
    #[error("asked to wait for {} s", .retry_after.as_secs())]
    RateLimited {
        /// How long to wait before the next call.
        retry_after: Duration,
    },
    /// The service defers this call only (a greylisted sender, a busy mailbox): it may succeed in minutes or hours, and
    /// other calls need not wait for it.
    #[error("{0}")]
    Deferred(String),
    /// The service refuses this call, and would refuse it again.
    #[error("{0}")]
    Permanent(String),
    /// The recipient cannot receive mail at all: every mail to them would be refused.
    #[error("{0}")]
    Undeliverable(String),
    /// It is not known whether the service has done it: the call must not be repeated where twice is worse than never.
    #[error("{0}")]
    Uncertain(String),
}

impl Error {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Transient(_) | Self::RateLimited { .. } | Self::Deferred(_) => true,
            Self::Permanent(_) | Self::Undeliverable(_) | Self::Uncertain(_) => false,
        }
    }
}
