//! `/v1/admin`, seen by an admin whose deliveries die on demand. Here: what these tests share.

mod accounts;
mod audit;
mod crash;
mod dead_letters;
mod jobs;
mod retention;
mod socket;
mod watch;
mod workers;

use std::time::Duration;

use broadsheet::{
    actors::workers::Registry,
    config::{Config, WorkerSettings},
};
use serde_json::{Value, json};

use crate::support::{Fault, Person, Plan, TestApp, until};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes `rosa` an admin, and deliveries of every worker die of their first failure.
fn deadly(config: &mut Config) {
    lenient(config);
    for worker in crate::support::worker_names() {
        let settings = WorkerSettings { max_receives: 1, ..Default::default() };
        config.workers.named.insert(worker.to_owned(), settings);
    }
}

/// Makes `rosa` an admin.
fn lenient(config: &mut Config) {
    config.identity.bootstrap_admin_email = "rosa@example.com".into();
}

/// A server whose workers fail on demand, an admin and an author.
struct Fixture {
    app: TestApp,
    plan: Plan,
    root: Person,
    ada: Person,
}

impl Fixture {
    async fn new(change: impl FnOnce(&mut Config)) -> Self {
        let plan = Plan::default();
        let app = TestApp::spawn_with(change, plan.registry()).await;
        let (root, ada) = (app.person("rosa").await, app.person("ada").await);
        app.settle().await;
        app.expect_exceptions();
        Self { app, plan, root, ada }
    }

    /// Publishes posts whose deliveries to these workers die.
    async fn kill(&self, workers: &[&str], titles: &[&str]) -> Vec<Value> {
        workers.iter().for_each(|worker| self.plan.of(worker).always(Fault::Fail));
        let mut posts = Vec::new();
        for title in titles {
            posts.push(self.ada.publish(title).await);
        }
        self.app.settle().await;
        workers.iter().for_each(|worker| self.plan.of(worker).always(None));
        posts
    }
}

/// All items of a collection, page by page.
async fn all(person: &Person, path: &str, limit: usize) -> Vec<Value> {
    let joint = if path.contains('?') { '&' } else { '?' };
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = person.get(&format!("{path}{joint}limit={limit}{cursor}")).await.expect(200).json();
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        assert!(items.len() < 10_000, "{path} does not end");
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

async fn letters(person: &Person) -> Vec<Value> {
    all(person, "/v1/admin/dead-letters", 100).await
}

/// Orders a redrive or a discard; answers the job.
async fn order(person: &Person, kind: &str, body: Value) -> Value {
    let answer = person.post(&format!("/v1/admin/dead-letters/{kind}"), &body).await.expect(202);
    let job = answer.json();
    assert_eq!(answer.header("location"), format!("/v1/admin/jobs/{}", job["id"].as_str().unwrap()));
    job
}

async fn job(person: &Person, id: &Value) -> Value {
    person.get(&format!("/v1/admin/jobs/{}", id.as_str().unwrap())).await.expect(200).json()
}

/// Waits until a job has ended.
async fn ended(person: &Person, id: &Value) -> Value {
    until("the job ends", async || job(person, id).await["state"] != "running").await;
    job(person, id).await
}

/// Orders something and waits until it is done.
async fn carried_out(person: &Person, kind: &str, body: Value) -> Value {
    let ordered = order(person, kind, body).await;
    let ended = ended(person, &ordered["id"]).await;
    assert_eq!(ended["state"], "done", "{ended}");
    ended
}

/// The words of the newest acts.
async fn acts(person: &Person) -> Vec<String> {
    let act = |entry: &Value| entry["act"].as_str().unwrap().to_owned();
    all(person, "/v1/admin/audit", 100).await.iter().map(act).collect()
}

fn roles(roles: &[&str]) -> Value {
    json!({"roles": roles})
}

/// Makes whoever signs up as `boss` an admin.
fn with_boss(config: &mut Config) {
    config.identity.bootstrap_admin_email = "boss@example.com".into();
}

/// A server with these workers, and its admin.
async fn desk(registry: Registry) -> (TestApp, Person) {
    let app = TestApp::spawn_with(with_boss, registry).await;
    let boss = app.person("boss").await;
    (app, boss)
}

/// What the server shows of one worker.
async fn worker(boss: &Person, name: &str) -> Value {
    let workers = boss.get("/v1/admin/workers").await.expect(200).json();
    workers["items"].as_array().unwrap().iter().find(|worker| worker["name"] == name).unwrap().clone()
}

/// What the server shows of everything.
async fn overview(boss: &Person) -> Value {
    boss.get("/v1/admin/overview").await.expect(200).json()
}
