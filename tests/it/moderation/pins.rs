//! A person's verdict stands for its text: against models, against edits away and back, over restarts.

use std::sync::Arc;

use broadsheet::{actors::workers, config::Config};
use serde_json::json;

use super::{decide, moderator, promote, spawn, standing};
use crate::support::{
    TestApp,
    api::{REJECTED, path},
};

#[actix_web::test]
async fn an_approved_text_is_approved_at_once_when_an_edit_brings_it_back() {
    let app = spawn().await;
    let (ada, bob, mia) = (app.person("ada").await, app.person("bob").await, moderator(&app, "mia").await);
    bob.follow(&ada).await;
    let post = ada.publish_with(json!({"title": "Word", "body": REJECTED})).await;
    app.settle().await;
    decide(&mia, &post, "approved", "A quotation.").await.expect(200);
    app.settle().await;
    assert_eq!(bob.titles("/v1/feed").await, ["Word"]);
    let edited = ada.patch(&path(&post), &json!({"body": format!("{REJECTED}!")})).await.expect(200).json();
    assert_eq!(edited["moderation"], "pending", "the ruling is about another text");
    app.settle().await;
    assert_eq!(standing(&ada, &post).await, "rejected");
    assert!(bob.titles("/v1/feed").await.is_empty());
    let back = ada.patch(&path(&post), &json!({"body": REJECTED})).await.expect(200).json();
    assert_eq!(back["moderation"], "approved", "at once");
    app.settle().await;
    assert_eq!(standing(&bob, &post).await, "approved");
    assert_eq!(bob.titles("/v1/feed").await, ["Word"]);
    assert_eq!(bob.titles("/v1/search?q=word").await, ["Word"]);
}

#[actix_web::test]
async fn a_rejected_text_is_rejected_at_once_when_an_edit_brings_it_back() {
    let app = spawn().await;
    let (ada, bob, mia) = (app.person("ada").await, app.person("bob").await, moderator(&app, "mia").await);
    bob.follow(&ada).await;
    let post = ada.publish_with(json!({"title": "Tea", "body": "Green."})).await;
    app.settle().await;
    decide(&mia, &post, "rejected", "An advertisement.").await.expect(200);
    ada.patch(&path(&post), &json!({"body": "Black."})).await.expect(200);
    app.settle().await;
    assert_eq!(bob.titles("/v1/feed").await, ["Tea"]);
    let back = ada.patch(&path(&post), &json!({"body": "Green."})).await.expect(200).json();
    assert_eq!((&back["moderation"], &back["verdict"]["reason"]), (&json!("rejected"), &json!("An advertisement.")));
    bob.get(&path(&post)).await.expect_problem(404, "not_found");
    app.settle().await;
    assert_eq!(standing(&ada, &post).await, "rejected");
    for list in ["/v1/feed", "/v1/search?q=tea", "/v1/posts"] {
        assert!(bob.titles(list).await.is_empty(), "{list}");
    }
}

#[actix_web::test]
async fn a_ruling_outlives_a_restart() {
    let on_disk = |config: &mut Config| config.database.url = String::new();
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let app = TestApp::spawn_in(folder, on_disk, workers::standard()).await;
    let (mut ada, mut mia) = (app.person("ada").await, moderator(&app, "mia").await);
    let post = ada.publish_with(json!({"title": "Word", "body": REJECTED})).await;
    app.settle().await;
    decide(&mia, &post, "approved", "A quotation.").await.expect(200);
    app.settle().await;
    let app = TestApp::spawn_in(app.stop().await, on_disk, workers::standard()).await;
    for person in [&mut ada, &mut mia] {
        person.client = app.client.clone();
        person.sign_in().await;
    }
    ada.patch(&path(&post), &json!({"body": "Mended."})).await.expect(200);
    app.settle().await;
    ada.patch(&path(&post), &json!({"body": REJECTED})).await.expect(200);
    app.settle().await;
    assert_eq!(standing(&ada, &post).await, "approved");
    promote(&app, &mut mia).await;
    decide(&mia, &post, "rejected", "No quotation.").await.expect(200);
    app.settle().await;
    assert_eq!(ada.get(&path(&post)).await.expect(200).json()["verdict"]["reason"], "No quotation.");
}
