//! `POST /v1/identity/refresh` and `…/sign-out`: one session, from its first refresh token to its end.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Person, TestApp};

async fn refresh(app: &TestApp, token: &str) -> Answer {
    app.client.post("/v1/identity/refresh", &json!({"refresh_token": token})).await
}

/// Refreshes and answers the next refresh token.
async fn next(app: &TestApp, token: &str) -> String {
    refresh(app, token).await.expect(200).json()["refresh_token"].as_str().unwrap().to_owned()
}

#[track_caller]
fn refused(answer: Answer) -> Value {
    answer.expect_problem(401, "invalid_refresh_token")
}

#[actix_web::test]
async fn refreshing_rotates_the_token_and_the_new_access_token_works() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let answer = refresh(&app, &ada.refresh_token).await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let tokens = answer.json();
    assert_ne!(tokens["refresh_token"], json!(ada.refresh_token));
    let renewed = Person { token: tokens["access_token"].as_str().unwrap().to_owned(), ..ada };
    assert_eq!(renewed.get("/v1/me").await.expect(200).json()["handle"], "ada");
    next(&app, tokens["refresh_token"].as_str().unwrap()).await;
}

#[actix_web::test]
async fn the_token_before_is_taken_for_ten_more_seconds() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    next(&app, &ada.refresh_token).await;
    app.clock.advance(Duration::from_secs(10));
    let newest = next(&app, &ada.refresh_token).await;
    next(&app, &newest).await;
}

#[actix_web::test]
async fn a_used_token_that_comes_back_later_ends_the_session_and_no_other() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let mut elsewhere = ada.clone();
    elsewhere.sign_in().await;
    let newest = next(&app, &ada.refresh_token).await;
    app.clock.advance(Duration::from_millis(10_001));
    refused(refresh(&app, &ada.refresh_token).await);
    refused(refresh(&app, &newest).await);
    next(&app, &elsewhere.refresh_token).await;
}

#[actix_web::test]
async fn a_token_from_before_the_last_ends_the_session_at_once() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let second = next(&app, &ada.refresh_token).await;
    let third = next(&app, &second).await;
    refused(refresh(&app, &ada.refresh_token).await);
    refused(refresh(&app, &third).await);
}

#[actix_web::test]
async fn a_session_that_is_not_used_ends_after_30_days() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    app.clock.advance(Duration::from_secs(29 * 86_400));
    let newest = next(&app, &ada.refresh_token).await;
    app.clock.advance(Duration::from_secs(86_400));
    refused(refresh(&app, &bob.refresh_token).await);
    next(&app, &newest).await;
}

#[actix_web::test]
async fn signing_out_ends_the_session_and_can_be_repeated() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    for token in [ada.refresh_token.as_str(), ada.refresh_token.as_str(), "nonsense", ""] {
        let body = json!({"refresh_token": token});
        app.client.post("/v1/identity/sign-out", &body).await.expect(204);
    }
    refused(refresh(&app, &ada.refresh_token).await);
}

#[actix_web::test]
async fn a_guessed_secret_neither_refreshes_nor_signs_out() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let (session, secret) = ada.refresh_token.split_once('.').unwrap();
    let guess = format!("{session}.{}", "A".repeat(secret.len()));
    app.client.post("/v1/identity/sign-out", &json!({"refresh_token": guess})).await.expect(204);
    next(&app, &ada.refresh_token).await;
}

#[actix_web::test]
async fn hostile_refresh_tokens_are_refused() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let long = "x".repeat(100_000);
    for token in ["", ".", "a.b", "session:x.AAAA", &long, &ada.token] {
        let problem = refused(refresh(&app, token).await);
        assert!(token.len() < 5 || !problem.to_string().contains(token), "the answer repeats the token");
    }
    next(&app, &ada.refresh_token).await;
}
