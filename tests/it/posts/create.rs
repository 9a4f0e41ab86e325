//! `POST /v1/posts`: what a new post is like, and which values it may have.

use serde_json::{Value, json};

use crate::support::{
    TestApp,
    api::{findings, path},
};

#[actix_web::test]
async fn a_minimal_post_is_published_at_once_and_says_where_it_is() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let answer = ada.post("/v1/posts", &json!({"title": " Hello, World ", "body": "Some *words*."})).await.expect(201);
    let post = answer.json();
    assert_eq!(answer.header("location"), path(&post));
    assert_eq!(answer.header("link"), format!("<{}/deliveries>; rel=\"status\"", path(&post)));
    assert_eq!(answer.header("etag"), "\"v1\"");
    assert_eq!((&post["title"], &post["body"]), (&json!("Hello, World"), &json!("Some *words*.")));
    assert_eq!(post["html"], "<p>Some <em>words</em>.</p>\n");
    assert_eq!(post["author"], json!({"handle": "ada", "name": "ada the Author"}));
    assert_eq!((&post["status"], &post["moderation"]), (&json!("published"), &json!("pending")));
    assert_eq!((&post["tags"], &post["version"]), (&json!([]), &json!(1)));
    assert!(post["slug"].as_str().unwrap().starts_with("hello-world-"), "{post}");
    assert_eq!(post["id"].as_str().unwrap().len(), 26);
    let created_at = post["created_at"].as_str().unwrap();
    assert!(created_at.len() == "2026-11-23T10:00:00.000Z".len() && created_at.ends_with('Z'), "{created_at}");
    assert_eq!((&post["published_at"], &post["updated_at"]), (&post["created_at"], &post["created_at"]));
    app.settle().await;
    let read = ada.get(answer.header("location")).await.expect(200).json();
    assert_eq!((&read["id"], &read["moderation"]), (&post["id"], &json!("approved")));
}

#[actix_web::test]
async fn a_slug_is_unique_per_author_and_free_again_when_its_post_is_gone() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let body = json!({"title": "One", "body": "b", "slug": "my-slug"});
    let post = ada.post("/v1/posts", &body).await.expect(201).json();
    assert_eq!(post["slug"], "my-slug");
    ada.post("/v1/posts", &body).await.expect_problem(409, "slug_taken");
    bob.post("/v1/posts", &body).await.expect(201);
    ada.delete(&path(&post)).await.expect(204);
    ada.post("/v1/posts", &body).await.expect(201);
    app.settle().await;
}

#[actix_web::test]
async fn equal_titles_get_different_slugs() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let (one, two) = (ada.publish("Same").await, ada.publish("Same").await);
    assert_ne!(one["slug"], two["slug"]);
    app.settle().await;
}

#[actix_web::test]
async fn a_post_may_be_older_than_today_but_not_younger() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let old = ada.publish_with(json!({"published_at": "2001-02-03T04:05:06.789+01:00"})).await;
    assert_eq!(old["published_at"], "2001-02-03T03:05:06.789Z");
    assert_eq!(old["updated_at"], old["created_at"]);
    ada.publish_with(json!({"published_at": old["created_at"]})).await;
    ada.publish_with(json!({"published_at": "0001-01-01T00:00:00Z"})).await;
    for (time, code) in [
        ("2999-01-01T00:00:00Z", "in_the_future"),
        ("yesterday", "invalid_time"),
        ("2001-02-30T00:00:00Z", "invalid_time"),
        ("2001-02-03", "invalid_time"),
        ("-000001-01-01T00:00:00Z", "out_of_range"),
    ] {
        let body = json!({"title": "a", "body": "b", "published_at": time});
        let problem = ada.post("/v1/posts", &body).await.expect_problem(422, "invalid_input");
        assert_eq!(findings(&problem), [format!("published_at: {code}")], "{time}");
    }
    app.settle().await;
}

#[actix_web::test]
async fn a_post_that_asks_for_no_mail_sends_none_and_its_receipt_says_skipped() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    let post = ada.publish_with(json!({"title": "Quiet", "notify": false})).await;
    app.settle().await;
    assert!(ada.receipt(&post).await.contains(&"email: skipped".to_owned()));
    assert!(!app.mails().iter().any(|mail| mail.contains("Quiet")));
    assert_eq!(bob.titles("/v1/feed").await, ["Quiet"]);
}

#[actix_web::test]
async fn tags_are_normalised_and_kept_once() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let post = ada.publish_with(json!({"tags": ["Rust", " Big  Data ", "rust", "ÄRGER", "C++"]})).await;
    assert_eq!(post["tags"], json!(["rust", "big-data", "ärger", "c++"]));
    app.settle().await;
    assert_eq!(ada.titles("/v1/posts?tag=Big%20Data").await, ["A title"]);
    assert_eq!(ada.titles("/v1/posts?tag=c%2B%2B").await, ["A title"]);
}

#[actix_web::test]
async fn every_limit_holds_at_its_boundary() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let tags =
        |count: usize, length: usize| (0..count).map(|number| format!("{number:0length$}")).collect::<Vec<String>>();
    let body = "one two é ".repeat(10_000);
    for largest in [
        json!({"title": "é".repeat(200)}),
        json!({"body": body}),
        json!({"tags": tags(10, 40)}),
        json!({"slug": "a".repeat(100)}),
    ] {
        ada.publish_with(largest).await;
    }
    let longer = format!("{body}.");
    for (field, value, finding) in [
        ("title", json!("é".repeat(201)), "title: too_long"),
        ("title", json!("  "), "title: empty"),
        ("title", json!("a\nb"), "title: control_characters"),
        ("title", json!("a\u{202e}b"), "title: control_characters"),
        ("body", json!(longer), "body: too_long"),
        ("body", json!("a\u{0}b"), "body: control_characters"),
        ("body", json!(" \n"), "body: empty"),
        ("tags", json!(tags(11, 2)), "tags: too_many"),
        ("tags", json!(tags(1, 41)), "tags.0: too_long"),
        ("tags", json!(["ok", "a/b"]), "tags.1: invalid_characters"),
        ("slug", json!("a".repeat(101)), "slug: too_long"),
        ("slug", json!("Not A Slug"), "slug: invalid_characters"),
        ("status", json!("hidden"), "status: unknown_value"),
    ] {
        let mut post = json!({"title": "a", "body": "b"});
        post[field] = value;
        let problem = ada.post("/v1/posts", &post).await.expect_problem(422, "invalid_input");
        assert_eq!(findings(&problem), [finding]);
    }
    app.settle().await;
    let page = ada.get("/v1/posts").await.expect(200).json();
    assert_eq!(page["items"].as_array().unwrap().len(), 4, "what is refused is not stored");
}

#[actix_web::test]
async fn everything_that_is_wrong_is_told_at_once() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let post = json!({"title": "", "tags": ["ok", ""], "status": "x", "slug": "-", "published_at": "x"});
    let problem = ada.post("/v1/posts", &post).await.expect_problem(422, "invalid_input");
    let told = [
        "body: empty",
        "published_at: invalid_time",
        "slug: invalid_characters",
        "status: unknown_value",
        "tags.1: empty",
        "title: empty",
    ];
    assert_eq!(findings(&problem), told);
    let is_told = |error: &Value| error["message"].as_str().is_some_and(|message| !message.is_empty());
    assert!(problem["errors"].as_array().unwrap().iter().all(is_told), "{problem}");
}
