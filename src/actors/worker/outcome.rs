//! What a worker answers when it was performed.

use std::time::Duration;

use serde::Serialize;

use crate::{gateways, store, store::Effects};

/// How a run of [`super::Worker::perform`] ended without an error.
///
/// | answer | means | spends a receive | next run | bound |
/// |---|---|---|---|---|
/// | `Ok(Done)` | finished; its effects are committed with the cursor or the delivery's row | – | none | – |
/// | `Ok(Continue)` | a part is finished and its effects are committed | no; starts counting receives from zero | at once, from `progress` | none: the worker has to come to an end |
/// | `Ok(Snooze(t))` | not now | no | after `t` | none |
/// | `Ok(Reject)` | will never work | – | none: dead letter | – |
/// | `Err(Fault)` | this delivery does not work | yes | after 1 s · 2ⁿ with full jitter, at most the visibility timeout | `max_receives`, then a dead letter |
/// | `Err(Transient)` | something outside does not answer; counts towards the breaker | yes, until five in a row open the breaker | as above; with an open breaker after its next probe | `max_receives`, but never while nothing outside has answered |
/// | `Err(RateLimited(t))` | something outside asks for a pause | no | after `t` | none |
/// | no answer within `timeout` | cancelled | yes | as after a fault | `max_receives` |
/// | panic | the worker restarts | yes | as after a fault | `max_receives`; five restarts a minute, then the worker is parked |
/// | end of the process | the lease is lost | yes | isolated: nothing runs beside it | `max_receives` |
#[derive(Debug)]
pub enum Outcome {
    /// Finished. The effects are committed together with the cursor or the delivery's row.
    Done(Effects),
    /// A part is finished; the next run starts at once from `progress`, without spending a receive.
    Continue {
        /// Where the next run starts.
        progress: serde_json::Value,
        /// What this part wrote.
        effects: Effects,
    },
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

    /// A part is finished; the next run finds `progress` in [`super::Delivery::progress`].
    ///
    /// # Errors
    /// [`Error::Fault`] when `progress` cannot be written as JSON.
    pub fn continue_from(progress: &impl Serialize, effects: Effects) -> Result<Self, Error> {
        let progress = serde_json::to_value(progress).map_err(|error| Error::Fault(error.to_string()))?;
        Ok(Self::Continue { progress, effects })
    }
}

/// Why a run failed. What follows from each is in the table of [`Outcome`].
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
