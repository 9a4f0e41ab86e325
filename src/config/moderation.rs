//! The section `[moderation]`. The gateways use it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{ConfigError, Secret, Size, Span, check::Check};

/// Bedrock's default model.
const NOVA_MICRO: &str = "amazon.nova-micro-v1:0";

/// `[moderation]`: how posts are moderated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModerationSettings {
    /// Which moderator.
    pub provider: ModerationProvider,
    /// The URL of the model's server; empty for Bedrock: Amazon's.
    pub base_url: String,
    /// The model; empty: see [`ModerationSettings::model`].
    pub model: String,
    /// The API key.
    pub api_key: Secret,
    /// A file with the API key, read again for every call.
    pub api_key_file: PathBuf,
    /// The AWS region for Bedrock.
    pub region: String,
    /// The price of a million input tokens, in millionths of a US dollar.
    pub input_price_micros: u64,
    /// The price of a million output tokens, in millionths of a US dollar.
    pub output_price_micros: u64,
    /// This node's budget for a UTC day, in millionths of a US dollar; 0: no limit.
    pub daily_budget_micros: u64,
    /// This node's maximum number of calls per UTC day for the posts of one author; 0: no limit.
    pub author_daily_calls: u32,
    /// The maximum number of calls started per second.
    pub calls_per_second: u32,
    /// The time limit of one call.
    pub timeout: Span,
    /// The time limit of all calls for one post.
    pub deadline: Span,
    /// How much of a post is sent in one call.
    pub chunk_size: Size,
    /// How many links the rules allow in one post.
    pub max_links: usize,
}

/// The moderators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModerationProvider {
    /// The built-in rules.
    #[default]
    Rules,
    /// A model on Amazon Bedrock.
    Bedrock,
    /// A model at any OpenAI-compatible endpoint.
    OpenAi,
}

impl Default for ModerationSettings {
    fn default() -> Self {
        Self {
            provider: ModerationProvider::Rules,
            base_url: String::new(),
            model: String::new(),
            api_key: Secret::default(),
            api_key_file: PathBuf::new(),
            region: "us-east-1".to_owned(),
            input_price_micros: 35_000,
            output_price_micros: 140_000,
            daily_budget_micros: 0,
            author_daily_calls: 5_000,
            calls_per_second: 5,
            timeout: Span::from_secs(8),
            deadline: Span::from_secs(20),
            chunk_size: Size::kib(16),
            max_links: 20,
        }
    }
}

impl ModerationSettings {
    /// The model to use.
    #[must_use]
    pub fn model(&self) -> &str {
        if self.model.is_empty() { NOVA_MICRO } else { &self.model }
    }

    pub(super) fn check(&self, check: &Check<'_>) -> Result<(), ConfigError> {
        self.check_provider(check)?;
        check.web_url("moderation.base_url", &self.base_url)?;
        let is_model = self.model.len() <= 512 && self.model.bytes().all(|byte| byte.is_ascii_graphic());
        check.that(is_model, "moderation.model", "must be a model's name, without spaces")?;
        let is_key = self.api_key.expose().bytes().all(|byte| byte.is_ascii_graphic());
        check.that(is_key, "moderation.api_key", "must be a key, without spaces")?;
        let is_one_key = self.api_key.is_empty() || self.api_key_file.as_os_str().is_empty();
        check.that(is_one_key, "moderation.api_key_file", "cannot be set together with moderation.api_key")?;
        // It becomes a part of the host name.
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_region = !self.region.is_empty() && self.region.len() <= 40 && self.region.bytes().all(is_name);
        check.that(is_region, "moderation.region", "must be a region such as us-east-1")?;
        check.within("moderation.input_price_micros", self.input_price_micros, 0..=1_000_000_000_000)?;
        check.within("moderation.output_price_micros", self.output_price_micros, 0..=1_000_000_000_000)?;
        check.within("moderation.daily_budget_micros", self.daily_budget_micros, 0..=1_000_000_000_000)?;
        check.within("moderation.author_daily_calls", self.author_daily_calls, 0..=1_000_000_000)?;
        check.within("moderation.calls_per_second", self.calls_per_second, 1..=1_000)?;
        check.within("moderation.timeout", self.timeout, Span::from_millis(1)..=Span::minutes(10))?;
        check.within("moderation.deadline", self.deadline, Span::from_millis(1)..=Span::minutes(10))?;
        let suspect = if check.is_set("moderation.deadline") { "deadline" } else { "timeout" };
        let message = "the timeout of a call must not be longer than the deadline of all calls";
        check.that(self.timeout <= self.deadline, &format!("moderation.{suspect}"), message)?;
        check.within("moderation.chunk_size", self.chunk_size, Size::kib(1)..=Size::mib(1))?;
        check.within("moderation.max_links", self.max_links, 0..=10_000)
    }

    /// Compares the deadline with the timeout of the moderation worker: a cancelled delivery uses up a receive, so an
    /// outage would produce dead letters.
    pub(super) fn check_worker(&self, timeout: Span, check: &Check<'_>) -> Result<(), ConfigError> {
        let is_fine = self.provider == ModerationProvider::Rules || self.deadline < timeout;
        let worker = "workers.moderation.timeout";
        let suspect = if check.is_set(worker) { worker } else { "moderation.deadline" };
        check.that(is_fine, suspect, "moderation.deadline must be shorter than workers.moderation.timeout")
    }

    fn check_provider(&self, check: &Check<'_>) -> Result<(), ConfigError> {
        let has_key = !self.api_key.is_empty() || !self.api_key_file.as_os_str().is_empty();
        match self.provider {
            ModerationProvider::Rules => Ok(()),
            ModerationProvider::Bedrock => {
                let message = "must be set when moderation.provider is bedrock, or moderation.api_key_file";
                check.that(has_key, "moderation.api_key", message)
            }
            ModerationProvider::OpenAi => {
                let message = "must be set when moderation.provider is openai";
                check.that(!self.base_url.is_empty(), "moderation.base_url", message)?;
                check.that(!self.model.is_empty(), "moderation.model", message)
            }
        }
    }
}
