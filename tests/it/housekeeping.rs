//! What can wait, and what goes with time. (Trimming feeds is in `feed.rs`, folding views in `posts/read.rs`.)

use std::{path::Path, time::Duration};

use broadsheet::{
    actors::workers,
    config::{Config, Span},
};
use serde_json::{Value, json};

use crate::support::{Fault, Person, Plan, TestApp, send};

const HOUR: Duration = Duration::from_secs(60 * 60);

async fn create(person: &Person, key: &str) -> Value {
    let request = person.request(reqwest::Method::POST, "/v1/posts").header("Idempotency-Key", key);
    let body = json!({"title": "Once", "body": "Said once."});
    send(request.json(&body)).await.expect(201).json()
}

#[actix_web::test]
async fn an_idempotency_key_is_good_for_a_day() {
    let app = TestApp::spawn().await;
    let mut ada = app.person("ada").await;
    let first = create(&ada, "key").await;
    app.pass(23 * HOUR).await;
    ada.sign_in().await;
    assert_eq!(create(&ada, "key").await["id"], first["id"]);
    app.pass(2 * HOUR).await;
    ada.sign_in().await;
    let second = create(&ada, "key").await;
    assert_ne!(second["id"], first["id"], "before housekeeping has come by, too");
    app.settle().await;
}

#[actix_web::test]
async fn dead_letters_are_kept_for_their_retention_and_no_longer() {
    let plan = Plan::default();
    let app = TestApp::spawn_with(|config| config.workers.named = max_receives("feed", 1), plan.registry()).await;
    plan.of("feed").always(Fault::Fail);
    let ada = app.person("ada").await;
    ada.publish("Poison").await;
    let left = app.settle().await;
    assert_eq!(left.iter().filter(|exception| exception.state == "dead").count(), 1, "{left:#?}");
    app.clock.advance(13 * 24 * HOUR);
    app.app.clean_up().await.unwrap();
    assert_eq!(app.exceptions().await.len(), 1);
    app.clock.advance(2 * 24 * HOUR);
    app.app.clean_up().await.unwrap();
    assert!(app.exceptions().await.is_empty());
}

async fn rows(app: &TestApp, table: &str) -> u64 {
    app.app.repositories.housekeeping().count(table).await.unwrap()
}

#[actix_web::test]
async fn settled_events_go_after_their_retention_and_nothing_misses_them() {
    let app = TestApp::spawn().await;
    let mut ada = app.person("ada").await;
    ada.publish("Old").await;
    app.settle().await;
    assert!(rows(&app, "event").await > 1);
    app.clock.advance(13 * 24 * HOUR);
    app.app.clean_up().await.unwrap();
    assert!(rows(&app, "event").await > 1, "they are not old enough");
    app.clock.advance(2 * 24 * HOUR);
    app.app.clean_up().await.unwrap();
    assert_eq!(rows(&app, "event").await, 1, "the newest stays as long as its log");
    ada.sign_in().await;
    ada.publish("New").await;
    app.settle().await;
    assert_eq!(ada.titles("/v1/feed").await, ["New", "Old"]);
    assert_eq!(ada.titles("/v1/search?q=words").await.len(), 2);
}

#[actix_web::test]
async fn a_log_that_is_over_goes_with_its_cursors() {
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let app = TestApp::spawn_in(folder, on_disk, workers::standard()).await;
    app.person("ada").await.publish("Old").await;
    app.settle().await;
    let app = TestApp::spawn_in(app.stop().await, on_disk, workers::standard()).await;
    app.settle().await;
    assert_eq!(rows(&app, "epoch").await, 2);
    app.clock.advance(15 * 24 * HOUR);
    app.app.clean_up().await.unwrap();
    let left = (rows(&app, "epoch").await, rows(&app, "event").await, rows(&app, "cursor").await);
    assert_eq!(left, (1, 0, 5));
}

