//! `DELETE /v1/posts/{id}`: gone from everywhere.

use reqwest::Method;
use serde_json::json;

use crate::support::{TestApp, api::path, client::send};

#[actix_web::test]
async fn a_deleted_post_is_gone_from_everywhere() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    let post = ada.publish("Gone").await;
    ada.publish("Stays").await;
    app.settle().await;
    ada.delete(&path(&post)).await.expect(204);
    for person in [&ada, &bob] {
        person.get(&path(&post)).await.expect_problem(404, "not_found");
    }
    for tail in ["/deliveries", "/stats"] {
        ada.get(&format!("{}{tail}", path(&post))).await.expect_problem(404, "not_found");
    }
    ada.patch(&path(&post), &json!({"title": "x"})).await.expect_problem(404, "not_found");
    ada.delete(&path(&post)).await.expect_problem(404, "not_found");
    app.settle().await;
    for list in [
        "/v1/feed",
        "/v1/posts",
        "/v1/posts?tag=test",
        "/v1/posts?author=ada",
        "/v1/authors/ada/posts",
        "/v1/search?q=words",
    ] {
        assert_eq!(bob.titles(list).await, ["Stays"], "{list}");
    }
    assert!(!bob.get("/v1/authors/ada/atom.xml").await.expect(200).text.contains("Gone"));
    assert_eq!(ada.titles("/v1/feed").await, ["Stays"]);
    assert_eq!(ada.get("/v1/me/stats").await.expect(200).json()["posts"], 1);
}

#[actix_web::test]
async fn only_its_author_deletes_a_post_and_only_as_it_was_seen() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let post = ada.publish("Mine").await;
    app.settle().await;
    bob.delete(&path(&post)).await.expect_problem(403, "forbidden");
    let delete_if = |tag: &str| send(ada.request(Method::DELETE, &path(&post)).header("if-match", tag));
    delete_if("\"v1\"").await.expect_problem(412, "stale_version");
    ada.get(&path(&post)).await.expect(200);
    delete_if("\"v2\"").await.expect(204);
    app.settle().await;
}

#[actix_web::test]
async fn a_draft_can_be_deleted_too() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let draft = ada.publish_with(json!({"status": "draft"})).await;
    ada.delete(&path(&draft)).await.expect(204);
    assert!(ada.titles("/v1/posts?status=draft").await.is_empty());
}
