//! The breaker: an outage outside spends no receives, and ends when the outage does.

use std::time::Duration;

use broadsheet::{actors::worker::State, config::Span};

use super::{all_titles, dead, folder, on_disk, other_lines, pair, recover, restart, status, tune};
use crate::support::{Fault, Person, Plan, TestApp, until};

/// Longer than the longest pause between two probes, shorter than a lease.
const PAUSE: Duration = Duration::from_secs(65);

/// Eight posts during an outage of the feed worker, which opens its breaker.
async fn outage(plan: &Plan) -> (TestApp, Person, Person) {
    let change = |settings: &mut broadsheet::config::WorkerSettings| settings.timeout = Span::from_millis(500);
    let app = TestApp::spawn_with(|config| tune(config, "feed", change), plan.registry()).await;
    let (ada, bob) = pair(&app).await;
    app.settle().await;
    plan.of("feed").always(Fault::Outage);
    for number in 0..8 {
        ada.publish(&format!("Storm {number}")).await;
    }
    until("the breaker opens", async || status(&app, "feed").state == State::BreakerOpen).await;
    (app, ada, bob)
}

/// Lets time pass until the breaker closes.
async fn closes(app: &TestApp, worker: &str) {
    until("the breaker closes", async || {
        wait_for_probe(app, worker);
        status(app, worker).state == State::Running
    })
    .await;
    recover(app).await;
}

/// Lets time pass if no probe runs: a probe that runs keeps its lease.
fn wait_for_probe(app: &TestApp, worker: &str) {
    if status(app, worker).running == 0 {
        app.clock.advance(PAUSE);
    }
}

#[actix_web::test]
async fn a_long_outage_spends_no_receives_and_afterwards_everything_is_done() {
    let plan = Plan::default();
    let (app, mut ada, mut bob) = outage(&plan).await;
    let post = ada.publish("Storm 8").await;
    until("the others are done", async || {
        other_lines(&ada, &post, "feed").await.iter().all(|line| line.ends_with(": done"))
    })
    .await;
    for _ in 0..60 {
        let runs = plan.of("feed").runs();
        until("the next probe", async || {
            wait_for_probe(&app, "feed");
            plan.of("feed").runs() > runs
        })
        .await;
    }
    let exceptions = app.exceptions().await;
    let spent: usize = exceptions.iter().map(|exception| exception.failures.len()).sum();
    assert!(spent <= 4, "only the failures that led to the breaker count: {exceptions:#?}");
    assert!(dead(exceptions).is_empty());
    plan.of("feed").always(None);
    closes(&app, "feed").await;
    bob.sign_in().await;
    ada.sign_in().await;
    assert_eq!(all_titles(&bob, "/v1/feed").await.len(), 9);
    assert_eq!(ada.receipt(&post).await[0], "feed: done");
}

#[actix_web::test]
async fn a_worker_whose_breaker_is_open_leaves_the_node_ready() {
    let plan = Plan::default();
    let (app, ..) = outage(&plan).await;
    app.client.get("/readyz").await.expect(200);
    plan.of("feed").always(None);
    closes(&app, "feed").await;
}

#[actix_web::test]
async fn a_probe_that_hangs_is_followed_by_another() {
    let plan = Plan::default();
    let (app, ..) = outage(&plan).await;
    plan.of("feed").next(&[Fault::Hang]);
    plan.of("feed").always(None);
    closes(&app, "feed").await;
}

#[actix_web::test]
async fn a_probe_that_panics_is_followed_by_another() {
    let plan = Plan::default();
    let (app, ..) = outage(&plan).await;
    plan.of("feed").next(&[Fault::Panic]);
    plan.of("feed").always(None);
    closes(&app, "feed").await;
}

#[actix_web::test]
async fn approvals_during_a_mail_outage_spend_no_receives_either() {
    let plan = Plan::default();
    let is_waiting = |config: &mut broadsheet::config::Config| {
        on_disk(config);
        tune(config, "moderation", |settings| settings.paused = true);
    };
    let app = TestApp::spawn_in(folder(), is_waiting, plan.registry()).await;
    let (mut ada, _) = pair(&app).await;
    let mut last = ada.publish("Held").await;
    for _ in 0..15 {
        last = ada.publish("Held").await;
    }
    until("the mails are held", async || ada.receipt(&last).await.contains(&"email: held".to_owned())).await;
    plan.of("email").always(Fault::Outage);
    let is_slow = |config: &mut broadsheet::config::Config| {
        on_disk(config);
        tune(config, "moderation", |settings| settings.batch = 1);
    };
    let app = restart(app, is_slow, plan.registry(), &mut [&mut ada]).await;
    until("all verdicts are there", async || {
        all_titles(&ada, "/v1/posts?author=ada&moderation=approved").await.len() == 16
    })
    .await;
    until("the breaker opens", async || status(&app, "email").state == State::BreakerOpen).await;
    let spent: usize = app.exceptions().await.iter().map(|exception| exception.failures.len()).sum();
    plan.of("email").always(None);
    closes(&app, "email").await;
    assert_eq!(plan.sent().len(), 16);
    assert!(spent <= 4, "{spent} receives were spent on the outage");
}
