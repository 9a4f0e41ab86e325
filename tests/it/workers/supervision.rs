//! Supervision: a worker that panics too often is parked, and nothing else is.

use super::{all_titles, degrade, folder, on_disk, other_lines, pair, recover, restart};
use crate::support::{Plan, TestApp, until};

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
    assert_eq!(ada.receipt(&post).await[0], "feed: on_its_way");
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
