//! The operator's commands: health, login and logout against a running server, the others against one that says what it is
//! told to. The walk from a poisoned delivery to its redrive is `dlq.rs`'s.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    process::Stdio,
};

use broadsheet::clock::{Clock, SystemClock};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{
    fake::{Fake, problem},
    terminal::{Terminal, printed},
};
use crate::support::{Process, expect_line, finished, until};

const TOKEN: &str = "a.b.c";

fn url_of(process: &Process) -> String {
    format!("http://{}", process.address)
}

#[actix_web::test]
async fn health_is_one_line_and_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]).await;
    let terminal = Terminal::new();
    let url = url_of(&process);
    assert_eq!(printed(&terminal.run(&["health", "--url", &url]).await, 0), "ready\n");
    assert_eq!(printed(&terminal.run(&["health", "--url", &url, "--live"]).await, 0), "ok\n");
    let json = printed(&terminal.run(&["health", "--url", &url, "--json"]).await, 0);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), json!({"status": "ready"}));
    // As in a container: nothing but the server's own variable, which says that it listens everywhere.
    let everywhere = format!("0.0.0.0:{}", process.address.port());
    let mut command = terminal.command(&["health"]);
    command.env("BROADSHEET__HTTP__LISTEN", &everywhere);
    assert_eq!(printed(&tokio::task::spawn_blocking(move || finished(&mut command)).await.unwrap(), 0), "ready\n");
    assert!(process.terminate().await.0.success());
    let gone = printed(&terminal.run(&["health", "--url", &url]).await, 1);
    assert!(gone.starts_with(&format!("not alive: {url} does not answer: ")) && gone.lines().count() == 1, "{gone}");
}

#[actix_web::test]
async fn health_tells_why_a_server_is_not_ready() {
    let (fake, terminal) = (Fake::start(), Terminal::new());
    fake.answer("GET /readyz", 503, json!({"status": "not_ready", "reasons": ["worker email is degraded"]}));
    let output = terminal.run(&["health", "--url", &fake.url]).await;
    assert_eq!(printed(&output, 1), "not ready: worker email is degraded\n");
    fake.answer("GET /readyz", 200, json!("<html>somebody else</html>"));
    let output = terminal.run(&["health", "--url", &fake.url]).await;
    assert!(printed(&output, 1).contains("something else does, with status 200"));
    expect_line(&terminal.run(&["health"]).await, 2, &["http.listen", "--url"]);
    expect_line(&terminal.run(&["health", "--url", "localhost"]).await, 2, &["localhost", "http://"]);
}

#[actix_web::test]
async fn a_session_is_kept_for_its_owner_alone_and_ended_by_logout() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]).await;
    let (ada, terminal, url) = (process.person("ada").await, Terminal::new(), url_of(&process));
    let said = printed(&terminal.log_in(&url, &ada.email, &ada.password).await, 0);
    assert!(said.contains(&format!("signed in at {url}")) && said.lines().count() == 1, "{said}");
    let file = terminal.session_file();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    let (text, session) = (fs::read_to_string(&file).unwrap(), terminal.session());
    assert!(!text.contains(&ada.password) && !text.contains(&ada.email), "{text}");

    let refresh = json!({"refresh_token": session["refresh_token"]});
    let said = printed(&terminal.run(&["logout"]).await, 0);
    assert_eq!(said, format!("signed out at {url}\n"));
    assert!(!file.exists());
    process.client.post("/v1/identity/refresh", &refresh).await.expect_problem(401, "invalid_refresh_token");
    assert_eq!(printed(&terminal.run(&["logout"]).await, 0), "nobody was signed in\n");
    expect_line(&terminal.run(&["workers", "--url", &url]).await, 77, &["broadsheet login --url", &url]);
}

#[actix_web::test]
async fn signing_in_again_ends_the_session_before() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]).await;
    let (ada, terminal, url) = (process.person("ada").await, Terminal::new(), url_of(&process));
    printed(&terminal.log_in(&url, &ada.email, &ada.password).await, 0);
    let former = json!({"refresh_token": terminal.session()["refresh_token"]});
    printed(&terminal.log_in(&url, &ada.email, &ada.password).await, 0);
    process.client.post("/v1/identity/refresh", &former).await.expect_problem(401, "invalid_refresh_token");
    let newest = json!({"refresh_token": terminal.session()["refresh_token"]});
    process.client.post("/v1/identity/refresh", &newest).await.expect(200);
}

