//! Tests of the configuration as a whole: the manual against the structs, the order of the layers, and the line of each
//! error.

use toml::{Table, Value};

use super::{layers::variable_of, *};
use crate::domain::Email;

const MANUAL: &str = include_str!("../../config.toml");

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables = variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    Config::parse(Some(("config.toml", text)), variables)
}

fn error(text: &str, variables: &[(&str, &str)]) -> String {
    load(text, variables).unwrap_err().to_string()
}

/// The manual with its keys uncommented: lines `# key = value`, or, with another indentation, those of a worker's
/// table.
fn uncommented(indentation: &str) -> String {
    let uncomment = |line: &'static str| {
        let rest = line.strip_prefix(indentation)?;
        let name = rest.split_once(" = ").map_or("", |(name, _)| name);
        let is_key =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || b"_0123456789".contains(&byte));
        (is_key || rest.starts_with('[')).then_some(rest)
    };
    MANUAL.lines().map(|line| uncomment(line).unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

fn keys(table: &Table, prefix: &str, found: &mut Vec<String>) {
    for (key, value) in table {
        match value {
            Value::Table(inner) => keys(inner, &format!("{prefix}{key}."), found),
            _ => found.push(format!("{prefix}{key}")),
        }
    }
}

#[test]
fn the_manual_changes_nothing() {
    assert_eq!(load(MANUAL, &[]).unwrap(), Config::default());
}

#[test]
fn the_manual_states_the_defaults() {
    assert_eq!(load(&uncommented("# "), &[]).unwrap(), Config::default());
    let with_worker = load(&uncommented("#   "), &[]).unwrap();
    assert_eq!(with_worker.worker("feed", false), Config::default().worker("feed", false));
    assert_eq!(with_worker.workers.named.keys().collect::<Vec<_>>(), ["feed"]);
}

#[test]
fn the_manual_knows_every_key_and_its_variable() {
    let mut expected = Vec::new();
    keys(&Table::try_from(Config::default()).unwrap(), "", &mut expected);
    let worker = WorkerSettings { wait_for_approval: Some(false), ..WorkerSettings::default() };
    keys(&Table::try_from(worker).unwrap(), "workers.feed.", &mut expected);
    let mut found = Vec::new();
    keys(&toml::from_str::<Table>(&uncommented("# ")).unwrap(), "", &mut found);
    keys(&toml::from_str::<Table>(&uncommented("#   ")).unwrap(), "", &mut found);
    for key in expected {
        assert!(found.contains(&key), "config.toml does not state {key}");
        let variable = variable_of(&key);
        assert!(MANUAL.split_whitespace().any(|word| word == variable), "config.toml does not name {variable}");
    }
}

#[test]
fn the_defaults_keep_everything_under_the_data_folder() {
    let config = load("data_dir = '/srv/b'", &[]).unwrap();
    assert_eq!(config.database_url(), "rocksdb:///srv/b/db?sync=every");
    assert_eq!(config.mail_folder(), PathBuf::from("/srv/b/mail"));
    assert_eq!(config.search_folder(), PathBuf::from("/srv/b/search"));
    assert_eq!(
        (config.public_url(), config.issuer()),
        ("http://127.0.0.1:8080".into(), "http://127.0.0.1:8080".into())
    );
}

#[test]
fn a_variable_outranks_the_file_and_the_file_the_default() {
    let text = "[http]\nworkers = 3\nbody_limit = 1024\n[workers.feed]\nbatch = 7\nmailbox = 9";
    let variables = [
        ("BROADSHEET__HTTP__WORKERS", "4"),
        ("BROADSHEET__HTTP__LISTEN", "127.0.0.1:0"),
        ("BROADSHEET__METRICS__LISTEN", "127.0.0.1:0"),
        ("BROADSHEET__WORKERS__FEED__BATCH", "8"),
        ("BROADSHEET__WORKERS__EMAIL__WAIT_FOR_APPROVAL", "false"),
        ("BROADSHEET__RATE_LIMIT__ENABLED", "false"),
        ("BROADSHEET__DATABASE__USERNAME", "root"),
        ("BROADSHEET__DATABASE__PASSWORD", "12345"),
        ("BROADSHEET_HOST", "none of ours"),
    ];
    let config = load(text, &variables).unwrap();
    assert_eq!((config.http.workers, config.http.body_limit), (4, Size::kib(1)));
    assert_eq!(config.http.listen.port(), 0);
    assert_eq!(config.metrics.listen, Some(config.http.listen), "port 0 is any port, so they do not meet");
    assert_eq!(load("[metrics]\nlisten = ''", &[]).unwrap().metrics.listen, None);
    assert_eq!((config.worker("feed", false).batch, config.worker("feed", false).mailbox), (8, 9));
    assert!(!config.worker("email", true).waits_for_approval() && config.worker("mail", true).waits_for_approval());
    assert!(!config.rate_limit.enabled);
    assert_eq!(config.database.password.expose(), "12345");
}

#[test]
fn lists_are_written_with_commas_or_brackets() {
    for text in ["feed,search", " feed , search ", "[\"feed\", \"search\"]"] {
        let config = load("", &[("BROADSHEET__WORKERS__RUN", text)]).unwrap();
        assert_eq!(config.workers.run, ["feed", "search"]);
        assert!(config.runs_worker("feed") && !config.runs_worker("email"));
    }
    assert!(Config::default().runs_worker("email"));
}

#[test]
fn errors_name_the_key_and_where_it_was_set() {
    let of_files = [
        ("[http]\nlistne = 1", "config.toml: http.listne: unknown key; did you mean http.listen?"),
        ("[htp]", "config.toml: htp: unknown key; did you mean http?"),
        ("http = 1", "config.toml: http: is a section, not a key"),
        ("[http]\nworkers = 'two'", "config.toml: http.workers: must be a whole number"),
        ("[http]\nworkers = -1", "config.toml: http.workers: must not be negative"),
        ("[http]\nworkers = 0", "config.toml: http.workers: must be between 1 and 256"),
        ("[http]\nlisten = 'here'", "config.toml: http.listen: must be an address such as 127.0.0.1:8080"),
        (
            "[shutdown]\ngrace = 'soon'",
            "config.toml: shutdown.grace: must be a duration such as 500ms, 90s, 15m, 2h or 14d",
        ),
        (
            "[metrics]\nlisten = 'here'",
            "config.toml: metrics.listen: must be an address such as 127.0.0.1:9464, or empty",
        ),
        (
            "[metrics]\nlisten = '127.0.0.1:8080'",
            "config.toml: metrics.listen: must be another address than http.listen",
        ),
        ("[mail]\ntransport = 'smtp'", "mail.smtp_url: must be set when mail.transport is smtp"),
        (
            "[moderation]\nprovider = 'openai'\nmodel = 'm'",
            "moderation.base_url: must be set when moderation.provider is openai",
        ),
        (
            "[moderation]\nprovider = 'openai'\nbase_url = 'http://x:1'",
            "moderation.model: must be set when moderation.provider is openai",
        ),
        (
            "[moderation]\nprovider = 'bedrock'",
            "moderation.api_key: must be set when moderation.provider is bedrock, or moderation.api_key_file",
        ),
        (
            "[moderation]\napi_key = 'a'\napi_key_file = 'b'",
            "config.toml: moderation.api_key_file: cannot be set together with moderation.api_key",
        ),
        (
            "[moderation]\nregion = 'x.evil.example/'",
            "config.toml: moderation.region: must be a region such as us-east-1",
        ),
        (
            "[moderation]\ntimeout = '30s'",
            "config.toml: moderation.timeout: the timeout of a call must not be longer than the deadline of all calls",
        ),
        (
            "[moderation]\nprovider = 'bedrock'\napi_key = 'k'\n[workers.moderation]\ntimeout = '20s'",
            "config.toml: workers.moderation.timeout: moderation.deadline must be shorter than workers.moderation.timeout",
        ),
        (
            "[workers.feed]\nvisibility_timeout = '10s'",
            "config.toml: workers.feed.visibility_timeout: the timeout must be shorter than the visibility timeout",
        ),
    ];
    for (text, expected) in of_files {
        assert_eq!(error(text, &[]), expected);
    }
    let of_variables = [
        (
            "BROADSHEET__HTTP__LISTEN",
            "x",
            "BROADSHEET__HTTP__LISTEN: must be an address such as 127.0.0.1:8080 (http.listen)",
        ),
        (
            "BROADSHEET__HTTP__LISTNE",
            "x",
            "BROADSHEET__HTTP__LISTNE: unknown key; did you mean BROADSHEET__HTTP__LISTEN? (http.listne)",
        ),
        ("BROADSHEET__", "x", "BROADSHEET__: unknown key (\"\")"),
        (
            "BROADSHEET__MAIL__TRANSPORT",
            "pigeon",
            "BROADSHEET__MAIL__TRANSPORT: must be `folder` or `smtp` (mail.transport)",
        ),
        (
            "BROADSHEET__METRICS__LISTEN",
            "9464",
            "BROADSHEET__METRICS__LISTEN: must be an address such as 127.0.0.1:9464, or empty (metrics.listen)",
        ),
    ];
    for (variable, text, expected) in of_variables {
        assert_eq!(error("", &[(variable, text)]), expected);
    }
}

#[test]
fn an_error_is_one_line_and_repeats_no_value() {
    let texts = [
        "a = = 1",
        "\"a\\nb\" = 1",
        "[database]\npassword = 5151",
        "[database]\nurl = 'ws://root:5151@db:8000'",
        "[mail]\nsmtp_url = 'http://5151'",
        "[identity]\nbootstrap_admin_email = '5151'",
        "[moderation]\nprovider = 'openai'",
        "[log]\nlevel = 'loud'",
        "[log]\nformat = '5151'",
        "[mail]\ntransport = '5151'",
        "[workers.feed]\nstart = '5151, expected 5151'",
        "[workers.feed]\nbatch = 1001",
        "[workers]\nrun = [1]",
    ];
    for text in texts {
        let line = error(text, &[]);
        assert!(!line.contains('\n') && !line.contains("5151"), "{line}");
    }
    assert!(error("\n\na = = 1", &[]).starts_with("config.toml: line 3: "));
    let missing = Config::load(Some(Path::new("/nowhere/config.toml")), std::iter::empty()).unwrap_err();
    assert!(missing.to_string().starts_with("/nowhere/config.toml: cannot be read: "), "{missing}");
}

#[test]
fn models_are_configured_with_few_keys() {
    let bedrock = load("[moderation]\nprovider = 'bedrock'\napi_key_file = '/run/key'", &[]).unwrap().moderation;
    assert_eq!((bedrock.model(), bedrock.region.as_str()), ("amazon.nova-micro-v1:0", "us-east-1"));
    let text = "[moderation]\nprovider = 'openai'\nbase_url = 'http://localhost:11434'\nmodel = 'llama3.2:3b'";
    assert_eq!(load(text, &[]).unwrap().moderation.model(), "llama3.2:3b");
}

#[test]
fn workers_that_do_not_exist_are_refused() {
    let known = ["feed", "search"];
    assert_eq!(load("[workers.feed]\npaused = true", &[]).unwrap().check_workers(&known), Ok(()));
    let misspelt = load("[workers.fed]\npaused = true", &[]).unwrap().check_workers(&known).unwrap_err();
    assert_eq!(misspelt.to_string(), "config.toml: workers.fed: unknown worker; there are feed, search");
    let misspelt = load("", &[("BROADSHEET__WORKERS__RUN", "fed")]).unwrap().check_workers(&known).unwrap_err();
    assert!(misspelt.to_string().starts_with("BROADSHEET__WORKERS__RUN: unknown worker"), "{misspelt}");
}

#[test]
fn secrets_do_not_show() {
    let text = "[database]\nusername = 'u'\npassword = 'hunter2'\n[mail]\nsmtp_url = 'smtp://u:hunter2@mx:25?tls=none'\n\
                [moderation]\napi_key = 'hunter2'\n[identity]\nbootstrap_admin_email = 'hunter2@example.org'";
    let config = load(text, &[]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    assert!(!format!("{:?}", Table::try_from(&config).unwrap()).contains("hunter2"));
    assert_eq!(config.identity.bootstrap_admin(), Email::parse("hunter2@example.org").ok());
}
