//! How a worker's run can end.

use std::time::Duration;

use crate::{gateways, store, store::Effects};

/// How a run of [`super::Worker::perform`] ended.
#[derive(Debug)]
pub enum Outcome {
    /// Finished. The effects are committed together with the cursor or the delivery's row.
    Done(Effects),
    /// A part is finished; goes on at once from `progress`, without spending a receive.
    Continue {
        /// Where it goes on.
        progress: serde_json::Value,
        /// What this part wrote.
        effects: Effects,
    },
    /// Failed; tried again after a backoff, until the receives are spent.
    Retry(Error),
    /// Not now: tried again after this time, without spending a receive.
    Snooze(Duration),
    /// Will never work: straight to the dead letters.
    Reject(Error),
}

impl Outcome {
    /// Finished, with nothing to write.
    #[must_use]
    pub fn done() -> Self {
        Self::Done(Effects::none())
    }
}

/// Why a run failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Something outside does not work at present: counts towards the breaker.
    #[error("{0}")]
    Transient(String),
    /// Something outside asks to be left alone for a while.
    #[error("asked to wait {} s", .0.as_secs())]
    RateLimited(Duration),
    /// This delivery does not work.
    #[error("{0}")]
    Fault(String),
}

impl From<Result<Self, Error>> for Outcome {
    fn from(result: Result<Self, Error>) -> Self {
        match result {
            Ok(outcome) => outcome,
            Err(Error::RateLimited(pause)) => Self::Snooze(pause),
            Err(error) => Self::Retry(error),
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Unavailable(_)
            | store::Error::NoRoom(_)
            | store::Error::Conflict(_)
            | store::Error::Locked(_) => Self::Transient(error.to_string()),
            store::Error::Exists(_)
            | store::Error::Refused(_)
            | store::Error::Corrupt(_)
            | store::Error::NewerSchema { .. }
            | store::Error::ForeignSchema { .. }
            | store::Error::HalfRestored(_)
            | store::Error::Backup(_) => Self::Fault(error.to_string()),
        }
    }
}

impl From<gateways::Error> for Error {
    fn from(error: gateways::Error) -> Self {
        match error {
            gateways::Error::Transient(message) => Self::Transient(message),
            gateways::Error::RateLimited { retry_after } => Self::RateLimited(retry_after),
            gateways::Error::Deferred(message)
            | gateways::Error::Permanent(message)
            | gateways::Error::Undeliverable(message)
            | gateways::Error::Uncertain(message) => Self::Fault(message),
        }
    }
}