#[actix_web::test]
async fn who_is_not_let_in_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]).await;
    let (ada, terminal, url) = (process.person("ada").await, Terminal::new(), url_of(&process));
    let wrong = "mistyped battery staple";
    let output = terminal.log_in(&url, &ada.email, wrong).await;
    expect_line(&output, 77, &["Invalid credentials"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains(wrong) && !said.contains(&ada.email), "{said}");
    expect_line(&terminal.log_in(&url, &ada.email, "").await, 2, &["password"]);
    expect_line(&terminal.run(&["login", "--url", &url]).await, 2, &["--email"]);
    expect_line(&terminal.log_in("http://127.0.0.1:1", &ada.email, wrong).await, 1, &["cannot reach"]);
    assert!(!terminal.session_file().exists());
}

#[actix_web::test]
async fn a_session_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]).await;
    let (ada, terminal, url) = (process.person("ada").await, Terminal::new(), url_of(&process));
    printed(&terminal.log_in(&url, &ada.email, &ada.password).await, 0);
    fs::set_permissions(terminal.session_file(), fs::Permissions::from_mode(0o644)).unwrap();
    expect_line(&terminal.run(&["workers"]).await, 77, &["credentials.json", "mode 644", "chmod 600"]);
    printed(&terminal.run(&["logout"]).await, 0);
    assert!(!terminal.session_file().exists());
}

