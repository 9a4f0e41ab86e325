//! `PATCH /v1/posts/{id}`: what changes, for whom, and what follows.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, Person, TestApp,
    api::{REJECTED, findings, path},
    client::send,
};

const UNKNOWN: &str = "/v1/posts/01JD9X8Z6Q4W7E2R5T1Y3V0P8A";

async fn patch_if(person: &Person, post: &Value, tag: &str, body: &Value) -> Answer {
    send(person.request(Method::PATCH, &path(post)).header("if-match", tag).json(body)).await
}

#[actix_web::test]
async fn an_edit_changes_what_it_names_and_is_moderated_again() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let post = ada.publish("Before").await;
    app.pass(Duration::from_secs(60)).await;
    let answer = ada.patch(&path(&post), &json!({"title": "After"})).await.expect(200);
    let edited = answer.json();
    assert_eq!((&edited["title"], &edited["body"]), (&json!("After"), &post["body"]));
    assert_eq!((&edited["moderation"], &edited["version"]), (&json!("pending"), &json!(3)));
    assert_eq!(answer.header("etag"), "\"v3\"");
    assert_eq!((&edited["slug"], &edited["published_at"]), (&post["slug"], &post["published_at"]));
    assert_ne!(edited["updated_at"], post["updated_at"]);
    app.settle().await;
    let read = ada.get(&path(&post)).await.expect(200).json();
    assert_eq!((&read["moderation"], &read["title"]), (&json!("approved"), &json!("After")));
    assert_eq!(ada.titles("/v1/posts").await, ["After"], "an edit moves nothing and doubles nothing");
}

#[actix_web::test]
async fn an_edit_can_make_a_post_unfit_and_fit_again() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let post = ada.publish("Nice").await;
    app.settle().await;
    ada.patch(&path(&post), &json!({"body": REJECTED})).await.expect(200);
    app.settle().await;
    bob.get(&path(&post)).await.expect_problem(404, "not_found");
    assert!(bob.titles("/v1/search?q=nice").await.is_empty());
    ada.patch(&path(&post), &json!({"body": "Sorry, all is well."})).await.expect(200);
    app.settle().await;
    assert_eq!(bob.get(&path(&post)).await.expect(200).json()["moderation"], "approved");
    assert_eq!(bob.titles("/v1/search?q=nice").await, ["Nice"]);
}

#[actix_web::test]
async fn if_match_lets_only_the_present_version_be_edited() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let post = ada.publish("One").await;
    app.settle().await;
    let tag = ada.get(&path(&post)).await.expect(200).header("etag").to_owned();
    patch_if(&ada, &post, &tag, &json!({"title": "Two"})).await.expect(200);
    patch_if(&ada, &post, &tag, &json!({"title": "Three"})).await.expect_problem(412, "stale_version");
    for other in ["\"other\"", "W/\"v3\"", "\"v99\""] {
        patch_if(&ada, &post, other, &json!({"title": "Four"})).await.expect_problem(412, "stale_version");
    }
    for malformed in ["v3", "\"v3", ","] {
        patch_if(&ada, &post, malformed, &json!({"title": "Five"})).await.expect_problem(400, "invalid_header");
    }
    app.settle().await;
    assert_eq!(ada.titles("/v1/posts").await, ["Two"]);
    patch_if(&ada, &post, "*", &json!({"title": "Six"})).await.expect(200);
    app.settle().await;
}

#[actix_web::test]
async fn nobody_edits_what_belongs_to_others_or_is_not_there() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let post = ada.publish("Mine").await;
    let unfit = ada.publish_with(json!({"title": "Unfit", "body": REJECTED})).await;
    let draft = ada.publish_with(json!({"title": "Draft", "status": "draft"})).await;
    app.settle().await;
    let change = json!({"title": "Yours"});
    bob.patch(&path(&post), &change).await.expect_problem(403, "forbidden");
    bob.patch(&path(&unfit), &change).await.expect_problem(404, "not_found");
    bob.patch(&path(&draft), &change).await.expect_problem(404, "not_found");
    for unknown in [UNKNOWN, "/v1/posts/x", "/v1/posts/%00", "/v1/posts/..%2Fme"] {
        ada.patch(unknown, &change).await.expect_problem(404, "not_found");
    }
    assert_eq!(ada.get(&path(&post)).await.expect(200).json()["title"], "Mine");
}

#[actix_web::test]
async fn an_edit_of_nothing_or_of_something_else_is_refused() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let post = ada.publish("Same").await;
    for (body, finding) in [
        (json!({}), ": empty"),
        (json!({"title": null}), ": empty"),
        (json!({"status": "draft"}), "status: unknown_field"),
        (json!({"published_at": "2001-01-01T00:00:00Z"}), "published_at: unknown_field"),
        (json!({"title": ""}), "title: empty"),
        (json!({"tags": ["a", ""]}), "tags.1: empty"),
    ] {
        let problem = ada.patch(&path(&post), &body).await.expect_problem(422, "invalid_input");
        assert_eq!(findings(&problem), [finding]);
    }
    app.settle().await;
    let same = ada.patch(&path(&post), &json!({"title": "Same"})).await.expect(200).json();
    assert_eq!((&same["version"], &same["moderation"]), (&json!(2), &json!("approved")), "nothing has changed");
}

#[actix_web::test]
async fn a_new_slug_must_be_free_and_new_tags_move_the_post() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    ada.publish_with(json!({"title": "First", "slug": "first"})).await;
    let second = ada.publish_with(json!({"title": "Second", "slug": "second", "tags": ["old"]})).await;
    ada.patch(&path(&second), &json!({"slug": "first"})).await.expect_problem(409, "slug_taken");
    let moved = ada.patch(&path(&second), &json!({"slug": "third", "tags": ["new"]})).await.expect(200).json();
    assert_eq!((&moved["slug"], &moved["tags"]), (&json!("third"), &json!(["new"])));
    ada.publish_with(json!({"title": "Third", "slug": "second"})).await;
    app.settle().await;
    assert!(ada.titles("/v1/posts?tag=old").await.is_empty());
    assert_eq!(ada.titles("/v1/posts?tag=new").await, ["Second"]);
    assert_eq!(ada.titles("/v1/search?q=tag:new").await, ["Second"]);
}
