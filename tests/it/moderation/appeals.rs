//! `/v1/posts/{id}/appeal`: once per text, within twenty days, decided by somebody else.

use std::{sync::Arc, time::Duration};

use broadsheet::{actors::workers, config::Config};
use serde_json::json;

use super::{DAY, appeal, decide, moderator, promote, spawn, standing, waiting};
use crate::support::{
    TestApp,
    api::{REJECTED, findings, path},
};

#[actix_web::test]
async fn an_appeal_waits_for_a_person_and_their_approval_overturns_the_rejection() {
    let app = spawn().await;
    let (ada, bob, mia) = (app.person("ada").await, app.person("bob").await, moderator(&app, "mia").await);
    bob.follow(&ada).await;
    let post = ada.publish_with(json!({"title": "Word", "body": REJECTED})).await;
    app.pass(Duration::from_secs(60)).await;
    let answer = appeal(&ada, &post, " It is a\r\nquotation. ").await.expect(201);
    assert_eq!(answer.header("location"), format!("{}/appeal", path(&post)));
    let lodged = answer.json();
    assert_eq!((&lodged["text"], &lodged["state"]), (&json!("It is a\nquotation."), &json!("open")));
    assert_eq!(ada.get(&format!("{}/appeal", path(&post))).await.expect(200).json(), lodged);
    let page = mia.get("/v1/moderation/queue?state=appeal").await.expect(200).json();
    let item = &page["items"][0];
    assert_eq!((&item["appeal"], &item["since"]), (&lodged, &lodged["at"]));
    assert_eq!((&item["post"]["id"], &item["verdict"]["decision"]), (&post["id"], &json!("rejected")));
    decide(&mia, &post, "approved", "It is one indeed.").await.expect(200);
    app.settle().await;
    assert!(waiting(&mia, "appeal").await.is_empty());
    let settled = ada.get(&format!("{}/appeal", path(&post))).await.expect(200).json();
    assert_eq!((&settled["state"], &settled["reason"]), (&json!("overturned"), &json!("It is one indeed.")));
    assert!(settled["decided_at"].is_string());
    assert_eq!(bob.titles("/v1/feed").await, ["Word"]);
    let trail = app.app.repositories.audit().list(None, 10).await.unwrap();
    assert_eq!(trail[0].audit.detail["appeal"], "overturned");
}

#[actix_web::test]
async fn whoever_rejected_a_text_does_not_decide_the_appeal_and_an_upheld_rejection_is_final() {
    let app = spawn().await;
    let ada = app.person("ada").await;
    let (mia, noa) = (moderator(&app, "mia").await, moderator(&app, "noa").await);
    let post = ada.publish("Tea").await;
    app.settle().await;
    decide(&mia, &post, "rejected", "An advertisement.").await.expect(200);
    appeal(&ada, &post, "It is not.").await.expect(201);
    appeal(&ada, &post, "Really.").await.expect_problem(409, "already_appealed");
    for verdict in ["approved", "rejected"] {
        decide(&mia, &post, verdict, "Still.").await.expect_problem(403, "forbidden");
    }
    assert_eq!(waiting(&noa, "appeal").await, ["Tea"]);
    decide(&noa, &post, "rejected", "It is.").await.expect(200);
    assert!(waiting(&noa, "appeal").await.is_empty());
    let settled = ada.get(&format!("{}/appeal", path(&post))).await.expect(200).json();
    assert_eq!((&settled["state"], &settled["reason"]), (&json!("upheld"), &json!("It is.")));
    appeal(&ada, &post, "Please.").await.expect_problem(409, "already_appealed");
    app.settle().await;
    assert_eq!(standing(&ada, &post).await, "rejected");
    decide(&mia, &post, "approved", "I was wrong.").await.expect(200);
    app.settle().await;
    let settled = ada.get(&format!("{}/appeal", path(&post))).await.expect(200).json();
    assert_eq!(settled["state"], "upheld", "what was decided stays as it was decided");
}

