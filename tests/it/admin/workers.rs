//! `/v1/admin/workers`: figures, and what operators can do to a worker.

use std::time::Duration;

use broadsheet::{actors::workers as registered, config::Config};
use serde_json::{Value, json};

use super::{desk, overview, with_boss, worker};
use crate::{
    support::{Fault, Person, Plan, TestApp, until, worker_names},
    workers::{degrade, folder, on_disk, pair, restart, tune},
};

async fn act(boss: &Person, worker: &str, verb: &str) -> Value {
    boss.post(&format!("/v1/admin/workers/{worker}/{verb}"), &json!({})).await.expect(202).json()
}

/// What operators have done, oldest first.
async fn acts(app: &TestApp) -> Vec<String> {
    let entries = app.app.repositories.audit().list(None, 100).await.unwrap();
    entries
        .iter()
        .rev()
        .map(|entry| format!("{} {} by {}", entry.audit.act, entry.audit.target, entry.audit.by.handle))
        .collect()
}

#[actix_web::test]
async fn every_worker_is_listed_with_its_figures() {
    let (app, boss) = desk(registered::standard()).await;
    boss.publish("Counted").await;
    app.settle().await;
    let list = boss.get("/v1/admin/workers").await.expect(200).json();
    assert!(list["next_cursor"].is_null() && list.as_object().unwrap().contains_key("next_cursor"));
    let names: Vec<&str> =
        list["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, worker_names());
    for item in list["items"].as_array().unwrap() {
        assert_eq!((item["state"].as_str(), item["lag"].as_u64()), (Some("running"), Some(0)), "{item}");
        assert_eq!(item["mailbox"], json!({"used": 0, "capacity": 64}));
        assert!(item["runs"]["done"].as_u64().unwrap() >= 1, "{item}");
        assert!(item["run_ms"]["count"].as_u64().unwrap() >= 1, "{item}");
        assert_eq!(item["waiting"], json!({"ready": 0, "leased": 0, "held": 0}), "{item}");
    }
    until("the overview shows it, too", async || {
        let overview = overview(&boss).await;
        let log = &overview["node"]["logs"][0];
        log["head"].as_u64().unwrap() >= 1
            && log["cursors"].as_array().unwrap().iter().all(|cursor| cursor["settled"] == log["head"])
    })
    .await;
}

#[actix_web::test]
async fn only_operators_look_at_workers_and_act_on_them() {
    let (app, boss) = desk(registered::standard()).await;
    let ada = app.person("ada").await;
    for path in ["/v1/admin/workers", "/v1/admin/overview"] {
        app.client.get(path).await.expect_problem(401, "unauthorized");
        ada.get(path).await.expect_problem(403, "insufficient_scope");
    }
    for verb in ["pause", "resume", "restart"] {
        let path = format!("/v1/admin/workers/feed/{verb}");
        app.client.post(&path, &json!({})).await.expect_problem(401, "unauthorized");
        ada.post(&path, &json!({})).await.expect_problem(403, "insufficient_scope");
        boss.post(&format!("/v1/admin/workers/nobody/{verb}"), &json!({})).await.expect_problem(404, "not_found");
    }
    boss.post("/v1/admin/workers/feed/explode", &json!({})).await.expect_problem(404, "not_found");
    assert_eq!(worker(&boss, "feed").await["state"], "running");
    assert!(acts(&app).await.is_empty(), "{:?}", acts(&app).await);
}

#[actix_web::test]
async fn a_paused_worker_takes_nothing_until_it_is_resumed_even_over_a_restart_of_the_node() {
    let settings = |config: &mut Config| {
        on_disk(config);
        with_boss(config);
    };
    let plan = Plan::default();
    let app = TestApp::spawn_in(folder(), settings, plan.registry()).await;
    let mut boss = app.person("boss").await;
    let (mut ada, mut bob) = pair(&app).await;
    app.settle().await;
    act(&boss, "feed", "pause").await;
    until("it is paused", async || worker(&boss, "feed").await["state"] == "paused").await;
    let post = ada.publish("Patience").await;
    let is_waiting = async |author: &Person| {
        let receipt = author.receipt(&post).await;
        receipt[0] == "feed: pending" && receipt[1..].iter().all(|line| line.ends_with(": done"))
    };
    until("the others are done", async || is_waiting(&ada).await).await;
    until("the backlog is shown", async || {
        let feed = worker(&boss, "feed").await;
        feed["lag"].as_u64().unwrap() >= 1 && feed["waiting"]["oldest_at"].is_string()
    })
    .await;
    let app = restart(app, settings, plan.registry(), &mut [&mut boss, &mut ada, &mut bob]).await;
    until("it is paused again", async || worker(&boss, "feed").await["state"] == "paused").await;
    until("the others are done", async || is_waiting(&ada).await).await;
    assert_eq!(plan.of("feed").runs(), 0);
    act(&boss, "feed", "resume").await;
    app.settle().await;
    assert_eq!((plan.of("feed").runs(), ada.receipt(&post).await[0].as_str()), (1, "feed: done"));
    assert_eq!(bob.titles("/v1/feed").await, ["Patience"]);
    assert_eq!(worker(&boss, "feed").await["state"], "running");
    assert_eq!(acts(&app).await, ["worker.pause feed by boss", "worker.resume feed by boss"]);
}

#[actix_web::test]
async fn resuming_outranks_a_configuration_that_pauses() {
    let settings = |config: &mut Config| {
        with_boss(config);
        tune(config, "feed", |settings| settings.paused = true);
    };
    let app = TestApp::spawn_with(settings, registered::standard()).await;
    let boss = app.person("boss").await;
    until("it is paused", async || worker(&boss, "feed").await["state"] == "paused").await;
    act(&boss, "feed", "resume").await;
    boss.publish("At last").await;
    app.settle().await;
    assert_eq!(boss.titles("/v1/feed").await, ["At last"]);
}

#[actix_web::test]
async fn a_degraded_worker_goes_on_after_an_operators_restart() {
    let plan = Plan::default();
    let (app, boss) = desk(plan.registry()).await;
    let (ada, bob) = pair(&app).await;
    app.settle().await;
    degrade(&app, "feed", plan.of("feed"), &ada).await;
    let health = app.client.get("/readyz").await.expect(503).json();
    let reason = health["reasons"][0].as_str().unwrap();
    assert!(reason.contains("broadsheet workers restart feed"), "{reason}");
    until("it is shown", async || worker(&boss, "feed").await["state"] == "degraded").await;
    assert!(worker(&boss, "feed").await["last_error"]["message"].as_str().unwrap().contains("planted panic"));
    act(&boss, "feed", "restart").await;
    until("it runs", async || worker(&boss, "feed").await["state"] == "running").await;
    app.client.get("/readyz").await.expect(200);
    ada.publish("Onwards").await;
    app.settle().await;
    while !app.pass(Duration::from_secs(100)).await.is_empty() {}
    let titles = bob.titles("/v1/feed").await;
    assert!(titles.len() == 7 && titles.contains(&"Onwards".to_owned()), "{titles:?}");
    assert_eq!(acts(&app).await, ["worker.restart feed by boss"]);
}

#[actix_web::test]
async fn what_waits_and_what_is_dead_is_counted() {
    let plan = Plan::default();
    let (app, boss) = desk(plan.registry()).await;
    boss.publish("First").await;
    app.settle().await;
    plan.of("feed").always(Fault::Fail);
    boss.publish("Doomed").await;
    app.settle().await;
    until("it is counted", async || worker(&boss, "feed").await["waiting"]["ready"] == 1).await;
    let feed = worker(&boss, "feed").await;
    assert!(feed["waiting"]["oldest_at"].is_string() && feed["runs"]["failed"] == 1, "{feed}");
    assert!(feed["last_error"]["message"].as_str().unwrap().contains("planted failure"), "{feed}");
    for _ in 0..6 {
        app.pass(Duration::from_secs(100)).await;
    }
    until("it is dead", async || worker(&boss, "feed").await["dead_letters"] == 1).await;
    let feed = worker(&boss, "feed").await;
    assert_eq!((&feed["waiting"]["ready"], &feed["runs"]["dead"]), (&json!(0), &json!(1)));
    let causes = overview(&boss).await["dead_letters"].clone();
    assert_eq!((causes[0]["worker"].as_str(), causes[0]["count"].as_u64()), (Some("feed"), Some(1)), "{causes}");
    app.expect_exceptions();
}

#[actix_web::test]
async fn what_waits_for_approval_is_counted_as_held() {
    let plan = Plan::default();
    let (app, boss) = desk(plan.registry()).await;
    boss.post("/v1/admin/workers/moderation/pause", &json!({})).await.expect(202);
    until("it is paused", async || worker(&boss, "moderation").await["state"] == "paused").await;
    boss.publish("Unjudged").await;
    until("the mail is held", async || {
        app.clock.advance(Duration::from_secs(1));
        worker(&boss, "email").await["waiting"]["held"] == 1
    })
    .await;
    app.expect_exceptions();
}