#[actix_web::test]
async fn an_index_that_has_missed_events_is_built_anew() {
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let app = TestApp::spawn_in(folder, on_disk, workers::standard()).await;
    let mut ada = app.person("ada").await;
    ada.publish("First").await;
    app.settle().await;
    let folder = app.stop().await;
    let (index, away) = (folder.path().join("search"), tempfile::tempdir().unwrap());
    copy(&index, away.path());
    let app = TestApp::spawn_in(folder, on_disk, workers::standard()).await;
    ada.client = app.client.clone();
    ada.publish("Second").await;
    ada.publish("Third").await;
    app.settle().await;
    app.clock.advance(15 * 24 * HOUR);
    app.app.clean_up().await.unwrap();
    let folder = app.stop().await;
    std::fs::remove_dir_all(&index).unwrap();
    copy(away.path(), &index);
    let app = TestApp::spawn_in(folder, on_disk, workers::standard()).await;
    ada.client = app.client.clone();
    app.settle().await;
    assert_eq!(ada.titles("/v1/search?q=words").await.len(), 3);
}

#[actix_web::test]
async fn a_mail_ledger_goes_after_its_retention_but_not_before_its_event() {
    let keep = |config: &mut Config| config.events.retention = Span::days(1_000);
    for (is_kept, app) in
        [(true, TestApp::spawn_with(keep, workers::standard()).await), (false, TestApp::spawn().await)]
    {
        let (ada, bob) = (app.person("ada").await, app.person("bob").await);
        bob.follow(&ada).await;
        ada.publish("News").await;
        app.settle().await;
        assert_eq!((rows(&app, "mailing").await, rows(&app, "mail").await), (1, 1));
        app.clock.advance(89 * 24 * HOUR);
        app.app.clean_up().await.unwrap();
        assert_eq!((rows(&app, "mailing").await, rows(&app, "mail").await), (1, 1));
        app.clock.advance(2 * 24 * HOUR);
        app.app.clean_up().await.unwrap();
        let left = u64::from(is_kept);
        assert_eq!((rows(&app, "mailing").await, rows(&app, "mail").await), (left, left));
    }
}

#[actix_web::test]
async fn verdicts_on_texts_that_are_no_more_go_after_their_retention() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let post = ada.publish("News").await;
    app.settle().await;
    let path = format!("/v1/posts/{}", post["id"].as_str().unwrap());
    ada.patch(&path, &json!({"body": "Other words."})).await.expect(200);
    app.settle().await;
    assert_eq!(rows(&app, "verdict").await, 2);
    app.clock.advance(91 * 24 * HOUR);
    app.app.clean_up().await.unwrap();
    assert_eq!(rows(&app, "verdict").await, 1, "the present text's stays");
}

fn on_disk(config: &mut Config) {
    config.database.url = String::new();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

#[actix_web::test]
async fn a_sign_up_that_nobody_confirms_gives_its_handle_back_after_a_day() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let sign_up = |handle: &str, email: &str| json!({"email": email, "password": "correct horse battery", "handle": handle, "name": handle});
    let client = &app.client;
    client.post("/v1/identity/sign-up", &sign_up("bob", "squatter@example.com")).await.expect(202);
    let later = sign_up("bob", "bob@example.com");
    for (hours, status) in [(0, 409), (24, 409), (1, 202)] {
        app.clock.advance(hours * HOUR);
        app.app.clean_up().await.unwrap();
        client.post("/v1/identity/sign-up", &later).await.expect(status);
    }
    client.post("/v1/identity/sign-up", &sign_up("ada", "eve@example.com")).await.expect(409);
    ada.clone().sign_in().await;
}

fn max_receives(worker: &str, count: u32) -> std::collections::BTreeMap<String, broadsheet::config::WorkerSettings> {
    let settings = broadsheet::config::WorkerSettings { max_receives: count, ..Default::default() };
    [(worker.to_owned(), settings)].into()
}
