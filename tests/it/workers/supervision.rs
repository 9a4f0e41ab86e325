//! Supervision: a worker that panics too often is parked, and nothing else is.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
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

use super::{all_titles, degrade, folder, on_disk, other_lines, pair, recover, restart, status};
use crate::support::{Plan, TestApp, until};

/// A worker with a result of its own, whose disk is full for the next few commits.
struct Local {
    full: Arc<AtomicUsize>,
    /// How many runs of a delivery fail.
    failing: u32,
}

impl Worker for Local {
    const NAME: &'static str = "local";

    fn interest(event: &EventKind) -> Interest {
        Interest::handle_if(event.post().is_some())
    }

    async fn perform(&self, delivery: &Delivery) -> Result<Outcome, Error> {
        if delivery.receive <= self.failing {
            Err(Error::Fault("not the first time".to_owned()))
        } else {
            Ok(Outcome::done())
        }
    }

    fn checkpoint(&self) -> Option<Arc<dyn Checkpoint>> {
        Some(Arc::new(FullDisk(Arc::clone(&self.full))))
    }
}

struct FullDisk(Arc<AtomicUsize>);

impl Checkpoint for FullDisk {
    fn load(&self) -> Result<BTreeMap<Epoch, u64>, String> {
        Ok(BTreeMap::new())
    }

    fn commit(&self, _: &BTreeMap<Epoch, u64>) -> Result<(), String> {
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map_or(Ok(()), |_| Err("no space left on device".to_owned()))
    }
}

#[actix_web::test]
async fn a_result_that_cannot_be_committed_is_an_outage_and_parks_nobody() {
    const FAILURES: usize = 8;
    let left = Arc::new(AtomicUsize::new(FAILURES));
    let worker = Local { full: Arc::clone(&left), failing: 0 };
    let app = TestApp::spawn_with(|_| {}, workers::standard().with(move |_| worker)).await;
    let (ada, _) = pair(&app).await;
    let post = ada.publish("In spite of it").await;
    until("the commit has worked", async || {
        left.load(Ordering::SeqCst) == 0 && ada.receipt(&post).await.contains(&"local: done".to_owned())
    })
    .await;
    let seen = status(&app, "local");
    assert_eq!((seen.state, seen.restarts), (State::Running, 0));
    app.client.get("/readyz").await.expect(200);
}

#[actix_web::test]
async fn a_delivery_that_was_tried_again_goes_only_after_its_result_is_committed() {
    let left = Arc::new(AtomicUsize::new(0));
    let worker = Local { full: Arc::clone(&left), failing: 1 };
    let app = TestApp::spawn_with(|_| {}, workers::standard().with(move |_| worker)).await;
    let (ada, _) = pair(&app).await;
    let post = ada.publish("Not lost").await;
    let is = async |line: &str| ada.receipt(&post).await.contains(&line.to_owned());
    until("the first run has failed", async || is("local: retrying").await).await;
    left.store(usize::MAX, Ordering::SeqCst);
    app.clock.advance(Duration::from_secs(100));
    until("its result cannot be committed", async || left.load(Ordering::SeqCst) < usize::MAX).await;
    assert!(!is("local: done").await, "a crash would lose it now");
    left.store(0, Ordering::SeqCst);
    for _ in 0..3 {
        app.pass(Duration::from_secs(100)).await;
    }
    assert!(is("local: done").await);
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
