//! Many edits and many posts of one author: only newest texts are judged, and others get their verdicts meanwhile.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use broadsheet::{
    actors::workers::{self, Registry},
    config::WorkerSettings,
};
use serde_json::{Value, json};

use super::{
    model::{Model, judged_by},
    spawn_with, standing,
};
use crate::support::{Fault, Faults, FaultyOne, Person, TestApp, api::path, until};

async fn retitle(author: &Person, post: &Value, title: &str) {
    author.patch(&path(post), &json!({"title": title})).await.expect(200);
}

/// The standard workers with this model, which is reached through these faults.
fn judged_through(faults: &Faults, model: &Arc<Model>) -> Registry {
    let model = Arc::clone(model);
    let faulty = FaultyOne::new("moderation", faults);
    workers::standard_wrapped(faulty).with_context(move |context| context.moderator = model)
}

#[actix_web::test]
async fn of_many_edits_only_the_newest_text_is_judged() {
    let model = Model::new(0);
    let app = spawn_with(judged_by(&model)).await;
    let ada = app.person("ada").await;
    let post = ada.publish("Word 0").await;
    until("the model is asked about the first text", async || model.asked() == 1).await;
    for number in 1..=30 {
        retitle(&ada, &post, &format!("Word {number}")).await;
    }
    assert_eq!(model.asked(), 1, "one post is judged once at a time");
    model.judge_all(&app).await;
    assert_eq!(model.titles(), ["Word 0", "Word 30"]);
    assert_eq!(standing(&ada, &post).await, "approved");
    retitle(&ada, &post, "Word 31").await;
    model.judge_all(&app).await;
    assert_eq!((model.asked(), standing(&ada, &post).await.as_str()), (3, "approved"));
}

#[actix_web::test]
async fn an_author_who_floods_keeps_nobody_from_a_verdict_and_a_mail() {
    let model = Model::new(100);
    let app = spawn_with(judged_by(&model)).await;
    let (ada, bob, eve) = (app.person("ada").await, app.person("bob").await, app.person("eve").await);
    eve.follow(&bob).await;
    let mut floods = Vec::new();
    for number in 0..40 {
        let post = ada.publish_with(json!({"title": format!("Flood {number}")})).await;
        retitle(&ada, &post, &format!("Flood {number} again")).await;
        floods.push(post);
    }
    until("half of the slots are hers", async || model.asked() == 5).await;
    let calm = bob.publish("Calm").await;
    until("bob has a verdict", async || standing(&bob, &calm).await == "approved").await;
    until("his reader has a mail", async || app.mails().iter().any(|mail| mail.contains("Calm"))).await;
    let flooded = model.titles().iter().filter(|title| title.starts_with("Flood")).count();
    assert_eq!(flooded, 5, "an author has half of the slots at most");
    model.floods.add_permits(1_000);
    app.settle().await;
    for post in &floods {
        assert_eq!(standing(&ada, post).await, "approved");
    }
    let superseded = model.titles().iter().filter(|title| !title.ends_with("again")).count();
    assert!(superseded <= 1 + 5, "older texts were asked about {superseded} times");
}

#[actix_web::test]
async fn after_a_crash_of_the_worker_only_the_newest_text_is_judged() {
    let (model, faults) = (Model::new(100), Faults::default());
    faults.next(&[Fault::Panic, Fault::Panic, Fault::Panic]);
    let app = spawn_with(judged_through(&faults, &model)).await;
    let ada = app.person("ada").await;
    let post = ada.publish("Word 0").await;
    until("the worker has panicked", async || faults.runs() == 1).await;
    retitle(&ada, &post, "Word 1").await;
    retitle(&ada, &post, "Word 2").await;
    until("all is done", async || app.pass(Duration::from_secs(100)).await.is_empty()).await;
    let mut ada = ada;
    ada.sign_in().await;
    assert_eq!((model.titles(), standing(&ada, &post).await.as_str()), (vec!["Word 2".to_owned()], "approved"));
}

#[actix_web::test]
async fn a_dead_letter_of_an_older_text_asks_nobody_and_that_of_the_newest_brings_its_verdict() {
    let (model, faults) = (Model::new(100), Faults::default());
    let registry = judged_through(&faults, &model);
    let change = |config: &mut broadsheet::config::Config| {
        config.identity.bootstrap_admin_email = "boss@example.com".into();
        let settings = WorkerSettings { max_receives: 1, ..WorkerSettings::default() };
        config.workers.named = BTreeMap::from([("moderation".to_owned(), settings)]);
    };
    let app = TestApp::spawn_with(change, registry).await;
    app.expect_exceptions();
    let (boss, ada) = (app.person("boss").await, app.person("ada").await);
    faults.always(Fault::Fail);
    let post = ada.publish_with(json!({"title": "Word 0"})).await;
    retitle(&ada, &post, "Word 1").await;
    until("both are dead", async || {
        app.settle().await;
        app.exceptions().await.iter().filter(|exception| exception.state == "dead").count() == 2
    })
    .await;
    assert_eq!((model.asked(), standing(&ada, &post).await.as_str()), (0, "pending"));
    faults.always(None);
    boss.post("/v1/admin/dead-letters/redrive", &json!({"all": true})).await.expect(202);
    until("the verdict has come", async || standing(&ada, &post).await == "approved").await;
    until("both are done", async || app.exceptions().await.iter().all(|left| left.worker != "moderation")).await;
    assert_eq!(model.titles(), ["Word 1"]);
}
