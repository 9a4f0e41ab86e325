//! The sections about the server: `[http]`, `[rate_limit]`, `[metrics]`, `[log]` and `[shutdown]`.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};
use url::Url;

use super::{ConfigError, Count, Size, Span, check::Check};

/// `[http]`: the listener and its limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// The address to listen on; port 0 takes any free port.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// The URL used in links; empty: see [`super::Config::public_url`].
    pub public_url: String,
    /// Whether posts, authors, search and Atom can be read without signing in.
    pub public_reads: bool,
    /// The web sites whose scripts may call the API: origins, or `*`.
    pub cors_origins: Vec<String>,
    /// How long a request may take.
    pub request_timeout: Span,
    /// How long an idle connection is kept.
    pub idle_timeout: Span,
    /// The largest request body.
    pub body_limit: Size,
    /// The number of server threads.
    pub workers: usize,
    /// The maximum number of open connections.
    pub max_connections: Count,
    /// The maximum number of open connections per client address.
    pub connections_per_address: Count,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpAddr>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            public_url: String::new(),
            public_reads: false,
            cors_origins: Vec::new(),
            request_timeout: Span::from_secs(10),
            // Longer than the 60 s of common load balancers, so that they are the ones to close connections.
            idle_timeout: Span::from_secs(75),
            body_limit: Size::kib(256),
            workers: 2,
            max_connections: Count::Auto,
            connections_per_address: Count::Auto,
            trusted_proxies: Vec::new(),
        }
    }
}

impl HttpSettings {
    pub(super) fn check(&self, check: &Check<'_>) -> Result<(), ConfigError> {
        check.web_url("http.public_url", &self.public_url)?;
        let are_origins = self.cors_origins.iter().all(|text| text == "*" || is_origin(text));
        check.that(are_origins, "http.cors_origins", "must be origins such as https://example.org, or *")?;
        check.within("http.request_timeout", self.request_timeout, Span::from_millis(1)..=Span::minutes(10))?;
        check.within("http.idle_timeout", self.idle_timeout, Span::from_secs(30)..=Span::minutes(10))?;
        check.within("http.body_limit", self.body_limit, Size::kib(1)..=Size::mib(64))?;
        check.within("http.workers", self.workers, 1..=256)?;
        for (key, count) in [
            ("http.max_connections", self.max_connections),
            ("http.connections_per_address", self.connections_per_address),
        ] {
            check.within(key, count.get().unwrap_or(1), 1..=1_000_000)?;
        }
        Ok(())
    }
}

/// `[rate_limit]`: limits per client address and per account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitSettings {
    /// Whether these limits apply.
    pub enabled: bool,
    /// Requests to `/v1/identity/*` per address and minute.
    pub identity_per_minute: u32,
    /// Mails with codes to one e-mail address per hour.
    pub codes_per_hour: u32,
    /// Edits of one published post by one account per hour.
    pub edits_per_post_per_hour: u32,
    /// Edits of all published posts by one account per hour.
    pub edits_per_hour: u32,
}

impl Default for RateLimitSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            identity_per_minute: 60,
            codes_per_hour: 10,
            // A live ticker is edited once a minute for hours; no one edits more by hand.
            edits_per_post_per_hour: 60,
            // Ten live tickers at the same time, or a script that tags five hundred posts.
            edits_per_hour: 600,
        }
    }
}

impl RateLimitSettings {
    /// The maximum number of mails with codes to one address per hour, if limits apply.
    #[must_use]
    pub fn codes(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.codes_per_hour).filter(|_| self.enabled)
    }

    pub(super) fn check(&self, check: &Check<'_>) -> Result<(), ConfigError> {
        check.within("rate_limit.identity_per_minute", self.identity_per_minute, 1..=1_000_000)?;
        check.within("rate_limit.codes_per_hour", self.codes_per_hour, 1..=1_000)?;
        check.within("rate_limit.edits_per_post_per_hour", self.edits_per_post_per_hour, 1..=1_000_000)?;
        check.within("rate_limit.edits_per_hour", self.edits_per_hour, 1..=1_000_000)
    }
}

/// `[metrics]`: the listener for Prometheus.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsSettings {
    /// The address that serves `GET /metrics`, different from `http.listen`. Port 0 takes any free port, `None` (an
    /// empty text) turns it off.
    #[serde(serialize_with = "address_or_empty", deserialize_with = "optional_address")]
    pub listen: Option<SocketAddr>,
}

impl MetricsSettings {
    pub(super) fn check(&self, check: &Check<'_>, http: &HttpSettings) -> Result<(), ConfigError> {
        let is_apart = self.listen.is_none_or(|listen| listen.port() == 0 || listen != http.listen);
        check.that(is_apart, "metrics.listen", "must be another address than http.listen")
    }
}

/// `[log]`: level and format of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// A filter directive: `info`, or `info,broadsheet=debug`. `RUST_LOG` takes precedence.
    pub level: String,
    /// For people or for machines.
    pub format: LogFormat,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For people.
    Pretty,
    /// One JSON object per line.
    Json,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Auto }
    }
}

impl LogSettings {
    pub(super) fn check(&self, check: &Check<'_>) -> Result<(), ConfigError> {
        let are_directives = self.level.split(',').all(|directive| is_directive(directive.trim()));
        check.that(are_directives, "log.level", "must be a filter such as info or info,broadsheet=debug")
    }
}

/// `[shutdown]`: how the server stops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShutdownSettings {
    /// How long running requests and deliveries may take to finish.
    pub grace: Span,
}

impl Default for ShutdownSettings {
    fn default() -> Self {
        Self { grace: Span::from_secs(30) }
    }
}

impl ShutdownSettings {
    pub(super) fn check(&self, check: &Check<'_>) -> Result<(), ConfigError> {
        check.within("shutdown.grace", self.grace, Span::default()..=Span::minutes(10))
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| D::Error::custom("must be an address such as 127.0.0.1:8080"))
}

fn optional_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| D::Error::custom("must be an address such as 127.0.0.1:9464, or empty"))
}

fn address_or_empty<S: Serializer>(address: &Option<SocketAddr>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&address.map(|address| address.to_string()).unwrap_or_default())
}

/// Whether the text is a level or a directive. A single word that is not a level would be taken as a target and silence
/// all others.
fn is_directive(text: &str) -> bool {
    let is_lone_word = !text.contains(['=', '[']);
    if is_lone_word {
        !text.is_empty() && text.parse::<LevelFilter>().is_ok()
    } else {
        EnvFilter::builder().parse(text).is_ok()
    }
}

/// Whether the text is exactly how browsers write an origin.
fn is_origin(text: &str) -> bool {
    Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text)
}
