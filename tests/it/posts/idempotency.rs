//! `Idempotency-Key`: a request may be repeated, and only that request.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, Person, TestApp,
    api::{findings, path},
    client::send,
};

async fn post(person: &Person, key: &str, body: &Value) -> Answer {
    send(person.request(Method::POST, "/v1/posts").header("idempotency-key", key).json(body)).await
}

#[actix_web::test]
async fn a_replay_gets_the_first_answer_even_after_an_edit() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let body = json!({"title": "Once", "body": "b", "tags": ["x"]});
    let first = post(&ada, "key-1", &body).await.expect(201);
    app.settle().await;
    ada.patch(&path(&first.json()), &json!({"title": "Changed"})).await.expect(200);
    app.pass(Duration::from_secs(60)).await;
    let again = post(&ada, "key-1", &body).await.expect(201);
    assert_eq!(again.json(), first.json());
    for header in ["location", "link", "etag"] {
        assert_eq!(again.header(header), first.header(header));
    }
    assert_eq!(ada.titles("/v1/posts").await, ["Changed"]);
    assert_eq!(ada.get("/v1/me/stats").await.expect(200).json()["posts"], 1);
}

#[actix_web::test]
async fn a_key_belongs_to_one_body_and_one_account() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let body = json!({"title": "Once", "body": "b"});
    let first = post(&ada, "key", &body).await.expect(201).json();
    let other = json!({"title": "Twice", "body": "b"});
    post(&ada, "key", &other).await.expect_problem(422, "idempotency_mismatch");
    let bobs = post(&bob, "key", &other).await.expect(201).json();
    assert_ne!(first["id"], bobs["id"]);
    app.settle().await;
    assert_eq!(ada.titles("/v1/authors/ada/posts").await, ["Once"]);
}

#[actix_web::test]
async fn a_replay_of_a_deleted_post_makes_no_new_one() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let body = json!({"title": "Once", "body": "b"});
    let first = post(&ada, "key", &body).await.expect(201).json();
    ada.delete(&path(&first)).await.expect(204);
    assert_eq!(post(&ada, "key", &body).await.expect(201).json()["id"], first["id"]);
    app.settle().await;
    ada.get(&path(&first)).await.expect_problem(404, "not_found");
}

#[actix_web::test]
async fn requests_that_race_with_one_key_make_one_post() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let body = json!({"title": "Once", "body": "b", "slug": "once"});
    let answers = join_all((0..8).map(|_| post(&ada, "key", &body))).await;
    let ids: Vec<Value> = answers.into_iter().map(|answer| answer.expect(201).json()["id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    app.settle().await;
    assert_eq!(ada.titles("/v1/posts").await, ["Once"]);
}

#[actix_web::test]
async fn a_refused_request_does_not_use_its_key_up() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    post(&ada, "key", &json!({"title": "", "body": "b"})).await.expect_problem(422, "invalid_input");
    post(&ada, "key", &json!({"title": "Now", "body": "b"})).await.expect(201);
    app.settle().await;
}

#[actix_web::test]
async fn a_key_is_forgotten_after_a_day() {
    let app = TestApp::spawn().await;
    let mut ada = app.person("ada").await;
    let body = json!({"title": "Daily", "body": "b"});
    let first = post(&ada, "key", &body).await.expect(201).json();
    app.pass(Duration::from_secs(24 * 60 * 60 - 60)).await;
    ada.sign_in().await;
    assert_eq!(post(&ada, "key", &body).await.expect(201).json()["id"], first["id"]);
    app.pass(Duration::from_secs(120)).await;
    assert_ne!(post(&ada, "key", &body).await.expect(201).json()["id"], first["id"]);
    app.settle().await;
}

#[actix_web::test]
async fn odd_keys_are_refused() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let body = json!({"title": "Once", "body": "b"});
    for key in ["", "two words", &"k".repeat(256)] {
        let problem = post(&ada, key, &body).await.expect_problem(422, "invalid_input");
        assert_eq!(findings(&problem), ["Idempotency-Key: invalid_key"]);
    }
    post(&ada, &"k".repeat(255), &body).await.expect(201);
    app.settle().await;
}
