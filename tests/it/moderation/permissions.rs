//! Who may look at queues, decide and appeal.

use serde_json::{Value, json};

use super::{appeal, decide, moderator, spawn, standing};
use crate::support::api::{REJECTED, path};

#[actix_web::test]
async fn the_queue_and_decisions_are_for_moderators() {
    let app = spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let post = ada.publish("Tea").await;
    app.settle().await;
    for person in [&ada, &bob] {
        person.get("/v1/moderation/queue").await.expect_problem(403, "insufficient_scope");
        decide(person, &post, "rejected", "No.").await.expect_problem(403, "insufficient_scope");
    }
    app.client.get("/v1/moderation/queue").await.expect_problem(401, "unauthorized");
    assert_eq!(standing(&bob, &post).await, "approved");
}

#[actix_web::test]
async fn an_admin_is_a_moderator_too() {
    let change = |config: &mut broadsheet::config::Config| {
        config.identity.bootstrap_admin_email = "boss@example.com".into();
    };
    let app = crate::support::TestApp::spawn_with(change, broadsheet::actors::workers::standard()).await;
    let (boss, ada) = (app.person("boss").await, app.person("ada").await);
    let post = ada.publish("Tea").await;
    app.settle().await;
    decide(&boss, &post, "rejected", "No.").await.expect(200);
    app.settle().await;
    assert_eq!(standing(&ada, &post).await, "rejected");
}

#[actix_web::test]
async fn nobody_decides_on_their_own_post_or_on_a_draft() {
    let app = spawn().await;
    let (ada, mia) = (app.person("ada").await, moderator(&app, "mia").await);
    let own = mia.publish("Mine").await;
    let own_draft = mia.publish_with(json!({"title": "Later", "status": "draft"})).await;
    let draft = ada.publish_with(json!({"title": "Later", "status": "draft"})).await;
    app.settle().await;
    decide(&mia, &own, "approved", "I like it.").await.expect_problem(403, "forbidden");
    decide(&mia, &own_draft, "approved", "I like it.").await.expect_problem(409, "not_published");
    decide(&mia, &draft, "approved", "Fine.").await.expect_problem(404, "not_found");
    let unknown = json!({"id": "01JD9X8Z6Q4W7E2R5T1Y3V0P8A"});
    decide(&mia, &unknown, "approved", "Fine.").await.expect_problem(404, "not_found");
    decide(&mia, &json!({"id": "x"}), "approved", "Fine.").await.expect_problem(404, "not_found");
    let published = ada.post(&format!("{}/publish", path(&draft)), &Value::Null).await.expect(200).json();
    assert_eq!(published["moderation"], "pending");
    app.settle().await;
}

#[actix_web::test]
async fn only_the_author_of_a_rejected_post_appeals_and_others_may_not_know_of_it() {
    let app = spawn().await;
    let (ada, bob, mia) = (app.person("ada").await, app.person("bob").await, moderator(&app, "mia").await);
    let unfit = ada.publish_with(json!({"title": "Unfit", "body": REJECTED})).await;
    let fine = ada.publish_with(json!({"title": "Fine"})).await;
    let draft = ada.publish_with(json!({"title": "Later", "status": "draft"})).await;
    app.settle().await;
    appeal(&bob, &unfit, "Why?").await.expect_problem(404, "not_found");
    appeal(&mia, &unfit, "Why?").await.expect_problem(403, "forbidden");
    appeal(&bob, &fine, "Why?").await.expect_problem(403, "forbidden");
    appeal(&bob, &draft, "Why?").await.expect_problem(404, "not_found");
    for post in [&fine, &draft] {
        appeal(&ada, post, "Why?").await.expect_problem(409, "not_rejected");
    }
    let at = format!("{}/appeal", path(&unfit));
    ada.get(&at).await.expect_problem(404, "not_found");
    appeal(&ada, &unfit, "Why?").await.expect(201);
    ada.get(&at).await.expect(200);
    mia.get(&at).await.expect(200);
    bob.get(&at).await.expect_problem(404, "not_found");
    bob.get(&format!("{}/appeal", path(&fine))).await.expect_problem(403, "forbidden");
    app.client.get(&at).await.expect_problem(401, "unauthorized");
}
