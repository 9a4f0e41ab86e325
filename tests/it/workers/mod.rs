//! The worker engine, seen through the five workers and a sixth. Here: what these tests share.

mod backlog;
mod battery;
mod breaker;
mod holds;
mod isolation;
mod lost_nothing;
mod orderly;
mod sixth_worker;
mod supervision;

use std::{path::Path, sync::Arc, time::Duration};

use broadsheet::{
    actors::{
        worker::{Snapshot, State},
        workers::Registry,
    },
    config::{Config, WorkerSettings},
    store::Exception,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Fault, Faults, Person, TestApp, until};

/// An author and a follower.
pub(crate) async fn pair(app: &TestApp) -> (Person, Person) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    (ada, bob)
}

/// Changes the settings of one worker.
pub(crate) fn tune(config: &mut Config, worker: &str, change: impl FnOnce(&mut WorkerSettings)) {
    change(config.workers.named.entry(worker.to_owned()).or_default());
}

/// Keeps the database and the index in the folder, so that another server can go on with them.
pub(crate) fn on_disk(config: &mut Config) {
    config.database.url = String::new();
}

pub(crate) fn folder() -> Arc<TempDir> {
    Arc::new(tempfile::tempdir().unwrap())
}

/// Ends a server and starts another on its folder; `people` talk to the new one from now on.
pub(crate) async fn restart(
    app: TestApp,
    change: impl FnOnce(&mut Config),
    registry: Registry,
    people: &mut [&mut Person],
) -> TestApp {
    let app = TestApp::spawn_in(closed(app).await, change, registry).await;
    for person in people {
        person.client = app.client.clone();
    }
    app
}

/// Ends a server and waits until it has let go of its database, which takes a moment after the last handle is gone.
async fn closed(app: TestApp) -> Arc<TempDir> {
    let folder = app.stop().await;
    let lock = folder.path().join("db/LOCK");
    until("the database is closed", async || !is_open(&lock)).await;
    folder
}

/// Whether this process has the file open. Where the system does not tell, it is taken to be closed.
fn is_open(file: &Path) -> bool {
    let Ok(handles) = std::fs::read_dir("/proc/self/fd") else { return false };
    handles.flatten().any(|handle| std::fs::read_link(handle.path()).is_ok_and(|target| target == file))
}

pub(crate) fn status(app: &TestApp, worker: &str) -> Snapshot {
    app.app.workers.iter().find(|running| running.status.name == worker).unwrap().status.snapshot()
}

/// The lines of a post's receipt that are not this worker's.
async fn other_lines(author: &Person, post: &Value, worker: &str) -> Vec<String> {
    let lines = author.receipt(post).await;
    lines.into_iter().filter(|line| !line.starts_with(&format!("{worker}:"))).collect()
}

/// One worker's line of a post's receipt.
async fn line(author: &Person, post: &Value, worker: &str) -> Value {
    let id = post["id"].as_str().unwrap();
    let receipt = author.get(&format!("/v1/posts/{id}/deliveries")).await.expect(200).json();
    receipt["deliveries"].as_array().unwrap().iter().find(|line| line["worker"] == worker).unwrap().clone()
}

fn dead(exceptions: Vec<Exception>) -> Vec<Exception> {
    exceptions.into_iter().filter(|exception| exception.state == "dead").collect()
}

/// All titles in a list, page by page, sorted.
async fn all_titles(reader: &Person, path: &str) -> Vec<String> {
    let separator = if path.contains('?') { '&' } else { '?' };
    let (mut titles, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = reader.get(&format!("{path}{separator}limit=100{cursor}")).await.expect(200).json();
        let title = |item: &Value| item["title"].as_str().or(item["post"]["title"].as_str()).unwrap().to_owned();
        titles.extend(page["items"].as_array().unwrap().iter().map(title));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    titles.sort();
    titles
}

/// Lets time pass until nothing waits for a later time any more.
async fn recover(app: &TestApp) {
    for _ in 0..10 {
        if app.pass(Duration::from_secs(100)).await.is_empty() {
            return;
        }
    }
    panic!("does not recover: {:#?}", app.exceptions().await);
}

/// Makes a worker panic six times within a minute, once for each of six posts, so that it is parked.
pub(crate) async fn degrade(app: &TestApp, worker: &str, faults: &Faults, author: &Person) {
    for blow in 1..=6 {
        // One at a time: two runs that panic side by side are one restart.
        faults.next(&[Fault::Panic]);
        author.publish(&format!("Blow {blow}")).await;
        until("the worker is restarted", async || status(app, worker).restarts >= blow).await;
    }
    until("the worker is parked", async || status(app, worker).state == State::Degraded).await;
}