#[actix_web::test]
async fn an_expired_session_is_refreshed_once_by_many_commands_at_once() {
    let folder = tempfile::tempdir().unwrap();
    // Without grace a refresh token that is used twice ends the session.
    let variables = [("IDENTITY__ACCESS_TOKEN_TTL", "2s"), ("IDENTITY__REFRESH_GRACE", "0s")];
    let process = Process::start(folder.path(), &variables).await;
    let (ada, terminal, url) = (process.person("ada").await, Terminal::new(), url_of(&process));
    printed(&terminal.log_in(&url, &ada.email, &ada.password).await, 0);
    let before = terminal.session();
    let expires_at = before["expires_at"].as_str().unwrap().parse().unwrap();
    until("the token expires", async || SystemClock.now() > expires_at).await;
    let commands = (0..6).map(|_| terminal.run(&["workers"]));
    for output in futures_util::future::join_all(commands).await {
        assert_ne!(output.status.code(), Some(2), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("session") && !said.contains("signed in"), "{said}");
    }
    let after = terminal.session();
    assert_ne!(after["refresh_token"], before["refresh_token"]);
    let mode = fs::metadata(terminal.session_file()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let newest = json!({"refresh_token": after["refresh_token"]});
    process.client.post("/v1/identity/refresh", &newest).await.expect(200);
}

#[actix_web::test]
async fn a_token_that_the_server_finds_expired_is_refreshed_and_the_request_sent_again() {
    let (fake, terminal) = (Fake::start(), Terminal::new());
    let session = json!({"url": fake.url, "access_token": "old", "refresh_token": "r1",
        "expires_at": "2999-01-01T00:00:00.000Z"});
    terminal.keep_session(&session);
    fake.answer("GET /v1/admin/workers", 401, problem("invalid_token", "the access token has expired"));
    let tokens = json!({"access_token": "new", "refresh_token": "r2", "expires_in": 900});
    fake.answer("POST /v1/identity/refresh", 200, tokens);
    fake.answer("GET /v1/admin/workers", 200, json!({"items": [], "next_cursor": null}));
    printed(&terminal.run(&["workers", "--json"]).await, 0);
    let seen: Vec<_> = fake.seen().into_iter().map(|seen| (seen.line, seen.authorization)).collect();
    let line = |line: &str, authorization: &str| (line.to_owned(), authorization.to_owned());
    let workers = "GET /v1/admin/workers";
    let expected = [line(workers, "Bearer old"), line("POST /v1/identity/refresh", ""), line(workers, "Bearer new")];
    assert_eq!(seen, expected);
    assert_eq!(terminal.session()["refresh_token"], "r2");

    fake.answer(workers, 401, problem("invalid_token", "the access token has expired"));
    fake.answer("POST /v1/identity/refresh", 401, problem("invalid_refresh_token", "its session has ended"));
    let output = terminal.run(&["workers"]).await;
    expect_line(&output, 77, &["its session has ended", "broadsheet login --url", &fake.url]);
}

#[actix_web::test]
async fn a_token_goes_to_no_other_server() {
    let (fake, terminal) = (Fake::start(), Terminal::new());
    let session = json!({"url": "http://127.0.0.1:1", "access_token": "t", "refresh_token": "r",
        "expires_at": "2999-01-01T00:00:00.000Z"});
    terminal.keep_session(&session);
    let output = terminal.run(&["workers", "--url", &fake.url]).await;
    expect_line(&output, 77, &["http://127.0.0.1:1", "broadsheet login --url", &fake.url]);
    assert!(fake.lines().is_empty());
}

#[actix_web::test]
async fn what_the_server_refuses_is_one_line_and_its_exit_code() {
    let (fake, terminal) = (Fake::start(), Terminal::new());
    for (status, body, code, words) in [
        (401, problem("invalid_token", "the access token has expired"), 77, ["has expired", "BROADSHEET_TOKEN"]),
        (
            403,
            problem("insufficient_scope", "the access token lacks the scope admin:read"),
            77,
            ["admin:read", "not allowed"],
        ),
        (404, problem("not_found", "no worker is called fede"), 1, ["fede", "no worker"]),
        (503, problem("busy", "too many commands wait"), 1, ["too many commands", "later"]),
        (200, json!("<html>"), 1, [fake.url.as_str(), "Broadsheet server"]),
        (404, json!("<html>"), 1, ["status 404", "Broadsheet server"]),
    ] {
        fake.answer("POST /v1/admin/workers/fede/pause", status, body);
        let output = terminal.run_with_token(TOKEN, &["workers", "pause", "fede", "--url", &fake.url]).await;
        expect_line(&output, code, &words);
    }
    let output = terminal.run_with_token(TOKEN, &["audit", "--url", "http://127.0.0.1:1"]).await;
    expect_line(&output, 1, &["cannot reach http://127.0.0.1:1", "is the server running"]);
    expect_line(&terminal.run_with_token("a b", &["audit"]).await, 77, &["BROADSHEET_TOKEN"]);
}

#[actix_web::test]
async fn workers_are_shown_and_told_what_to_do() {
    let (fake, terminal) = (Fake::start(), Terminal::new());
    let workers = json!({"items": [
        {"name": "feed", "subscription": "feed", "state": "running", "running": 2, "batch": 10, "lag": 7, "restarts": 0,
            "mailbox": {"used": 3, "capacity": 64}, "waiting": {"ready": 1, "leased": 0, "held": 0}, "per_second": 12.5,
            "wait_ms": {"count": 3, "p50": 1, "p95": 2, "p99": 3}, "run_ms": {"p95": 40}, "dead_letters": 0},
        {"name": "email", "state": "breaker_open", "last_error": {"at": "2026-11-23T10:00:00.000Z", "message": "no server"}},
    ], "next_cursor": null});
    fake.answer("GET /v1/admin/workers", 200, workers.clone());
    fake.answer("GET /v1/admin/workers", 200, workers.clone());
    fake.answer("POST /v1/admin/workers/email/resume", 204, Value::Null);
    let table = printed(&terminal.run_with_token(TOKEN, &["workers", "--url", &fake.url]).await, 0);
    assert_eq!(table.lines().count(), 3, "{table}");
    let line = |start: &str| table.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    assert!(line("feed").contains("running") && line("feed").contains("2/10"), "{table}");
    assert!(
        line("email").contains("breaker_open") && line("email").ends_with("2026-11-23 10:00:00 no server"),
        "{table}"
    );
    let json = printed(&terminal.run_with_token(TOKEN, &["workers", "--json", "--url", &fake.url]).await, 0);
    assert_eq!((serde_json::from_str::<Value>(&json).unwrap(), json.lines().count()), (workers, 1));
    let said = terminal.run_with_token(TOKEN, &["workers", "resume", "email", "--url", &fake.url]).await;
    assert_eq!(printed(&said, 0), "the worker email goes on\n");
    assert!(fake.seen().iter().all(|seen| seen.authorization == format!("Bearer {TOKEN}")));
}

#[actix_web::test]
async fn dead_letters_are_listed_over_pages_and_raise_an_alarm_when_asked() {
    let (fake, terminal) = (Fake::start(), Terminal::new());
    let letter = |id: &str| {
        json!({"id": id, "worker": "email", "cause": "c1", "class": "fault", "message": "no box",
        "event": {"kind": "post_published"}, "receives": 5, "dead_at": "2026-11-23T10:00:00.000Z"})
    };
    fake.answer("GET /v1/admin/dead-letters?", 200, json!({"items": [letter("01A")], "next_cursor": "n1"}));
    fake.answer("GET /v1/admin/dead-letters?", 200, json!({"items": [letter("01B")], "next_cursor": null}));
    let arguments = ["dlq", "list", "--worker", "email", "--all", "--exit-code", "--url", &fake.url];
    let table = printed(&terminal.run_with_token(TOKEN, &arguments).await, 3);
    assert!(table.contains("01A") && table.contains("01B") && table.lines().count() == 3, "{table}");
    let lines = fake.lines();
    assert_eq!(lines[0], "GET /v1/admin/dead-letters?worker=email&limit=100");
    assert_eq!(lines[1], "GET /v1/admin/dead-letters?worker=email&limit=100&cursor=n1");
    fake.answer("GET /v1/admin/dead-letters/causes", 200, json!({"items": []}));
    let arguments = ["dlq", "causes", "--exit-code", "--url", &fake.url];
    assert_eq!(printed(&terminal.run_with_token(TOKEN, &arguments).await, 0), "there are no dead letters\n");
}

#[actix_web::test]
async fn nothing_is_redriven_or_discarded_without_a_choice_and_a_yes() {
    let (fake, terminal) = (Fake::start(), Terminal::new());
    for act in ["redrive", "discard"] {
        let output = terminal.run_with_token(TOKEN, &["dlq", act, "--all", "--url", &fake.url]).await;
        expect_line(&output, 2, &["--yes", "--dry-run"]);
        let output = terminal.run_with_token(TOKEN, &["dlq", act, "--yes", "--url", &fake.url]).await;
        assert_eq!(output.status.code(), Some(2));
    }
    assert!(fake.lines().is_empty());
    fake.answer("POST /v1/admin/dead-letters/discard", 200, json!({"matched": 3}));
    let arguments = ["dlq", "discard", "--cause", "c1", "--dry-run", "--url", &fake.url];
    let output = terminal.run_with_token(TOKEN, &arguments).await;
    assert_eq!(printed(&output, 0), "3 dead letters match; nothing was done\n");
    assert_eq!(fake.seen()[0].body, json!({"cause": "c1", "dry_run": true}));
}

#[actix_web::test]
async fn a_redrive_is_followed_to_its_end_and_the_exit_code_tells_how_it_went() {
    let (fake, terminal) = (Fake::start(), Terminal::new());
    let job = |state: &str, done: u64, skipped: u64| {
        json!({"id": "01J", "kind": "redrive", "state": state, "matched": 3,
        "done": done, "skipped": skipped, "rate": 10, "created_at": "2026-11-23T10:00:00.000Z"})
    };
    for (state, done, skipped, code) in
        [("done", 3, 0, 0), ("done", 2, 1, 3), ("failed", 1, 0, 3), ("cancelled", 1, 0, 3)]
    {
        fake.answer("POST /v1/admin/dead-letters/redrive", 202, job("running", 0, 0));
        fake.answer("GET /v1/admin/jobs/01J", 200, job("running", 1, 0));
        fake.answer("GET /v1/admin/jobs/01J", 503, problem("unavailable", "the server is about to stop"));
        fake.answer("GET /v1/admin/jobs/01J", 200, job(state, done, skipped));
        let arguments = ["dlq", "redrive", "--worker", "email", "--rate", "10", "--yes", "--wait", "--url", &fake.url];
        let said = printed(&terminal.run_with_token(TOKEN, &arguments).await, code);
        let expected = format!("the redrive is {state}: {done} of 3 dead letters done, {skipped} skipped\n");
        assert_eq!(said, expected);
    }
    assert_eq!(fake.seen()[0].body, json!({"worker": "email", "rate": 10}));
    fake.answer("POST /v1/admin/dead-letters/redrive", 202, job("running", 0, 0));
    let arguments = ["dlq", "redrive", "01A", "01B", "--yes", "--json", "--url", &fake.url];
    let said = printed(&terminal.run_with_token(TOKEN, &arguments).await, 0);
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap(), job("running", 0, 0));
    assert_eq!(fake.seen().last().unwrap().body, json!({"ids": ["01A", "01B"]}));
}

