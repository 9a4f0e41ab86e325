//! Metrics and their export. Instruments are updated where things happen (`http`, `mail`, `moderation`); collectors
//! read at scrape time what the actors count anyway (`workers`, `publisher`), what the monitor has sampled (`backlog`),
//! and the process. Nothing here serves HTTP, and nothing is global: each node creates one [`Metrics`] and passes it
//! on.
//!
//! Names follow OpenTelemetry's conventions where they exist; otherwise they begin with `broadsheet_`. They include
//! their units. An [`Exposition`] is text in the OpenMetrics format.
//!
//! The number of series is limited by the program, not by what clients send or posts contain: no label has an id, a
//! path, an address or a text. With five workers there are about 650 series, and 18 more for each combination of route,
//! method and status that occurred. About 50 routes, each with ten methods answered with 405 and two answered with ten
//! statuses, give 27,000 at most, and about 3,000 in practice.

mod backlog;
mod call;
mod exposition;
mod families;
mod http;
mod mail;
mod moderation;
mod process;
mod publisher;
mod workers;

pub use exposition::{CONTENT_TYPE, Exposition};
pub use http::{ActiveRequest, HttpMetrics};
pub use mail::MailMetrics;
pub use moderation::{Judge, ModerationMetrics};

/// One node's instruments. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Requests.
    pub http: HttpMetrics,
    /// Mails.
    pub mail: MailMetrics,
    /// Verdicts.
    pub moderation: ModerationMetrics,
}
