//! `POST /v1/identity/sign-in`: who gets in, and as what.

use broadsheet::{actors::workers, config::Secret};
use serde_json::{Value, json};

use super::{complaints, unconfirmed};
use crate::support::TestApp;

const PATH: &str = "/v1/identity/sign-in";

#[actix_web::test]
async fn signing_in_answers_tokens_that_no_cache_keeps() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let answer =
        app.client.post(PATH, &json!({"email": "ADA@example.com", "password": ada.password})).await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let tokens = answer.json();
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(900)));
    for name in ["access_token", "refresh_token", "id_token"] {
        assert!(tokens[name].as_str().is_some_and(|token| token.len() > 40), "{name}");
    }
    let scope = tokens["scope"].as_str().unwrap();
    assert_eq!(scope, "openid profile email offline_access posts:read posts:write feed:read follows:write");
}

#[actix_web::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_answer() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let (unsure, _) = unconfirmed(&app, "bob").await;
    let mut answers = Vec::new();
    for email in [ada.email.as_str(), unsure.as_str(), "nobody@example.com"] {
        let body = json!({"email": email, "password": "not the password"});
        let mut problem = app.client.post(PATH, &body).await.expect_problem(401, "invalid_credentials");
        assert!(!problem.to_string().contains("not the password"));
        problem["request_id"] = Value::Null;
        answers.push(problem);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

#[actix_web::test]
async fn an_unconfirmed_account_does_not_get_in() {
    let app = TestApp::spawn().await;
    let (email, _) = unconfirmed(&app, "ada").await;
    let body = json!({"email": email, "password": "correct horse of ada"});
    app.client.post(PATH, &body).await.expect_problem(403, "not_confirmed");
}

#[actix_web::test]
async fn wrong_bodies_are_refused_by_field() {
    let app = TestApp::spawn().await;
    let problem =
        app.client.post(PATH, &json!({"email": "x", "password": ""})).await.expect_problem(422, "invalid_input");
    assert!(complaints(&problem)[0].starts_with("email: "), "{problem}");
    for body in
        [json!({}), json!({"email": 1, "password": "x"}), json!({"email": "a@b.cd", "password": "x", "more": 1})]
    {
        app.client.post(PATH, &body).await.expect_problem(422, "invalid_input");
    }
    let body = json!({"email": "a@example.com", "password": "x", "totp": "123456"});
    assert_eq!(
        complaints(&app.client.post(PATH, &body).await.expect_problem(422, "invalid_input")),
        ["totp: not_set_up"]
    );
}

#[actix_web::test]
async fn the_bootstrap_address_becomes_an_administrator() {
    let set = |config: &mut broadsheet::config::Config| {
        config.identity.bootstrap_admin_email = Secret::new("Boss@Example.com");
    };
    let app = TestApp::spawn_with(set, workers::standard()).await;
    let (boss, ada, bob) = (app.person("boss").await, app.person("ada").await, app.person("bob").await);
    let links: String = (0..60).map(|n| format!("https://spam{n}.example/\n\n")).collect();
    let post = ada.post("/v1/posts", &json!({"title": "Cheap", "body": links})).await.expect(201).json();
    app.settle().await;
    let path = format!("/v1/posts/{}", post["id"].as_str().unwrap());
    bob.get(&path).await.expect_problem(404, "not_found");
    assert_eq!(boss.get(&path).await.expect(200).json()["moderation"], "rejected");
    bob.delete(&path).await.expect(404);
    boss.delete(&path).await.expect(204);
    app.settle().await;
}
