//! Everything that a node exports, as text.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, text},
    registry::Registry,
};

use super::{Metrics, backlog, families::Families, process, publisher, workers};
use crate::{
    actors::{Monitor, Publisher, worker::Running},
    domain::Timestamp,
};

/// The media type of an exposition.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A node's current stats. Reading them takes only short locks.
#[derive(Debug)]
pub struct Exposition(Registry);

/// Values that are read at scrape time.
struct Node {
    workers: Vec<Running>,
    publisher: Publisher,
    monitor: Monitor,
    started: Timestamp,
}

impl Exposition {
    /// Creates it from these instruments, workers and publisher, and the last sample; `started` is when the node
    /// started.
    #[must_use]
    pub fn new(
        metrics: &Metrics,
        workers: &[Running],
        publisher: &Publisher,
        monitor: &Monitor,
        started: Timestamp,
    ) -> Self {
        let mut registry = Registry::default();
        metrics.http.register(&mut registry);
        metrics.mail.register(&mut registry);
        metrics.moderation.register(&mut registry);
        registry.register_collector(Box::new(Node {
            workers: workers.to_vec(),
            publisher: publisher.clone(),
            monitor: monitor.clone(),
            started,
        }));
        Self(registry)
    }

    /// Writes the current stats.
    ///
    /// # Errors
    /// If a value cannot be written, which would be a bug.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.0)?;
        Ok(text)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("started", &self.started).finish_non_exhaustive()
    }
}

impl Collector for Node {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut families = Families::new(encoder);
        workers::encode(&mut families, &self.workers)?;
        backlog::encode(&mut families, &self.monitor.last_sample(), &self.workers)?;
        publisher::encode(&mut families, &self.publisher)?;
        process::encode(&mut families)?;
        let started = self.started.as_millis() as f64 / 1_000.0;
        families.gauge("process_start_time_seconds", "When the node started.", [(Vec::new(), started)])?;
        let version = vec![("version", env!("CARGO_PKG_VERSION"))];
        families.gauge("broadsheet_build_info", "Always 1; the label has the version.", [(version, 1.0)])
    }
}
