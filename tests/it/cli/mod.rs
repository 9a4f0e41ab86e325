//! The real binary, as a person or a service manager runs it: what it prints, and how it ends.

mod config;
mod dlq;
mod fake;
mod import;
mod memory;
mod operate;
mod serve;
pub(crate) mod terminal;

use crate::support::{broadsheet, finished};

#[test]
fn version_prints_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let output = finished(broadsheet(folder.path()).arg("version"));
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("broadsheet {}\n", env!("CARGO_PKG_VERSION")));
    assert!(output.stderr.is_empty());
}

#[test]
fn an_unknown_subcommand_is_refused_with_usage() {
    let folder = tempfile::tempdir().unwrap();
    let output = finished(broadsheet(folder.path()).arg("publish"));
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("Usage"));
}