#[actix_web::test]
async fn roles_are_set_as_a_whole() {
    let (fake, terminal) = (Fake::start(), Terminal::new());
    fake.answer("PUT /v1/admin/accounts/ada/roles", 200, json!({"handle": "ada", "roles": ["user", "moderator"]}));
    let arguments = ["account", "roles", "ada", "--set", "user,moderator", "--url", &fake.url];
    assert_eq!(printed(&terminal.run_with_token(TOKEN, &arguments).await, 0), "ada: user, moderator\n");
    assert_eq!(fake.seen()[0].body, json!({"roles": ["user", "moderator"]}));
    fake.answer("GET /v1/admin/accounts/ada", 200, json!({"handle": "ada", "roles": ["user"]}));
    let arguments = ["account", "roles", "ada", "--url", &fake.url];
    assert_eq!(printed(&terminal.run_with_token(TOKEN, &arguments).await, 0), "ada: user\n");
}

#[actix_web::test]
async fn watching_goes_on_after_a_lost_connection_where_it_ended() {
    let (fake, terminal) = (Fake::start(), Terminal::new());
    let snapshot = json!({"type": "snapshot", "stream": "s", "seq": 1, "node": {"draining": false},
        "workers": [{"name": "feed", "state": "running"}], "dead_letters": []});
    let paused = json!({"type": "worker", "seq": 2, "worker": {"name": "feed", "state": "paused"}});
    let resumed = json!({"type": "worker", "seq": 3, "worker": {"name": "feed", "state": "running"}});
    for arguments in [&["watch", "--json"][..], &["watch"]] {
        fake.answer("GET /v1/admin/watch", 101, json!([snapshot, paused]));
        fake.answer("GET /v1/admin/watch?since=s.2", 503, problem("unavailable", "starting"));
        fake.answer("GET /v1/admin/watch?since=s.2", 101, json!([resumed]));
        fake.answer("GET /v1/admin/watch?since=s.3", 401, problem("invalid_token", "the access token has expired"));
        let url = ["--url", &fake.url];
        let output = terminal.run_with_token(TOKEN, &[arguments, &url].concat()).await;
        let lines = printed(&output, 77);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said.matches("the connection is lost").count(), 3, "{said}");
        if arguments.contains(&"--json") {
            let frames: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(frames, [snapshot.clone(), paused.clone(), resumed.clone()]);
        } else {
            let states = lines.lines().filter_map(|line| line.split_once(" worker=feed state="));
            let states: Vec<&str> = states.map(|(_, rest)| rest.split(' ').next().unwrap()).collect();
            assert_eq!(states, ["running", "paused", "running"], "{lines}");
        }
    }
    let output = terminal.run_with_token(TOKEN, &["watch", "--url", "http://127.0.0.1:1"]).await;
    expect_line(&output, 1, &["cannot reach"]);
}

#[actix_web::test]
async fn ctrl_c_ends_watching_well() {
    let (fake, terminal) = (Fake::start(), Terminal::new());
    let snapshot = json!({"type": "snapshot", "stream": "s", "seq": 1});
    fake.answer("GET /v1/admin/watch", 101, json!([snapshot, null]));
    let mut command = terminal.command(&["watch", "--json", "--url", &fake.url]);
    command.env("BROADSHEET_TOKEN", TOKEN).stdin(Stdio::null()).stdout(Stdio::piped());
    let (line, ended) = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        (line, child.wait().unwrap())
    })
    .await
    .unwrap();
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), snapshot);
    assert_eq!(ended.code(), Some(0));
}
