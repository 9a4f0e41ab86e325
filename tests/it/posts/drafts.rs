//! Drafts, and `POST /v1/posts/{id}/publish`.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::support::{
    TestApp,
    api::{findings, path},
    client::send,
};

#[actix_web::test]
async fn a_draft_is_its_authors_own_and_causes_nothing() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    let draft = ada.publish_with(json!({"title": "Draft", "status": "draft", "tags": ["x"], "notify": true})).await;
    assert_eq!((&draft["status"], &draft["published_at"]), (&json!("draft"), &json!(null)));
    app.settle().await;
    assert_eq!(ada.get(&path(&draft)).await.expect(200).json()["title"], "Draft");
    for tail in ["", "/deliveries", "/stats"] {
        bob.get(&format!("{}{tail}", path(&draft))).await.expect_problem(404, "not_found");
    }
    send(bob.request(Method::POST, &format!("{}/publish", path(&draft)))).await.expect_problem(404, "not_found");
    for list in ["/v1/posts", "/v1/posts?tag=x", "/v1/authors/ada/posts", "/v1/search?q=draft", "/v1/feed"] {
        assert!(ada.titles(list).await.is_empty() && bob.titles(list).await.is_empty(), "{list}");
    }
    assert!(ada.receipt(&draft).await.is_empty());
    assert_eq!(ada.titles("/v1/posts?status=draft").await, ["Draft"]);
    assert_eq!(ada.titles("/v1/posts?status=draft&author=ada").await, ["Draft"]);
    assert!(bob.titles("/v1/posts?status=draft").await.is_empty());
    bob.get("/v1/posts?status=draft&author=ada").await.expect_problem(403, "forbidden");
}

#[actix_web::test]
async fn a_published_draft_is_what_a_new_post_is() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    let draft = ada.publish_with(json!({"title": "Draft", "status": "draft", "notify": true})).await;
    ada.patch(&path(&draft), &json!({"title": "Better"})).await.expect(200);
    app.pass(Duration::from_secs(60)).await;
    let publish = format!("{}/publish", path(&draft));
    let answer = send(ada.request(Method::POST, &publish)).await.expect(200);
    let post = answer.json();
    assert_eq!((&post["status"], &post["version"], answer.header("etag")), (&json!("published"), &json!(3), "\"v3\""));
    assert!(post["published_at"].as_str() > post["created_at"].as_str(), "{post}");
    app.settle().await;
    for list in ["/v1/feed", "/v1/posts", "/v1/search?q=better"] {
        assert_eq!(bob.titles(list).await, ["Better"], "{list}");
    }
    assert_eq!(app.mails().iter().filter(|mail| mail.contains("Better")).count(), 1);
    assert!(ada.titles("/v1/posts?status=draft").await.is_empty());
    send(ada.request(Method::POST, &publish)).await.expect_problem(409, "already_published");
}

#[actix_web::test]
async fn a_draft_is_published_by_its_author_as_it_was_seen() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let draft = ada.publish_with(json!({"status": "draft"})).await;
    let publish = format!("{}/publish", path(&draft));
    let stale = ada.request(Method::POST, &publish).header("if-match", "\"v9\"");
    send(stale).await.expect_problem(412, "stale_version");
    send(ada.request(Method::POST, &publish).header("if-match", "\"v1\"")).await.expect(200);
    send(ada.request(Method::POST, "/v1/posts/x/publish")).await.expect_problem(404, "not_found");
    app.settle().await;
}

#[actix_web::test]
async fn a_draft_has_no_publication_time() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let body = json!({"title": "a", "body": "b", "status": "draft", "published_at": "2001-01-01T00:00:00Z"});
    let problem = ada.post("/v1/posts", &body).await.expect_problem(422, "invalid_input");
    assert_eq!(findings(&problem), ["published_at: not_allowed"]);
}

#[actix_web::test]
async fn drafts_page_by_their_creation() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    for number in 1..=5 {
        ada.publish_with(json!({"title": format!("Draft {number}"), "status": "draft"})).await;
        app.pass(Duration::from_millis(1)).await;
    }
    let pages = ada.pages("/v1/posts?status=draft", 2).await;
    assert_eq!(pages.concat(), ["Draft 5", "Draft 4", "Draft 3", "Draft 2", "Draft 1"]);
}
