//! The configuration.

use super::{is_one_line, texts};
use crate::config::{Config, ConfigError, Size, Span};

/// A word that represents a secret. It may be part of a value, and then no error may show it.
const SECRET: &str = "hunter2";

/// A file and variables give either a usable configuration, or one line that names a key and no value. Durations and
/// sizes read back as shown.
pub fn config(data: &[u8]) {
    let [file, variables, unit] = texts(data);
    let variables: Vec<(String, String)> =
        variables.lines().filter_map(|line| line.split_once('=')).map(owned).collect();
    match Config::parse(Some(("config.toml", &file)), variables.iter().cloned()) {
        Ok(config) => ask(&config),
        Err(error) => {
            assert!(is_one_line(&error.to_string()), "{error:?}");
            check(&error, &file, &variables);
        }
    }
    if let Ok(span) = unit.parse::<Span>() {
        assert_eq!(span.to_string().parse(), Ok(span), "{span}");
    }
    if let Ok(size) = unit.parse::<Size>() {
        assert_eq!(size.to_string().parse(), Ok(size), "{size}");
    }
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// A configuration that was accepted can be used without further checks.
fn ask(config: &Config) {
    assert!(!config.public_url().ends_with('/') && config.public_url().contains("://"), "{}", config.public_url());
    assert!(!config.issuer().is_empty() && !config.database_url().is_empty());
    assert!(!config.mail_folder().as_os_str().is_empty() && !config.search_folder().as_os_str().is_empty());
    for name in ["feed", "search", "email", "moderation", "analytics"] {
        let worker = config.worker(name, true);
        assert!(worker.batch > 0 && worker.mailbox > 0 && worker.timeout < worker.visibility_timeout, "{worker:?}");
        assert!(!config.workers.run.is_empty() || config.runs_worker(name));
    }
    if let Err(error) = config.check_workers(&["feed", "search", "email", "moderation", "analytics"]) {
        assert!(error.to_string().contains("workers."), "{error}");
    }
    let shown = format!("{config:?}{}", toml::to_string(config).unwrap_or_else(|error| panic!("{error}")));
    for secret in [&config.moderation.api_key, &config.database.password] {
        let secret = secret.expose();
        assert!(!secret.contains(SECRET) || !shown.contains(secret), "{shown}");
    }
}

/// The key is one that was set, or one that belongs with it; values are not repeated.
fn check(error: &ConfigError, file: &str, variables: &[(String, String)]) {
    match error {
        ConfigError::InVariable { variable, key, message } => {
            assert!(!key.is_empty() && variable.starts_with("BROADSHEET__"), "{error}");
            assert!(variables.iter().any(|(name, _)| name.replace(char::is_control, " ") == *variable), "{error}");
            assert!(key.contains(SECRET) || !message.contains(SECRET), "{error}");
        }
        ConfigError::InFile { key, message, .. } => {
            assert!(!key.is_empty(), "{error}");
            assert!(key.contains(SECRET) || !message.contains(SECRET), "{error}");
        }
        ConfigError::Syntax { line, message, .. } => {
            assert!((1..=file.lines().count() + 1).contains(line), "{error}");
            assert!(!message.contains(SECRET), "{error}");
        }
        ConfigError::Unset { key, .. } => assert!(!key.is_empty(), "{error}"),
        ConfigError::Unreadable { .. } => panic!("nothing was read: {error}"),
    }
}
