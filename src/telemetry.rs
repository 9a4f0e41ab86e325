//! Sets up logging: one line per event on standard error, readable on a terminal and JSON otherwise. Standard output
//! has only the line with the address. What is logged is decided elsewhere.

use std::{
    env,
    io::{self, IsTerminal},
};

use tracing_subscriber::{
    EnvFilter,
    filter::{LevelFilter, ParseError},
};

use crate::config::{LogFormat, LogSettings};

/// Libraries that log more at `info` than an operator wants to read: they get `warn`, unless the filter names them.
const TALKATIVE: [&str; 7] = ["surrealdb", "tantivy", "actix_server", "hyper", "rustls", "html5ever", "markup5ever"];
/// Here SurrealDB logs every conflict of two transactions as an error, although it is retried; if the retries fail, the
/// caller reports it.
const CONFLICTS: [&str; 2] = ["surrealdb::core::kvs::ds", "surrealdb_core::kvs::tasks"];

/// The variable that takes precedence over `log.level`, as usual in Rust.
const FILTER_VARIABLE: &str = EnvFilter::DEFAULT_ENV;

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter is invalid.
    #[error("{from}: {source}")]
    Filter {
        /// The key or variable with the filter.
        from: &'static str,
        /// What is wrong with it.
        source: ParseError,
    },
}

/// Sends the process's logs to standard error. A second call changes nothing and is not an error, so that two apps can
/// run in one process.
///
/// # Errors
/// An invalid filter in `log.level` or `RUST_LOG`.
pub fn init(settings: &LogSettings) -> Result<(), Error> {
    let variable = env::var(FILTER_VARIABLE).ok().filter(|text| !text.trim().is_empty());
    let (from, directives) = match &variable {
        Some(text) => (FILTER_VARIABLE, text.as_str()),
        None => ("log.level", settings.level.as_str()),
    };
    let filter = EnvFilter::builder().parse(complete(directives)).map_err(|source| Error::Filter { from, source })?;
    let is_terminal = io::stderr().is_terminal();
    let is_human = match settings.format {
        LogFormat::Auto => is_terminal,
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // A log that cannot be written (because its disk is full) must not cause a panic during a request.
        .log_internal_errors(false);
    // An error here means that a subscriber is already installed, which then stays.
    let _ = if is_human {
        builder.compact().with_ansi(is_terminal && env::var_os("NO_COLOR").is_none()).try_init()
    } else {
        builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    };
    Ok(())
}

/// Puts the level for verbose libraries before the operator's directives: if both name a target, the later one counts.
/// A filter that is `warn` or below for everything does not need it.
fn complete(directives: &str) -> String {
    let chosen: Vec<&str> = directives.split(',').map(str::trim).filter(|directive| !directive.is_empty()).collect();
    let general = chosen.iter().filter_map(|directive| directive.parse::<LevelFilter>().ok()).next_back();
    let is_talkative = general.is_some_and(|level| level > LevelFilter::WARN);
    let quiet = TALKATIVE.iter().map(|library| format!("{library}=warn"));
    let silent = CONFLICTS.iter().map(|target| format!("{target}=off"));
    quiet
        .chain(silent)
        .filter(|_| is_talkative)
        .chain(chosen.iter().map(ToString::to_string))
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retried_conflicts_of_the_database_are_silent() {
        assert!(complete("info").contains("surrealdb::core::kvs::ds=off"));
    }

    #[test]
    fn talkative_libraries_are_quiet_unless_they_are_named() {
        let filter = EnvFilter::builder().parse(complete("info, surrealdb=debug")).unwrap().to_string();
        assert!(filter.contains("tantivy=warn") && filter.contains("surrealdb=debug"), "{filter}");
        assert!(!filter.contains("surrealdb=warn"), "{filter}");
    }

    #[test]
    fn a_filter_below_warn_is_left_alone() {
        assert_eq!(complete("error"), "error");
        assert_eq!(complete("broadsheet=debug"), "broadsheet=debug");
    }

    #[test]
    fn logging_can_be_set_up_twice() {
        let settings = LogSettings::default();
        init(&settings).unwrap();
        init(&settings).unwrap();
    }
}
