//! `check-config`, and what a bad configuration does to every subcommand.

use std::{fs, path::Path};

use crate::support::{broadsheet, expect_line, finished};

fn with_file(folder: &Path, text: &str) {
    fs::write(folder.join("config.toml"), text).unwrap();
}

#[test]
fn a_right_configuration_is_said_to_be_right() {
    let folder = tempfile::tempdir().unwrap();
    with_file(folder.path(), "[http]\npublic_reads = true\n");
    let output = finished(broadsheet(folder.path()).arg("check-config"));
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("the configuration is valid; the database is rocksdb://") && said.lines().count() == 1);
    assert!(!folder.path().join("data").exists(), "it has started something");
}

#[test]
fn the_operators_manual_is_a_right_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/config.toml");
    let output = finished(broadsheet(folder.path()).args(["check-config", "--config", manual]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_unknown_key_ends_every_subcommand_with_78_and_one_line() {
    let folder = tempfile::tempdir().unwrap();
    with_file(folder.path(), "[http]\nlistne = \"127.0.0.1:0\"\n");
    for subcommand in ["check-config", "serve", "reindex"] {
        let output = finished(broadsheet(folder.path()).arg(subcommand));
        expect_line(&output, 78, &["config.toml", "http.listne", "unknown key", "http.listen"]);
    }
}

#[test]
fn wrong_values_in_the_file_name_their_key() {
    for (text, key) in [
        ("[http]\nlisten = \"nowhere\"\n", "http.listen"),
        ("[http]\nlisten = 8080\n", "http.listen"),
        ("[identity]\naccess_token_ttl = \"never\"\n", "identity.access_token_ttl"),
        ("[workers.feed]\nmailbox = 0\n", "workers.feed.mailbox"),
        ("[workers.fede]\nmailbox = 1\n", "workers.fede"),
        ("[mail]\ntransport = \"smtp\"\n", "mail.smtp_url"),
        ("[database]\nurl = \"postgres://x\"\n", "database.url"),
        ("[http\n", "line 1"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        with_file(folder.path(), text);
        // A variable would outrank the file.
        let output = finished(broadsheet(folder.path()).arg("check-config").env_remove("BROADSHEET__HTTP__LISTEN"));
        expect_line(&output, 78, &[key]);
    }
}

#[test]
fn wrong_variables_are_named_and_their_values_are_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    for (variable, value) in [
        ("BROADSHEET__HTTP__LISTEN", "hunter2hunter2"),
        ("BROADSHEET__HTTP__LISTNE", "hunter2hunter2"),
        ("BROADSHEET__MAIL__SMTP_URL", "hunter2hunter2"),
        ("BROADSHEET__WORKERS__FEED__BATCH", "hunter2hunter2"),
    ] {
        let output = finished(broadsheet(folder.path()).arg("check-config").env(variable, value));
        expect_line(&output, 78, &[variable]);
        assert!(!String::from_utf8_lossy(&output.stderr).contains(value), "{variable}");
    }
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = finished(broadsheet(folder.path()).args(["serve", "--config", "missing.toml"]));
    expect_line(&output, 78, &["missing.toml"]);
}
