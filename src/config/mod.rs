//! The configuration: defaults, then a TOML file, then environment variables, validated as a whole. Each `[section]`
//! has a struct with its defaults and its rules; `config.toml` at the root of the repository explains every key to
//! operators. Nothing here opens, binds or connects anything.
//!
//! The path of a value: `layers` merges file and variables into one table, `shape` knows the keys and types, serde
//! creates the structs, each section checks its ranges, and `Origins` lets every error name the file or variable.

mod check;
mod count;
mod error;
mod layers;
mod mail;
mod memory;
mod moderation;
mod origins;
mod people;
mod secret;
mod server;
mod shape;
mod storage;
mod units;
mod web;
mod workers;

#[cfg(test)]
mod tests;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use self::{check::Check, layers::Layers, shape::Shape};
pub use self::{
    count::{Count, NotACount},
    error::ConfigError,
    mail::{MailSettings, MailTransport},
    memory::{Memory, NotMemory},
    moderation::{ModerationProvider, ModerationSettings},
    origins::Origins,
    people::IdentitySettings,
    secret::Secret,
    server::{HttpSettings, LogFormat, LogSettings, MetricsSettings, RateLimitSettings, ShutdownSettings},
    storage::{DatabaseSettings, DeadLettersSettings, EventsSettings, FeedSettings, RecordsSettings, SearchSettings},
    units::{NotASize, NotASpan, Size, Span},
    web::WebSettings,
    workers::{Start, WorkerSettings, WorkersSettings},
};

/// All settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The folder for all data, unless another key says otherwise.
    pub data_dir: PathBuf,
    /// `[http]`
    pub http: HttpSettings,
    /// `[web]`
    pub web: WebSettings,
    /// `[rate_limit]`
    pub rate_limit: RateLimitSettings,
    /// `[metrics]`
    pub metrics: MetricsSettings,
    /// `[database]`
    pub database: DatabaseSettings,
    /// `[events]`
    pub events: EventsSettings,
    /// `[dead_letters]`
    pub dead_letters: DeadLettersSettings,
    /// `[records]`
    pub records: RecordsSettings,
    /// `[identity]`
    pub identity: IdentitySettings,
    /// `[mail]`
    pub mail: MailSettings,
    /// `[moderation]`
    pub moderation: ModerationSettings,
    /// `[search]`
    pub search: SearchSettings,
    /// `[feed]`
    pub feed: FeedSettings,
    /// `[workers]`
    pub workers: WorkersSettings,
    /// `[log]`
    pub log: LogSettings,
    /// `[shutdown]`
    pub shutdown: ShutdownSettings,
    /// Where the values came from, for error messages only.
    #[serde(skip)]
    pub origins: Origins,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            http: HttpSettings::default(),
            web: WebSettings::default(),
            rate_limit: RateLimitSettings::default(),
            metrics: MetricsSettings::default(),
            database: DatabaseSettings::default(),
            events: EventsSettings::default(),
            dead_letters: DeadLettersSettings::default(),
            records: RecordsSettings::default(),
            identity: IdentitySettings::default(),
            mail: MailSettings::default(),
            moderation: ModerationSettings::default(),
            search: SearchSettings::default(),
            feed: FeedSettings::default(),
            workers: WorkersSettings::default(),
            log: LogSettings::default(),
            shutdown: ShutdownSettings::default(),
            origins: Origins::default(),
        }
    }
}

/// The process's environment variables in the form that [`Config::load`] takes. Invalid UTF-8 is replaced, not skipped,
/// so that a broken value is an error instead of a silent default.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    env::vars_os().map(|(name, text)| (name.to_string_lossy().into_owned(), text.to_string_lossy().into_owned()))
}

