//! The sections about stored data: `[database]`, `[events]`, `[dead_letters]`, `[records]`, `[search]` and `[feed]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{ConfigError, Memory, Secret, Size, Span, check::Check};

/// The languages that search can stem, and `none`.
const LANGUAGES: [&str; 19] = [
    "none",
    "arabic",
    "danish",
    "dutch",
    "english",
    "finnish",
    "french",
    "german",
    "greek",
    "hungarian",
    "italian",
    "norwegian",
    "portuguese",
    "romanian",
    "russian",
    "spanish",
    "swedish",
    "tamil",
    "turkish",
];

/// `[database]`: where all data is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseSettings {
    /// The database's URL; empty: see [`super::Config::database_url`].
    pub url: String,
    /// The user name for a SurrealDB server.
    pub username: String,
    /// Its password.
    pub password: Secret,
    /// The namespace.
    pub namespace: String,
    /// The database's name in it.
    pub name: String,
    /// How many posts are cached in memory for reading.
    pub post_cache: usize,
    /// The memory of an embedded database: cache, write buffers and their history.
    pub memory: Memory,
    /// Whether an embedded database's rows are written and read without `SurrealQL` where both mean the same.
    pub records: bool,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self {
            url: String::new(),
            username: String::new(),
            password: Secret::default(),
            namespace: "broadsheet".to_owned(),
            name: "broadsheet".to_owned(),
            post_cache: 10_000,
            memory: Memory::Size(Size::mib(256)),
            records: true,
        }
    }
}

impl DatabaseSettings {
    pub(super) fn check(&self, check: &Check<'_>) -> Result<(), ConfigError> {
        const NAME: &str = "must be 1 to 64 letters, digits, - or _";
        let url_message =
            "must be rocksdb://path, mem://, ws://host:port or wss://host:port, without a user name in it";
        check.that(self.url.is_empty() || is_database_url(&self.url), "database.url", url_message)?;
        let has_password = !self.password.is_empty();
        let is_pair = self.username.is_empty() || has_password;
        check.that(is_pair, "database.password", "must be set when database.username is")?;
        let is_pair = !self.username.is_empty() || !has_password;
        check.that(is_pair, "database.username", "must be set when database.password is")?;
        check.that(is_name(&self.namespace), "database.namespace", NAME)?;
        check.that(is_name(&self.name), "database.name", NAME)?;
        check.within("database.post_cache", self.post_cache, 1..=10_000_000)?;
        match self.memory {
            Memory::Auto => Ok(()),
            Memory::Size(size) => check.within("database.memory", size, Size::mib(32)..=Size::mib(1 << 20)),
        }
    }
}

/// `[events]`: the event log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventsSettings {
    /// How long events are kept for replay.
    pub retention: Span,
}

impl Default for EventsSettings {
    fn default() -> Self {
        Self { retention: Span::days(14) }
    }
}

impl EventsSettings {
    pub(super) fn check(&self, check: &Check<'_>) -> Result<(), ConfigError> {
        check.within("events.retention", self.retention, Span::minutes(1)..=Span::days(3650))
    }
}

/// `[dead_letters]`: deliveries that have used up their receives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeadLettersSettings {
    /// How long a dead letter is kept, counted from when it became one.
    pub retention: Span,
}

impl Default for DeadLettersSettings {
    fn default() -> Self {
        Self { retention: Span::days(14) }
    }
}

impl DeadLettersSettings {
    pub(super) fn check(&self, check: &Check<'_>) -> Result<(), ConfigError> {
        check.within("dead_letters.retention", self.retention, Span::minutes(1)..=Span::days(3650))
    }
}

/// `[records]`: data that grows and is rarely read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordsSettings {
    /// How long mail ledgers, and verdicts on earlier texts of posts, are kept.
    pub retention: Span,
}

impl Default for RecordsSettings {
    fn default() -> Self {
        Self { retention: Span::days(90) }
    }
}

impl RecordsSettings {
    pub(super) fn check(&self, check: &Check<'_>) -> Result<(), ConfigError> {
        check.within("records.retention", self.retention, Span::minutes(1)..=Span::days(3650))
    }
}

/// `[search]`: this node's full-text index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchSettings {
    /// The index's folder; empty: see [`super::Config::search_folder`].
    pub folder: PathBuf,
    /// The language for stemming, or `none`.
    pub language: String,
    /// How much memory the index may use for writing.
    pub writer_memory: Size,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self { folder: PathBuf::new(), language: "english".to_owned(), writer_memory: Size::mib(50) }
    }
}

impl SearchSettings {
    pub(super) fn check(&self, check: &Check<'_>) -> Result<(), ConfigError> {
        let message = format!("must be one of {}", LANGUAGES.join(", "));
        check.that(LANGUAGES.contains(&self.language.as_str()), "search.language", &message)?;
        check.within("search.writer_memory", self.writer_memory, Size::mib(15)..=Size::mib(4095))
    }
}

/// `[feed]`: the readers' feeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeedSettings {
    /// How many posts are stored per reader.
    pub length: usize,
    /// How many of an author's newest posts are added to the feed of a new follower.
    pub backfill: usize,
    /// How many followers are served at a time.
    pub chunk: usize,
}

impl Default for FeedSettings {
    fn default() -> Self {
        Self { length: 800, backfill: 100, chunk: 1000 }
    }
}

impl FeedSettings {
    pub(super) fn check(&self, check: &Check<'_>) -> Result<(), ConfigError> {
        check.within("feed.length", self.length, 1..=100_000)?;
        check.within("feed.chunk", self.chunk, 1..=10_000)?;
        let key = if check.is_set("feed.backfill") { "feed.backfill" } else { "feed.length" };
        check.that(self.backfill <= self.length, key, "feed.backfill must not be larger than feed.length")
    }
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn is_database_url(text: &str) -> bool {
    match text.split_once("://") {
        Some(("mem", _)) => true,
        Some(("rocksdb", path)) => !path.is_empty() && !path.starts_with('?'),
        Some(("ws" | "wss", _)) => {
            Url::parse(text).is_ok_and(|url| url.has_host() && url.username().is_empty() && url.password().is_none())
        }
        _ => false,
    }
}
