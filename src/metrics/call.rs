//! Measures one call to an external service: its duration and outcome, even if the caller did not wait for the end.

use std::time::{Duration, Instant};

use crate::gateways::Error;

/// The outcome of a call that was cancelled by its worker's timeout or because the node stopped.
const CANCELLED: &str = "cancelled";

/// The outcomes of calls that did not succeed.
pub(super) const FAILURES: [&str; 7] =
    ["transient", "rate_limited", "deferred", "permanent", "undeliverable", "uncertain", CANCELLED];

/// The upper bounds of the buckets, in seconds, as OpenTelemetry recommends for calls to models; they suit mail as
/// well.
pub(super) const BOUNDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/// A call in progress, recorded when it is dropped.
pub(super) struct Call<R: Fn(&'static str, Duration)> {
    began: Instant,
    outcome: &'static str,
    record: R,
}

impl<R: Fn(&'static str, Duration)> Call<R> {
    /// Starts a call; `record` gets its outcome and duration.
    pub(super) fn begin(record: R) -> Self {
        Self { began: Instant::now(), outcome: CANCELLED, record }
    }

    /// Ends the call.
    pub(super) fn end(mut self, outcome: &'static str) {
        self.outcome = outcome;
    }
}

impl<R: Fn(&'static str, Duration)> Drop for Call<R> {
    fn drop(&mut self) {
        (self.record)(self.outcome, self.began.elapsed());
    }
}

/// The label of an error in metrics.
pub(super) const fn failure(error: &Error) -> &'static str {
    match error {
        Error::Transient(_) => "transient",
        Error::RateLimited { .. } => "rate_limited",
        Error::Deferred(_) => "deferred",
        Error::Permanent(_) => "permanent",
        Error::Undeliverable(_) => "undeliverable",
        Error::Uncertain(_) => "uncertain",
    }
}