#[actix_web::test]
async fn an_appeal_comes_within_twenty_days_of_the_rejection() {
    let app = spawn().await;
    let (mut ada, mut mia) = (app.person("ada").await, moderator(&app, "mia").await);
    let by_rules = ada.publish_with(json!({"title": "Rules", "body": REJECTED})).await;
    let by_person = ada.publish_with(json!({"title": "Person"})).await;
    app.settle().await;
    app.pass(DAY).await;
    mia.sign_in().await;
    promote(&app, &mut mia).await;
    decide(&mia, &by_person, "rejected", "No.").await.expect(200);
    app.pass(DAY * 19 + Duration::from_millis(1)).await;
    ada.sign_in().await;
    appeal(&ada, &by_rules, "Late.").await.expect_problem(409, "appeal_too_late");
    app.pass(DAY - Duration::from_millis(1)).await;
    ada.sign_in().await;
    appeal(&ada, &by_person, "In time.").await.expect(201);
}

#[actix_web::test]
async fn an_edit_withdraws_an_open_appeal_and_a_deletion_takes_its_words_away() {
    let app = spawn().await;
    let (ada, mia) = (app.person("ada").await, moderator(&app, "mia").await);
    let edited = ada.publish_with(json!({"title": "Edited", "body": REJECTED})).await;
    let deleted = ada.publish_with(json!({"title": "Deleted", "body": REJECTED})).await;
    app.settle().await;
    for post in [&edited, &deleted] {
        appeal(&ada, post, "A quotation.").await.expect(201);
    }
    assert_eq!(waiting(&mia, "appeal").await.len(), 2);
    ada.patch(&path(&edited), &json!({"slug": "elsewhere"})).await.expect(200);
    assert_eq!(waiting(&mia, "appeal").await.len(), 2, "a slug is no text");
    ada.patch(&path(&edited), &json!({"body": "Mended."})).await.expect(200);
    ada.delete(&path(&deleted)).await.expect(204);
    assert!(waiting(&mia, "appeal").await.is_empty());
    ada.get(&format!("{}/appeal", path(&edited))).await.expect_problem(404, "not_found");
    app.settle().await;
    ada.patch(&path(&edited), &json!({"body": REJECTED})).await.expect(200);
    app.settle().await;
    assert_eq!(standing(&ada, &edited).await, "rejected");
    ada.get(&format!("{}/appeal", path(&edited))).await.expect_problem(404, "not_found");
    appeal(&ada, &edited, "A quotation after all.").await.expect(201);
}

#[actix_web::test]
async fn an_open_appeal_outlives_a_restart() {
    let on_disk = |config: &mut Config| config.database.url = String::new();
    let app = TestApp::spawn_in(Arc::new(tempfile::tempdir().unwrap()), on_disk, workers::standard()).await;
    let (mut ada, mut mia) = (app.person("ada").await, moderator(&app, "mia").await);
    let post = ada.publish_with(json!({"title": "Word", "body": REJECTED})).await;
    app.settle().await;
    decide(&mia, &post, "rejected", "No.").await.expect(200);
    appeal(&ada, &post, "A quotation.").await.expect(201);
    let app = TestApp::spawn_in(app.stop().await, on_disk, workers::standard()).await;
    for person in [&mut ada, &mut mia] {
        person.client = app.client.clone();
    }
    let noa = moderator(&app, "noa").await;
    appeal(&ada, &post, "Again.").await.expect_problem(409, "already_appealed");
    decide(&mia, &post, "approved", "Well.").await.expect_problem(403, "forbidden");
    assert_eq!(waiting(&noa, "appeal").await, ["Word"]);
    decide(&noa, &post, "approved", "It is one.").await.expect(200);
    app.settle().await;
    assert_eq!(standing(&ada, &post).await, "approved");
}

#[actix_web::test]
async fn an_empty_or_an_endless_appeal_is_refused() {
    let app = spawn().await;
    let ada = app.person("ada").await;
    let post = ada.publish_with(json!({"title": "Word", "body": REJECTED})).await;
    app.settle().await;
    let at = format!("{}/appeal", path(&post));
    for (body, finding) in [
        (json!({}), "text: empty"),
        (json!({"text": " \n "}), "text: empty"),
        (json!({"text": "x".repeat(2_001)}), "text: too_long"),
        (json!({"text": "a\u{202e}b"}), "text: control_characters"),
        (json!({"text": "a", "post": "b"}), "post: unknown_field"),
    ] {
        let problem = ada.post(&at, &body).await.expect_problem(422, "invalid_input");
        assert_eq!(findings(&problem), [finding], "{body}");
    }
    ada.post(&at, &json!({"text": "x".repeat(2_000)})).await.expect(201);
}
