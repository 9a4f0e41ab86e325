//! The walk through an outage, by terminal against the real server: a worker fails, its deliveries die, the cause is found, the dead
//! letters are redriven. And what the operator's other commands do there.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    time::Duration,
};

use futures_util::future::{Either, select};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::terminal::{Terminal, printed};
use crate::support::{Fault, Person, Plan, TestApp, expect_line, until};

/// A server, faults for its workers, its administrator and her terminal.
struct Fixture {
    app: TestApp,
    plan: Plan,
    ada: Person,
    terminal: Terminal,
    url: String,
}

impl Fixture {
    async fn new() -> Self {
        let plan = Plan::default();
        let change = |config: &mut broadsheet::config::Config| {
            config.identity.bootstrap_admin_email = "ada@example.com".into();
        };
        let app = TestApp::spawn_with(change, plan.registry()).await;
        let ada = app.person("ada").await;
        app.settle().await;
        let url = format!("http://{}", app.app.address);
        Self { app, plan, ada, terminal: Terminal::new(), url }
    }

    /// What a command of the administrator's prints, if it ends with this exit code. Time goes on meanwhile.
    async fn says(&self, arguments: &[&str], code: i32) -> String {
        let url = ["--url", &self.url];
        let arguments = [arguments, &url].concat();
        let command = std::pin::pin!(self.terminal.run_with_token(&self.ada.token, &arguments));
        let time = std::pin::pin!(async {
            loop {
                self.app.clock.advance(Duration::from_millis(100));
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        match select(command, time).await {
            Either::Left((output, _)) => printed(&output, code),
            Either::Right((never, _)) => never,
        }
    }

    async fn json(&self, arguments: &[&str], code: i32) -> Value {
        let arguments = [arguments, &["--json"]].concat();
        serde_json::from_str(&self.says(&arguments, code).await).unwrap()
    }
}

#[actix_web::test]
async fn a_poisoned_worker_is_found_and_its_dead_letters_are_redriven_from_a_terminal() {
    let mut fixture = Fixture::new().await;
    fixture.plan.of("search").always(Fault::Fail);
    let posts = [fixture.ada.publish("Doom").await, fixture.ada.publish("Gloom").await];
    for _ in 0..6 {
        fixture.app.pass(Duration::from_secs(100)).await;
    }
    fixture.ada.sign_in().await;

    let causes = fixture.json(&["dlq", "causes", "--exit-code"], 3).await;
    let items = causes["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{causes}");
    assert_eq!((items[0]["worker"].as_str(), items[0]["count"].as_u64()), (Some("search"), Some(2)), "{causes}");
    assert!(items[0]["message"].as_str().unwrap().contains("planted failure"), "{causes}");
    let cause = items[0]["cause"].as_str().unwrap();
    let table = fixture.says(&["dlq", "causes"], 0).await;
    assert!(table.contains(cause) && table.lines().count() == 2, "{table}");

    let list = fixture.json(&["dlq", "list", "--cause", cause], 0).await;
    let ids: Vec<&str> = list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 2, "{list}");
    let story = fixture.says(&["dlq", "show", ids[0]], 0).await;
    assert_eq!(story.matches("planted failure").count(), 6, "the message and five attempts: {story}");

    fixture.plan.of("search").always(None);
    let dry = fixture.says(&["dlq", "redrive", "--worker", "search", "--dry-run"], 0).await;
    assert_eq!(dry, "2 dead letters match; nothing was done\n");
    let said = fixture.says(&["dlq", "redrive", "--worker", "search", "--yes", "--wait"], 0).await;
    assert_eq!(said, "the redrive is done: 2 of 2 dead letters done, 0 skipped\n");
    fixture.app.settle().await;
    for post in &posts {
        let is_done = async || fixture.ada.receipt(post).await.contains(&"search: done".to_owned());
        until("it is indexed after all", is_done).await;
    }
    assert_eq!(fixture.says(&["dlq", "causes", "--exit-code"], 0).await, "there are no dead letters\n");
    let jobs = fixture.json(&["dlq", "jobs"], 0).await;
    assert_eq!((&jobs["items"][0]["state"], &jobs["items"][0]["done"]), (&json!("done"), &json!(2)), "{jobs}");
    let acts = fixture.json(&["audit"], 0).await;
    let act = acts["items"].as_array().unwrap().iter().find(|act| act["act"] == "dead_letters.redrive").unwrap();
    assert_eq!(act["by"]["handle"], "ada", "{acts}");
}

#[actix_web::test]
async fn dead_letters_are_discarded_from_a_terminal() {
    let mut fixture = Fixture::new().await;
    fixture.plan.of("search").always(Fault::Fail);
    let post = fixture.ada.publish("Doom").await;
    for _ in 0..6 {
        fixture.app.pass(Duration::from_secs(100)).await;
    }
    fixture.ada.sign_in().await;
    let choice = ["dlq", "discard", "--post", post["id"].as_str().unwrap(), "--yes", "--wait"];
    let said = fixture.says(&choice, 0).await;
    assert_eq!(said, "the discard is done: 1 of 1 dead letter done, 0 skipped\n");
    assert_eq!(fixture.says(&["dlq", "list", "--exit-code"], 0).await, "there are no dead letters\n");
}

#[actix_web::test]
async fn workers_are_paused_and_resumed_from_a_terminal() {
    let fixture = Fixture::new().await;
    let state = async |name: &str| {
        let workers = fixture.json(&["workers"], 0).await;
        let worker = workers["items"].as_array().unwrap().iter().find(|worker| worker["name"] == name).unwrap();
        worker["state"].as_str().unwrap().to_owned()
    };
    fixture.says(&["workers", "pause", "feed"], 0).await;
    until("it is paused", async || state("feed").await == "paused").await;
    fixture.says(&["workers", "resume", "feed"], 0).await;
    until("it goes on", async || state("feed").await == "running").await;
    let table = fixture.says(&["workers"], 0).await;
    assert_eq!(table.lines().count(), 6, "{table}");
}

#[actix_web::test]
async fn only_operators_get_anywhere() {
    let fixture = Fixture::new().await;
    let bob = fixture.app.person("bob").await;
    let commands = [
        &["workers"][..],
        &["dlq", "causes"],
        &["dlq", "redrive", "--all", "--dry-run"],
        &["audit"],
        &["watch"],
        &["account", "roles", "ada"],
    ];
    for arguments in commands {
        let arguments = [arguments, &["--url", &fixture.url]].concat();
        expect_line(&fixture.terminal.run_with_token(&bob.token, &arguments).await, 77, &["not allowed"]);
        expect_line(&fixture.terminal.run_with_token("nonsense", &arguments).await, 77, &["BROADSHEET_TOKEN"]);
    }
    let said = fixture.says(&["account", "roles", "bob", "--set", "user,moderator"], 0).await;
    assert!(said.starts_with("bob: ") && said.contains("moderator"), "{said}");
}

#[actix_web::test]
async fn watching_shows_what_changes() {
    let fixture = Fixture::new().await;
    let mut command = fixture.terminal.command(&["watch", "--json", "--url", &fixture.url]);
    command.env("BROADSHEET_TOKEN", &fixture.ada.token).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (lines, mut changes) = tokio::sync::mpsc::unbounded_channel();
    let output = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || {
        output.lines().map_while(Result::ok).for_each(|line| drop(lines.send(line)));
    });
    let snapshot: Value = serde_json::from_str(&changes.recv().await.unwrap()).unwrap();
    assert_eq!((&snapshot["type"], snapshot["workers"].as_array().unwrap().len()), (&json!("snapshot"), 5));
    fixture.says(&["workers", "pause", "feed"], 0).await;
    loop {
        let change: Value = serde_json::from_str(&changes.recv().await.unwrap()).unwrap();
        if change["worker"]["name"] == "feed" && change["worker"]["state"] == "paused" {
            break;
        }
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert_eq!(ended.code(), Some(0));
}
