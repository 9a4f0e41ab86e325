//! `wait_for_approval`: what cannot be taken back waits for the verdict.

use broadsheet::{actors::workers, config::Config};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{folder, line, on_disk, pair, restart, tune};
use crate::support::{Person, Plan, Process, TestApp, mails_in, until};

/// Sixty bare links: spam by the built-in rules.
fn spam(title: &str) -> Value {
    let links: Vec<String> = (0..60).map(|number| format!("https://example.com/{number}")).collect();
    json!({"title": title, "body": links.join("\n")})
}

fn without_moderation(config: &mut Config) {
    on_disk(config);
    tune(config, "moderation", |settings| settings.paused = true);
}

/// A post whose mail is held, because nobody has judged it.
async fn held(plan: &Plan) -> (TestApp, Person, Value) {
    let app = TestApp::spawn_in(folder(), without_moderation, plan.registry()).await;
    let (ada, _) = pair(&app).await;
    let post = ada.publish("Patience").await;
    until("the mail is held", async || line(&ada, &post, "email").await["state"] == "held").await;
    assert!(plan.sent().is_empty());
    (app, ada, post)
}

#[actix_web::test]
async fn a_held_mail_goes_out_when_its_post_is_approved_even_by_another_process() {
    let plan = Plan::default();
    let (app, mut ada, post) = held(&plan).await;
    let app = restart(app, on_disk, plan.registry(), &mut [&mut ada]).await;
    app.settle().await;
    assert_eq!(plan.sent(), ["ada the Author: Patience"]);
    assert_eq!(line(&ada, &post, "email").await["state"], "done");
}

#[actix_web::test]
async fn a_mail_waits_for_approval_even_if_deaths_have_made_its_event_a_suspect() {
    let folder = folder();
    let unjudged = [("WORKERS__MODERATION__PAUSED", "true")];
    let process = Process::start(folder.path(), &unjudged).await;
    let (ada, bob) = (process.person("ada").await, process.person("bob").await);
    bob.follow(&ada).await;
    let post = ada.publish("Patience").await;
    // Two deaths while it waits in memory, without progress: the third process suspects its event and runs it alone.
    process.kill();
    Process::start(folder.path(), &unjudged).await.kill();
    let process = Process::start(folder.path(), &unjudged).await;
    let ada = process.again(&ada).await;
    let is_mailed = |process: &Process| mails_in(&process.mail_folder()).iter().any(|mail| mail.contains("Patience"));
    let state = async |ada: &Person, wanted: &str| ada.receipt(&post).await.contains(&format!("email: {wanted}"));
    until("its mail is held or gone", async || !state(&ada, "pending").await).await;
    assert!(state(&ada, "held").await && !is_mailed(&process), "{:?}", ada.receipt(&post).await);
    assert!(process.terminate().await.0.success());
    let process = Process::start(folder.path(), &[]).await;
    let ada = process.again(&ada).await;
    until("it is approved and mailed", async || state(&ada, "done").await).await;
    assert!(is_mailed(&process));
}

#[actix_web::test]
async fn a_post_deleted_while_its_mail_is_held_is_never_mailed() {
    let plan = Plan::default();
    let (app, mut ada, post) = held(&plan).await;
    ada.delete(&format!("/v1/posts/{}", post["id"].as_str().unwrap())).await.expect(204);
    until("the held delivery goes", async || app.exceptions().await.is_empty()).await;
    let app = restart(app, on_disk, plan.registry(), &mut [&mut ada]).await;
    app.settle().await;
    assert!(plan.sent().is_empty());
}

#[actix_web::test]
async fn an_approval_that_came_before_the_mail_worker_looked_is_not_waited_for() {
    let without_mail = |config: &mut Config| {
        on_disk(config);
        tune(config, "email", |settings| settings.paused = true);
    };
    let app = TestApp::spawn_in(folder(), without_mail, workers::standard()).await;
    let (mut ada, _) = pair(&app).await;
    let post = ada.publish("Haste").await;
    until("it is approved", async || line(&ada, &post, "moderation").await["state"] == "done").await;
    let app = restart(app, on_disk, workers::standard(), &mut [&mut ada]).await;
    app.settle().await;
    assert_eq!(app.mails().iter().filter(|mail| mail.contains("Haste")).count(), 1);
    assert_eq!(line(&ada, &post, "email").await["state"], "done");
}

#[actix_web::test]
async fn a_rejected_post_is_not_mailed_and_its_receipt_says_skipped() {
    let plan = Plan::default();
    let app = TestApp::spawn_with(|_| {}, plan.registry()).await;
    let (ada, bob) = pair(&app).await;
    let post = ada.post("/v1/posts", &spam("Bargains")).await.expect(201).json();
    app.settle().await;
    let path = format!("/v1/posts/{}", post["id"].as_str().unwrap());
    assert_eq!(ada.get(&path).await.expect(200).json()["moderation"], "rejected");
    bob.get(&path).await.expect_problem(404, "not_found");
    assert!(plan.sent().is_empty());
    assert_eq!(line(&ada, &post, "email").await["state"], "skipped");
}

#[actix_web::test]
async fn a_rejection_after_a_restart_drops_the_held_mail() {
    let plan = Plan::default();
    let app = TestApp::spawn_in(folder(), without_moderation, plan.registry()).await;
    let (mut ada, _) = pair(&app).await;
    let post = ada.post("/v1/posts", &spam("Bargains")).await.expect(201).json();
    until("the mail is held", async || line(&ada, &post, "email").await["state"] == "held").await;
    let app = restart(app, on_disk, plan.registry(), &mut [&mut ada]).await;
    assert!(app.settle().await.is_empty());
    assert!(plan.sent().is_empty());
    assert_eq!(line(&ada, &post, "email").await["state"], "skipped");
}

#[actix_web::test]
async fn a_post_that_is_not_to_be_mailed_reads_skipped() {
    let plan = Plan::default();
    let app = TestApp::spawn_with(|_| {}, plan.registry()).await;
    let (ada, bob) = pair(&app).await;
    let body = json!({"title": "Quiet", "body": "Nobody is told.", "notify": false});
    let post = ada.post("/v1/posts", &body).await.expect(201).json();
    app.settle().await;
    assert!(plan.sent().is_empty());
    assert_eq!(line(&ada, &post, "email").await["state"], "skipped");
    assert_eq!(bob.titles("/v1/feed").await, ["Quiet"]);
}

/// One verdict after the other, so that some come before their mail has become a held row, some after, some meanwhile.
#[actix_web::test]
async fn verdicts_that_race_their_holds_mail_every_approved_post_once() {
    let plan = Plan::default();
    let one_by_one = |config: &mut Config| tune(config, "moderation", |settings| settings.batch = 1);
    let app = TestApp::spawn_with(one_by_one, plan.registry()).await;
    let (ada, _) = pair(&app).await;
    app.settle().await;
    let publish = |number: usize| {
        let ada = ada.clone();
        async move {
            let title = format!("Race {number:03}");
            let body = json!({"title": title, "body": "A few words."});
            let body = if number.is_multiple_of(4) { spam(&title) } else { body };
            ada.post("/v1/posts", &body).await.expect(201);
        }
    };
    join_all((0..100).map(publish)).await;
    let exceptions = app.settle().await;
    assert!(exceptions.is_empty(), "{exceptions:#?}");
    let approved = (0..100).filter(|number| number % 4 != 0);
    let subjects: Vec<String> = approved.map(|number| format!("ada the Author: Race {number:03}")).collect();
    assert_eq!(plan.sent(), subjects);
}
