//! `POST /v1/identity/confirm` and `…/resend-code`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{code_in, complaints, mails_to, unconfirmed, wrong};
use crate::support::{Answer, TestApp};

async fn confirm(app: &TestApp, email: &str, code: &str) -> Answer {
    app.client.post("/v1/identity/confirm", &json!({"email": email, "code": code})).await
}

/// The problem without what differs from request to request.
fn same(mut problem: Value) -> Value {
    problem["request_id"].take();
    problem
}

#[actix_web::test]
async fn a_code_confirms_once() {
    let app = TestApp::spawn().await;
    let (email, code) = unconfirmed(&app, "ada").await;
    confirm(&app, &email, &format!(" {code}\n")).await.expect(204);
    confirm(&app, &email, &code).await.expect_problem(422, "wrong_code");
}

#[actix_web::test]
async fn a_wrong_code_a_spent_one_and_an_unknown_address_get_the_same_answer() {
    let app = TestApp::spawn().await;
    let (email, code) = unconfirmed(&app, "ada").await;
    let unknown = same(confirm(&app, "nobody@example.com", &code).await.expect_problem(422, "wrong_code"));
    assert_eq!(same(confirm(&app, &email, &wrong(&code)).await.expect_problem(422, "wrong_code")), unknown);
    confirm(&app, &email, &code).await.expect(204);
    assert_eq!(same(confirm(&app, &email, &code).await.expect_problem(422, "wrong_code")), unknown);
}

#[actix_web::test]
async fn a_code_is_good_for_15_minutes() {
    let app = TestApp::spawn().await;
    let (ada, early) = unconfirmed(&app, "ada").await;
    let (bob, late) = unconfirmed(&app, "bob").await;
    app.clock.advance(Duration::from_millis(15 * 60_000 - 1));
    confirm(&app, &ada, &early).await.expect(204);
    app.clock.advance(Duration::from_millis(1));
    confirm(&app, &bob, &late).await.expect_problem(422, "wrong_code");
}

#[actix_web::test]
async fn the_fifth_try_may_be_right_and_the_sixth_may_not() {
    let app = TestApp::spawn().await;
    for (handle, tries, status) in [("ada", 4, 204), ("bob", 5, 422)] {
        let (email, code) = unconfirmed(&app, handle).await;
        for _ in 0..tries {
            confirm(&app, &email, &wrong(&code)).await.expect_problem(422, "wrong_code");
        }
        confirm(&app, &email, &code).await.expect(status);
    }
}

#[actix_web::test]
async fn tries_in_parallel_are_counted_too() {
    let app = TestApp::spawn().await;
    let (email, code) = unconfirmed(&app, "ada").await;
    let wrong = wrong(&code);
    let guesses = (0..20).map(|_| confirm(&app, &email, &wrong));
    for answer in futures_util::future::join_all(guesses).await {
        assert_ne!(answer.status, 204);
    }
    confirm(&app, &email, &code).await.expect_problem(422, "wrong_code");
}

#[actix_web::test]
async fn another_code_replaces_the_first_and_has_its_own_tries() {
    let app = TestApp::spawn().await;
    let (email, first) = unconfirmed(&app, "ada").await;
    for _ in 0..5 {
        confirm(&app, &email, &wrong(&first)).await.expect_problem(422, "wrong_code");
    }
    app.client.post("/v1/identity/resend-code", &json!({"email": email})).await.expect(202);
    let mails = mails_to(&app, &email, 2).await;
    let second = mails.iter().filter_map(|mail| code_in(mail)).find(|code| *code != first).unwrap();
    confirm(&app, &email, &first).await.expect_problem(422, "wrong_code");
    confirm(&app, &email, &second).await.expect(204);
}

#[actix_web::test]
async fn asking_for_a_code_says_nothing_about_the_address() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    for email in [ada.email.as_str(), "nobody@example.com"] {
        let answer = app.client.post("/v1/identity/resend-code", &json!({"email": email})).await.expect(202);
        assert_eq!(answer.text, "");
    }
    unconfirmed(&app, "bob").await;
    assert_eq!(app.mails().len(), 2, "one for ada, one for bob");
}

#[actix_web::test]
async fn hostile_codes_are_refused_by_field() {
    let app = TestApp::spawn().await;
    let (email, _) = unconfirmed(&app, "ada").await;
    for code in ["", "12345", "1234567", "abcdef", "１２３４５６", "$tries = 0"] {
        let problem = confirm(&app, &email, code).await.expect_problem(422, "invalid_input");
        assert_eq!(complaints(&problem), ["code: invalid_code"], "{code}");
    }
    let problem = confirm(&app, "nobody", "12").await.expect_problem(422, "invalid_input");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 2);
}
