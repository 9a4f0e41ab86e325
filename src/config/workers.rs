//! `[workers]` and its table for each worker. The code that registers workers decides which ones exist.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};

use super::{ConfigError, Span, check::Check};

/// `[workers]`: which workers run here, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct WorkersSettings {
    /// The workers that this node runs; empty: all.
    pub run: Vec<String>,
    /// `[workers.<name>]`, for the workers that have such a table.
    #[serde(flatten)]
    pub named: BTreeMap<String, WorkerSettings>,
}

/// `[workers.<name>]`: one worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkerSettings {
    /// How many events wait in memory; further ones are read from the log.
    pub mailbox: usize,
    /// How many deliveries run at the same time.
    pub batch: usize,
    /// How long one delivery may run before it is cancelled.
    pub timeout: Span,
    /// How long a delivery stays leased while it is processed.
    pub visibility_timeout: Span,
    /// After how many failed receives a delivery becomes a dead letter.
    pub max_receives: u32,
    /// The first wait after a failure: doubled each time, with full jitter, capped at the visibility timeout.
    pub backoff: Span,
    /// Whether deliveries are held until their post is approved; not set: the worker's own default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_for_approval: Option<bool>,
    /// Whether the worker is paused.
    pub paused: bool,
    /// Where in the log a worker starts that has never run.
    pub start: Start,
}

/// Where a new worker starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// With events from now on.
    #[default]
    Now,
    /// With the oldest stored event.
    Beginning,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            mailbox: 64,
            batch: 10,
            timeout: Span::from_secs(30),
            visibility_timeout: Span::from_secs(90),
            max_receives: 5,
            backoff: Span::from_secs(1),
            wait_for_approval: None,
            paused: false,
            start: Start::Now,
        }
    }
}

impl WorkerSettings {
    /// Whether deliveries are held until their post is approved; false if not set.
    #[must_use]
    pub fn waits_for_approval(&self) -> bool {
        self.wait_for_approval.unwrap_or(false)
    }

    fn check(&self, name: &str, check: &Check<'_>) -> Result<(), ConfigError> {
        let key = |key: &str| format!("workers.{name}.{key}");
        check.within(&key("mailbox"), self.mailbox, 1..=100_000)?;
        check.within(&key("batch"), self.batch, 1..=1000)?;
        check.within(&key("max_receives"), self.max_receives, 1..=100)?;
        check.within(&key("backoff"), self.backoff, Span::default()..=Span::minutes(60))?;
        let shortest = Span::from_millis(1);
        check.within(&key("timeout"), self.timeout, shortest..=Span::minutes(12 * 60))?;
        check.within(&key("visibility_timeout"), self.visibility_timeout, shortest..=Span::minutes(12 * 60))?;
        let suspect = if check.is_set(&key("timeout")) { key("timeout") } else { key("visibility_timeout") };
        let is_shorter = self.timeout < self.visibility_timeout;
        check.that(is_shorter, &suspect, "the timeout must be shorter than the visibility timeout")
    }
}

impl WorkersSettings {
    pub(super) fn check(&self, check: &Check<'_>) -> Result<(), ConfigError> {
        self.named.iter().try_for_each(|(name, worker)| worker.check(name, check))
    }

    pub(super) fn check_names(&self, known: &[&str], check: &Check<'_>) -> Result<(), ConfigError> {
        let message = format!("unknown worker; there are {}", known.join(", "));
        for name in self.named.keys() {
            check.that(known.contains(&name.as_str()), &format!("workers.{name}"), &message)?;
        }
        let are_known = self.run.iter().all(|name| known.contains(&name.as_str()));
        check.that(are_known, "workers.run", &message)
    }
}

impl<'de> Deserialize<'de> for WorkersSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tables;

        impl<'de> Visitor<'de> for Tables {
            type Value = WorkersSettings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of workers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WorkersSettings, A::Error> {
                let mut settings = WorkersSettings::default();
                while let Some(key) = map.next_key::<String>()? {
                    if key == "run" {
                        settings.run = map.next_value()?;
                    } else {
                        settings.named.insert(key, map.next_value()?);
                    }
                }
                Ok(settings)
            }
        }

        deserializer.deserialize_map(Tables)
    }
}
