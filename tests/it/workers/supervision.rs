//! Supervision: a worker that panics too often is parked, and nothing else is.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use broadsheet::{
    actors::{
        worker::{Checkpoint, Delivery, Error, Interest, Outcome, State, Worker},
        workers,
    },
    domain::{Epoch, EventKind},
};

use serde_json::Value;
use tokio::sync::Semaphore;

use super::{all_titles, degrade, folder, on_disk, other_lines, pair, recover, restart, status};
use crate::support::{Plan, TestApp, until};

/// A worker with a result of its own.
struct Local {
    disk: Disk,
    /// How many runs of a delivery fail.
    failing: u32,
    /// What all later runs need a permit of.
    gate: Arc<Semaphore>,
}

impl Local {
    fn new(disk: &Disk, failing: u32) -> Self {
        Self { disk: disk.clone(), failing, gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)) }
    }
}

impl Worker for Local {
    const NAME: &'static str = "local";

    fn interest(event: &EventKind) -> Interest {
        Interest::handle_if(event.post().is_some())
    }

    async fn perform(&self, delivery: &Delivery) -> Result<Outcome, Error> {
        if delivery.receive <= self.failing {
            return Err(Error::Fault("not the first time".to_owned()));
        }
        let _permit = self.gate.acquire().await.map_err(|_| Error::Fault("closed".to_owned()))?;
        Ok(Outcome::done())
    }

    fn checkpoint(&self) -> Option<Arc<dyn Checkpoint>> {
        Some(Arc::new(self.disk.clone()))
    }
}

/// Where its result is kept.
#[derive(Clone, Default)]
struct Disk {
    /// It is full for so many more commits.
    full: Arc<AtomicUsize>,
    /// Whether a commit would have made the worker begin at the beginning of all logs.
    has_forgotten: Arc<AtomicBool>,
}

impl Disk {
    fn set_full(&self, commits: usize) {
        self.full.store(commits, Ordering::SeqCst);
    }

    fn left(&self) -> usize {
        self.full.load(Ordering::SeqCst)
    }
}

impl Checkpoint for Disk {
    fn load(&self) -> Result<BTreeMap<Epoch, u64>, String> {
        Ok(BTreeMap::new())
    }

    fn commit(&self, cursors: &BTreeMap<Epoch, u64>) -> Result<(), String> {
        self.has_forgotten.fetch_or(cursors.is_empty(), Ordering::SeqCst);
        let left = self.full.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map_or(Ok(()), |_| Err("no space left on device".to_owned()))
    }
}

#[actix_web::test]
async fn a_result_that_cannot_be_committed_is_an_outage_and_parks_nobody() {
    const FAILURES: usize = 8;
    let disk = Disk::default();
    disk.set_full(FAILURES);
    let worker = Local::new(&disk, 0);
    let app = TestApp::spawn_with(|_| {}, workers::standard().with(move |_| worker)).await;
    let (ada, _) = pair(&app).await;
    let post = ada.publish("In spite of it").await;
    until("the commit has worked", async || {
        disk.left() == 0 && ada.receipt(&post).await.contains(&"local: done".to_owned())
    })
    .await;
    let seen = status(&app, "local");
    assert_eq!((seen.state, seen.restarts), (State::Running, 0));
    app.client.get("/readyz").await.expect(200);
}

#[actix_web::test]
async fn a_delivery_that_was_tried_again_goes_only_after_its_result_is_committed() {
    let disk = Disk::default();
    let worker = Local::new(&disk, 1);
    let app = TestApp::spawn_with(|_| {}, workers::standard().with(move |_| worker)).await;
    let (ada, _) = pair(&app).await;
    let post = ada.publish("Not lost").await;
    let is = async |line: &str| ada.receipt(&post).await.contains(&line.to_owned());
    until("the first run has failed", async || is("local: retrying").await).await;
    disk.set_full(usize::MAX);
    app.clock.advance(Duration::from_secs(100));
    until("its result cannot be committed", async || disk.left() < usize::MAX).await;
    assert!(!is("local: done").await, "a crash would lose it now");
    disk.set_full(0);
    for _ in 0..3 {
        app.pass(Duration::from_secs(100)).await;
    }
    assert!(is("local: done").await);
}

#[actix_web::test]
async fn a_run_that_ends_while_its_worker_starts_over_is_done_again_from_the_same_place() {
    let disk = Disk::default();
    let worker = Local { gate: Arc::new(Semaphore::new(0)), ..Local::new(&disk, 1) };
    let gate = Arc::clone(&worker.gate);
    let app = TestApp::spawn_with(|_| {}, workers::standard().with(move |_| worker)).await;
    let (ada, _) = pair(&app).await;
    let posts = [ada.publish("Slow").await];
    let is = async |post: &Value, line: &str| ada.receipt(post).await.contains(&line.to_owned());
    until("the first run has failed", async || is(&posts[0], "local: retrying").await).await;
    app.clock.advance(Duration::from_secs(100));
    until("the second one waits", async || status(&app, "local").running > 0).await;
    disk.set_full(1);
    let next = ada.publish("Next").await;
    until("the worker starts over", async || disk.left() == 0).await;
    gate.add_permits(10);
    for _ in 0..3 {
        app.pass(Duration::from_secs(100)).await;
    }
    assert!(is(&posts[0], "local: done").await && is(&next, "local: done").await);
    assert!(!disk.has_forgotten.load(Ordering::SeqCst), "a result was committed without its cursors");
}

#[actix_web::test]
async fn a_degraded_worker_turns_readiness_red_and_the_rest_goes_on() {
    let plan = Plan::default();
    let app = TestApp::spawn_with(|_| {}, plan.registry()).await;
    let (ada, _) = pair(&app).await;
    app.settle().await;
    app.client.get("/readyz").await.expect(200);
    degrade(&app, "feed", plan.of("feed"), &ada).await;
    let health = app.client.get("/readyz").await.expect(503).json();
    let reasons = health["reasons"].as_array().unwrap();
    assert!(reasons.len() == 1 && reasons[0].as_str().unwrap().contains("worker feed"), "{health}");
    app.client.get("/healthz").await.expect(200);
    let post = ada.publish("Onwards").await;
    until("the others are done", async || {
        other_lines(&ada, &post, "feed").await.iter().all(|line| line.ends_with(": done"))
    })
    .await;
    assert_eq!(ada.receipt(&post).await[0], "feed: pending");
    app.expect_exceptions();
}

#[actix_web::test]
async fn the_backlog_of_a_degraded_worker_arrives_after_a_restart() {
    let plan = Plan::default();
    let app = TestApp::spawn_in(folder(), on_disk, plan.registry()).await;
    let (mut ada, mut bob) = pair(&app).await;
    app.settle().await;
    degrade(&app, "feed", plan.of("feed"), &ada).await;
    ada.publish("Later").await;
    let app = restart(app, on_disk, plan.registry(), &mut [&mut ada, &mut bob]).await;
    app.settle().await;
    recover(&app).await;
    let titles = ["Blow 1", "Blow 2", "Blow 3", "Blow 4", "Blow 5", "Blow 6", "Later"];
    assert_eq!(all_titles(&bob, "/v1/feed").await, titles);
    app.client.get("/readyz").await.expect(200);
}
