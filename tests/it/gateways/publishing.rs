//! A model as the moderator of a whole server: what its replies do to posts, and that an outage loses and buries nothing.

use std::{sync::Arc, time::Duration};

use broadsheet::{
    actors::{
        worker::{Snapshot, State},
        workers,
    },
    config::{Config, ModerationProvider},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::KEY;
use crate::support::{
    Person, Process, TestApp,
    api::{path, sorted},
    model::{ModelServer, Reply},
    until,
};

/// Longer than the longest pause between two probes of an open breaker.
const PAUSE: Duration = Duration::from_secs(65);

fn ask(config: &mut Config, provider: ModerationProvider, url: &str) {
    config.moderation.provider = provider;
    config.moderation.base_url = url.to_owned();
    config.moderation.model = "test-model".to_owned();
    config.moderation.api_key = KEY.into();
    config.moderation.calls_per_second = 1_000;
    // Machines that run tests can be slow.
    config.moderation.timeout = Duration::from_secs(20).into();
    config.moderation.deadline = Duration::from_secs(25).into();
}

/// A server that asks this model.
async fn spawn(model: &ModelServer) -> TestApp {
    let url = model.url.clone();
    TestApp::spawn_with(|config| ask(config, ModerationProvider::OpenAi, &url), workers::standard()).await
}

fn status(app: &TestApp) -> Snapshot {
    app.app.workers.iter().find(|running| running.status.name == "moderation").unwrap().status.snapshot()
}

async fn moderation(author: &Person, post: &Value) -> String {
    let post = author.get(&path(post)).await.expect(200).json();
    post["moderation"].as_str().unwrap().to_owned()
}

/// The moderation worker's line of a post's receipt.
async fn line(author: &Person, post: &Value) -> Value {
    let receipt = author.get(&format!("{}/deliveries", path(post))).await.expect(200).json();
    receipt["deliveries"].as_array().unwrap().iter().find(|line| line["worker"] == "moderation").unwrap().clone()
}

#[actix_web::test]
async fn posts_are_approved_rejected_or_left_to_a_person_as_the_model_says() {
    for provider in [ModerationProvider::Bedrock, ModerationProvider::OpenAi] {
        let model = ModelServer::start();
        let url = model.url.clone();
        let app = TestApp::spawn_with(|config| ask(config, provider, &url), workers::standard()).await;
        let (ada, bob) = (app.person("ada").await, app.person("bob").await);
        bob.follow(&ada).await;
        let mut states = Vec::new();
        for (title, reply) in [
            ("Fine", Reply::Verdict("approve", &[], "It is harmless.")),
            ("Unfit", Reply::Verdict("reject", &["spam"], "It sells pills.")),
            ("Doubtful", Reply::Verdict("review", &["hate"], "Hard to tell.")),
            ("Garbled", Reply::Says("The post is fine.".to_owned())),
        ] {
            model.next(&[reply]);
            let post = ada.publish(title).await;
            app.settle().await;
            states.push(moderation(&ada, &post).await);
        }
        assert_eq!(states, ["approved", "rejected", "review", "review"]);
        assert!(!bob.titles("/v1/feed").await.contains(&"Unfit".to_owned()));
        let mails = app.mails();
        let mailed = |title: &str| mails.iter().any(|mail| mail.contains(title));
        assert_eq!(["Fine", "Unfit", "Doubtful", "Garbled"].map(mailed), [true, false, false, false]);
        // The mails of posts in review wait for a person.
        app.expect_exceptions();
    }
}

#[actix_web::test]
async fn posts_of_an_author_whose_budget_is_spent_are_shown_unmailed_and_wait_for_a_person() {
    let model = ModelServer::start();
    let url = model.url.clone();
    let change = |config: &mut Config| {
        ask(config, ModerationProvider::OpenAi, &url);
        config.moderation.author_daily_calls = 1;
    };
    let app = TestApp::spawn_with(change, workers::standard()).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    let mut states = Vec::new();
    for author in [&ada, &ada, &bob] {
        let post = author.publish(&format!("Budget {}", states.len())).await;
        app.settle().await;
        states.push(moderation(author, &post).await);
    }
    assert_eq!(states, ["approved", "review", "approved"]);
    assert_eq!(model.calls(), 2);
    assert_eq!(sorted(bob.titles("/v1/posts?author=ada").await), ["Budget 0", "Budget 1"]);
    assert!(!app.mails().iter().any(|mail| mail.contains("Budget 1")));
    app.expect_exceptions();
}

#[actix_web::test]
async fn a_500_of_the_model_is_retried_and_no_dead_letter_is_written() {
    let model = ModelServer::start();
    let app = spawn(&model).await;
    let ada = app.person("ada").await;
    model.next(&[Reply::Status(500, json!({"message": "oh"})), Reply::Cut]);
    let post = ada.publish("Storm").await;
    app.settle().await;
    assert_eq!(line(&ada, &post).await["state"], "retrying");
    assert!(line(&ada, &post).await["last_error"].as_str().unwrap().contains("status 500"));
    until("the third call approves", async || {
        app.pass(Duration::from_secs(3)).await;
        moderation(&ada, &post).await == "approved"
    })
    .await;
    assert_eq!(model.calls(), 3);
    app.settle().await;
}

#[actix_web::test]
async fn a_busy_model_is_asked_again_when_it_said_and_no_receive_is_spent() {
    let model = ModelServer::start();
    let app = spawn(&model).await;
    let ada = app.person("ada").await;
    model.next(&[Reply::Busy(Some("30"))]);
    let post = ada.publish("Busy").await;
    app.settle().await;
    let waiting = app.pass(Duration::from_secs(10)).await;
    let waiting = waiting.iter().find(|exception| exception.worker == "moderation").unwrap();
    assert!(waiting.failures.is_empty(), "{waiting:?}");
    assert_eq!((model.calls(), moderation(&ada, &post).await.as_str()), (1, "pending"));
    app.pass(Duration::from_secs(30)).await;
    assert_eq!((model.calls(), moderation(&ada, &post).await.as_str()), (2, "approved"));
}

#[actix_web::test]
async fn an_outage_of_an_hour_leaves_posts_pending_and_the_verdicts_come_afterwards() {
    let model = ModelServer::start();
    let app = spawn(&model).await;
    let mut ada = app.person("ada").await;
    model.always(Reply::Status(503, json!({"message": "Service unavailable"})));
    let mut posts = Vec::new();
    for number in 0..8 {
        posts.push(ada.publish(&format!("Storm {number}")).await);
    }
    until("the breaker opens", async || status(&app).state == State::BreakerOpen).await;
    for _ in 0..60 {
        let calls = model.calls();
        until("the next probe", async || {
            if status(&app).running == 0 {
                app.clock.advance(PAUSE);
            }
            model.calls() > calls
        })
        .await;
    }
    ada.sign_in().await;
    let exceptions = app.exceptions().await;
    let of_ours = || exceptions.iter().filter(|exception| exception.worker == "moderation");
    assert!(of_ours().all(|exception| exception.state != "dead"), "{exceptions:#?}");
    let spent: usize = of_ours().map(|exception| exception.failures.len()).sum();
    assert!(spent <= 4, "only the failures that led to the breaker count: {exceptions:#?}");
    for post in &posts {
        assert_eq!(moderation(&ada, post).await, "pending");
    }
    model.always(crate::support::model::APPROVE);
    until("all verdicts are there", async || {
        if status(&app).running == 0 {
            app.clock.advance(PAUSE);
        }
        ada.sign_in().await;
        ada.titles("/v1/posts?author=ada&moderation=approved").await.len() == posts.len()
    })
    .await;
    until("everything is done", async || app.pass(PAUSE).await.is_empty()).await;
}

#[actix_web::test]
async fn a_wrong_key_says_so_in_the_receipt_and_the_right_one_mends_it() {
    let (model, folder) = (ModelServer::start(), Arc::new(TempDir::new().unwrap()));
    let (key, url) = (folder.path().join("key"), model.url.clone());
    std::fs::write(&key, "expired-k3y").unwrap();
    model.wants(KEY);
    let with_file = |config: &mut Config| {
        ask(config, ModerationProvider::Bedrock, &url);
        config.moderation.api_key = "".into();
        config.moderation.api_key_file = key.clone();
    };
    let app = TestApp::spawn_in(Arc::clone(&folder), with_file, workers::standard()).await;
    let ada = app.person("ada").await;
    let post = ada.publish("Locked out").await;
    app.settle().await;
    let line = line(&ada, &post).await;
    let error = line["last_error"].as_str().unwrap();
    assert!(error.contains("moderation.api_key") && !error.contains("k3y"), "{error}");
    std::fs::write(&key, KEY).unwrap();
    app.pass(Duration::from_secs(3)).await;
    assert_eq!(moderation(&ada, &post).await, "approved");
}

#[actix_web::test]
async fn the_log_holds_neither_the_key_nor_the_post() {
    const TEXT: &str = "Unmistakable sentence about a heron in the reeds.";
    let (model, folder) = (ModelServer::start(), tempfile::tempdir().unwrap());
    let variables = [
        ("MODERATION__PROVIDER", "openai"),
        ("MODERATION__BASE_URL", model.url.as_str()),
        ("MODERATION__MODEL", "test-model"),
        ("MODERATION__API_KEY", KEY),
        ("LOG__LEVEL", "debug,broadsheet=trace,reqwest=trace,hyper=trace,hyper_util=trace"),
    ];
    let process = Process::start(folder.path(), &variables).await;
    let ada = process.person("ada").await;
    // An error that repeats both, an answer that repeats the post, an answer that is none, and a verdict.
    model.next(&[
        Reply::Status(500, json!({"error": {"message": format!("{KEY} {TEXT}")}})),
        Reply::Says(TEXT.to_owned()),
    ]);
    for title in ["One", "Two"] {
        let post = ada.post("/v1/posts", &json!({"title": title, "body": TEXT})).await.expect(201).json();
        until("there is a verdict", async || moderation(&ada, &post).await != "pending").await;
    }
    assert_eq!(model.calls(), 3);
    let log = process.log();
    assert!(log.contains("leaves a post to a person") && log.contains("hyper"), "the log is not at trace: {log}");
    for secret in [KEY, TEXT, "Unmistakable"] {
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(secret)).collect();
        assert!(lines.is_empty(), "`{secret}` is in the log: {lines:#?}");
    }
}
