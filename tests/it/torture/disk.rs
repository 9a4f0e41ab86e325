//! The database's disk is slow, fails for a while, or cannot be read: the server says so, goes on as far as it can, is well again by
//! itself, and nothing that it acknowledged is lost or done twice.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use serde_json::json;

use super::load::{Load, VARIABLES, on};
use crate::support::{Calls, Machine, Person, Process, Trouble, api::path, broadsheet, finished, until};

/// A server on a machine of its own, an author, and a reader who follows.
struct Fixture {
    machine: Machine,
    process: Process,
    ada: Person,
    bob: Person,
    load: Load,
    /// Dropped last.
    _folder: tempfile::TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let machine = Machine::new(folder.path());
        machine.only("/db/");
        let process = Process::start_on(&machine, &VARIABLES).await;
        let (ada, bob) = (process.person("ada").await, process.person("bob").await);
        bob.follow(&ada).await;
        let mut load = Load::default();
        load.publish_for(&ada, "before", Duration::from_millis(300)).await;
        Self { machine, process, ada, bob, load, _folder: folder }
    }

    /// Everything is there, now and after a restart.
    async fn end(mut self) {
        self.load.insist(&self.ada).await;
        self.load.publish_for(&self.ada, "after", Duration::from_millis(100)).await;
        self.load.verify(&self.process, &self.ada, &self.bob).await;
        assert!(self.process.terminate().await.0.success());
        let process = Process::start_on(&self.machine, &VARIABLES).await;
        self.load.verify(&process, &on(&process, &self.ada), &on(&process, &self.bob)).await;
        assert!(process.terminate().await.0.success());
    }
}

#[actix_web::test]
async fn a_slow_disk_makes_publishing_slow_and_nothing_worse() {
    let mut fixture = Fixture::new().await;
    let before = fixture.machine.disturbed();
    fixture.machine.disturb(Calls::Sync, Trouble::Slow(Duration::from_millis(300)));
    let is_over = AtomicBool::new(false);
    let reading = async {
        for _ in 0..5 {
            for path in ["/v1/feed", "/v1/posts?author=ada", "/v1/search?q=torture", "/healthz", "/readyz"] {
                fixture.bob.get(path).await.expect(200);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        is_over.store(true, Ordering::Relaxed);
    };
    futures_util::future::join(fixture.load.publish(&fixture.ada, "slow", &is_over), reading).await;
    assert!(fixture.machine.disturbed() > before + 3, "the disk was not slow");
    fixture.machine.disturb(Calls::Sync, None);
    fixture.end().await;
}

#[actix_web::test]
async fn a_disk_that_fails_to_sync_for_a_while_loses_and_doubles_nothing() {
    fails_for_a_while(Calls::Sync, Trouble::Fails).await;
}

#[actix_web::test]
async fn a_disk_that_fails_to_write_for_a_while_loses_and_doubles_nothing() {
    fails_for_a_while(Calls::Write, Trouble::Fails).await;
}

async fn fails_for_a_while(calls: Calls, trouble: Trouble) {
    let mut fixture = Fixture::new().await;
    let edited = fixture.ada.publish_with(json!({"title": "zqxeditedx", "notify": true})).await;
    fixture.load.posts.insert("zqxeditedx".to_owned(), edited.clone());
    let is_over = AtomicBool::new(false);
    let failing = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        fixture.machine.disturb(calls, trouble);
        until("it says why it is not ready", async || {
            let answer = fixture.bob.get("/readyz").await;
            answer.status == 503 && answer.text.contains("the database does not answer")
        })
        .await;
        let edit = json!({"body": "An edit that nobody was told of."});
        let refused = fixture.ada.patch(&path(&edited), &edit).await;
        assert_eq!(refused.status, 503, "{refused:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
        fixture.bob.get("/healthz").await.expect(200);
        fixture.machine.disturb(calls, None);
        until("it is well again by itself", async || fixture.bob.get("/readyz").await.status == 200).await;
        is_over.store(true, Ordering::Relaxed);
    };
    futures_util::future::join(fixture.load.publish(&fixture.ada, "failing", &is_over), failing).await;
    assert!(!fixture.load.open.is_empty(), "nothing was refused");
    assert!(fixture.machine.disturbed() > 0 && fixture.process.is_running());
    // What it shows is what it goes by.
    let edit = json!({"body": "The last word."});
    let shown = fixture.ada.patch(&path(&edited), &edit).await.expect(200).json();
    assert_eq!(shown["body"], "The last word.");
    fixture.end().await;
}

#[actix_web::test]
async fn a_disk_that_cannot_be_read_stops_the_start_and_harms_nothing() {
    let fixture = Fixture::new().await;
    assert!(fixture.process.terminate().await.0.success());
    fixture.machine.disturb(Calls::Read, Trouble::Fails);
    let output = finished(broadsheet(fixture.machine.folder()).envs(fixture.machine.environment()).arg("serve"));
    fixture.machine.disturb(Calls::Read, None);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Input/output error"), "{output:?}");
    let process = Process::start_on(&fixture.machine, &VARIABLES).await;
    let (ada, bob) = (on(&process, &fixture.ada), on(&process, &fixture.bob));
    Fixture { process, ada, bob, ..fixture }.end().await;
}