impl Config {
    /// The defaults, overlaid by the file, overlaid by the variables named `BROADSHEET__SECTION__KEY`.
    ///
    /// # Errors
    /// One line that names the first invalid key, where it was set, and what would be valid.
    pub fn load(file: Option<&Path>, env: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let Some(path) = file else { return Self::parse(None, env) };
        let file = path.display().to_string();
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(Some((&file, &text)), env),
            Err(error) => Err(ConfigError::Unreadable { file, reason: error.to_string() }),
        }
    }

    /// Like [`Config::load`], with a file that has already been read: its name for error messages, and its text.
    ///
    /// # Errors
    /// As [`Config::load`], except for unreadable files.
    pub fn parse(file: Option<(&str, &str)>, env: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let shape = Shape::new()?;
        let mut layers = Layers::default();
        if let Some((name, text)) = file {
            layers.add_file(name, text, &shape)?;
        }
        layers.add_variables(env, &shape)?;
        let Layers { table, origins } = layers;
        let config: Self = serde_path_to_error::deserialize(table)
            .map_err(|error| origins.blame(&error.path().to_string(), &without_value(error.inner().message())))?;
        let config = Self { origins, ..config };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let check = Check::new(&self.origins);
        check.that(!self.data_dir.as_os_str().is_empty(), "data_dir", "must name a folder")?;
        self.http.check(&check)?;
        self.web.check(&check)?;
        self.rate_limit.check(&check)?;
        self.metrics.check(&check, &self.http)?;
        self.database.check(&check)?;
        self.events.check(&check)?;
        self.dead_letters.check(&check)?;
        self.records.check(&check)?;
        self.identity.check(&check)?;
        self.mail.check(&check)?;
        self.moderation.check(&check)?;
        self.search.check(&check)?;
        self.feed.check(&check)?;
        self.workers.check(&check)?;
        self.moderation.check_worker(self.worker("moderation", false).timeout, &check)?;
        self.log.check(&check)?;
        self.shutdown.check(&check)
    }

    /// Checks the worker names in `[workers]` against those that are registered.
    ///
    /// # Errors
    /// A table or an entry of `workers.run` for a worker that does not exist.
    pub fn check_workers(&self, registered: &[&str]) -> Result<(), ConfigError> {
        self.workers.check_names(registered, &Check::new(&self.origins))
    }

    /// The settings of one worker, with `wait_for_approval` resolved: the operator's value, or otherwise the worker's
    /// own default.
    #[must_use]
    pub fn worker(&self, name: &str, wait_for_approval_by_default: bool) -> WorkerSettings {
        let settings = self.workers.named.get(name).cloned().unwrap_or_default();
        let waits = settings.wait_for_approval.unwrap_or(wait_for_approval_by_default);
        WorkerSettings { wait_for_approval: Some(waits), ..settings }
    }

    /// Whether this node runs the worker with that name.
    #[must_use]
    pub fn runs_worker(&self, name: &str) -> bool {
        self.workers.run.is_empty() || self.workers.run.iter().any(|run| run == name)
    }

    /// The database's address: `database.url`, or a RocksDB in `data_dir` that syncs every commit.
    #[must_use]
    pub fn database_url(&self) -> String {
        if self.database.url.is_empty() {
            return format!("rocksdb://{}?sync=every", self.data_dir.join("db").display());
        }
        self.database.url.clone()
    }

    /// The folder for mail if `mail.transport` is `folder`.
    #[must_use]
    pub fn mail_folder(&self) -> PathBuf {
        self.folder(&self.mail.folder, "mail")
    }

    /// The folder of the search index.
    #[must_use]
    pub fn search_folder(&self) -> PathBuf {
        self.folder(&self.search.folder, "search")
    }

    /// The URL used in links, without a slash at the end: `http.public_url`, or the listen address. With port 0, the
    /// real address must be put into `http.listen` first.
    #[must_use]
    pub fn public_url(&self) -> String {
        if self.http.public_url.is_empty() {
            return format!("http://{}", self.http.listen);
        }
        self.http.public_url.trim_end_matches('/').to_owned()
    }

    /// The URL where people read a post, as a template: `web.post_url`, or a page under this server's own URL.
    #[must_use]
    pub fn post_url(&self) -> String {
        if self.web.post_url.is_empty() {
            return format!("{}/@{{handle}}/{{slug}}", self.public_url());
        }
        self.web.post_url.clone()
    }

    /// The issuer of tokens: `identity.issuer`, exactly as written, or the public URL.
    #[must_use]
    pub fn issuer(&self) -> String {
        if self.identity.issuer.is_empty() { self.public_url() } else { self.identity.issuer.clone() }
    }

    fn folder(&self, chosen: &Path, name: &str) -> PathBuf {
        if chosen.as_os_str().is_empty() { self.data_dir.join(name) } else { chosen.to_owned() }
    }
}

/// Serde's message about a value, reduced to what would be valid, without the value itself.
fn without_value(message: &str) -> String {
    message.rsplit_once(", expected ").map_or_else(|| message.to_owned(), |(_, expected)| format!("must be {expected}"))
}
