//! What can go wrong outside, sorted by what the caller should do about it. No addresses, bodies or secrets in here.

use std::time::Duration;

/// A call to the outside world that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The other side is away, slow or busy, or our own settings keep us out: the same call may succeed later.
    #[error("{0}")]
    Transient(String),
    /// The other side asks for fewer calls.
    #[error("asked to wait for {} s", .retry_after.as_secs())]
    RateLimited {
        /// How long to wait before the next call.
        retry_after: Duration,
    },
    /// The other side puts off this very call (a greylisted sender, a busy mailbox) and says nothing about others: it may
    /// succeed in minutes or hours, and nobody else need wait for it.
    #[error("{0}")]
    Deferred(String),
    /// The other side refuses this very call, and would refuse it again.
    #[error("{0}")]
    Permanent(String),
    /// The recipient cannot get mail at all: every mail to them would be refused.
    #[error("{0}")]
    Undeliverable(String),
    /// Nobody knows whether the other side has done it: it must not be tried again where twice is worse than never.
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
