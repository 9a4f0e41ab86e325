//! `POST /v1/identity/confirm` and `…/resend-code`.

use std::time::Duration;

use broadsheet::actors::workers;
use serde_json::{Value, json};

use super::{applicant, code_in, complaints, mails_to, unconfirmed, wrong};
use crate::support::{Answer, TestApp, until};

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
async fn an_address_is_sent_a_few_codes_an_hour_known_or_not() {
    let set = |config: &mut broadsheet::config::Config| {
        config.rate_limit.enabled = true;
        config.rate_limit.identity_per_minute = 1_000;
        config.rate_limit.codes_per_hour = 3;
    };
    let app = TestApp::spawn_with(set, workers::standard()).await;
    let (ada, (bob, _)) = (app.person("ada").await, unconfirmed(&app, "bob").await);
    let mails = app.mails().len();
    for email in [ada.email.as_str(), &bob] {
        for status in [202, 202, 429, 429] {
            app.client.post("/v1/identity/resend-code", &json!({"email": email})).await.expect(status);
        }
        let mut again = applicant("eve");
        again["email"] = json!(email);
        let refused = app.client.post("/v1/identity/sign-up", &again).await;
        assert!(refused.header("retry-after").parse::<u64>().unwrap() > 60, "{refused:?}");
        refused.expect_problem(429, "rate_limited");
    }
    until("bob has his two other codes", async || app.mails().len() == mails + 2).await;
    for status in [202, 202, 202, 429] {
        app.client.post("/v1/identity/resend-code", &json!({"email": "nobody@example.com"})).await.expect(status);
    }
    app.client.post("/v1/identity/sign-up", &applicant("carol")).await.expect(202);
}

#[actix_web::test]
async fn a_code_never_confirms_the_password_of_another_sign_up() {
    let app = TestApp::spawn().await;
    let mut theirs = applicant("mallory");
    theirs["password"] = json!("password of mallory");
    for round in 0..20 {
        let handle = format!("victim{round}");
        let (email, code) = unconfirmed(&app, &handle).await;
        (theirs["email"], theirs["handle"]) = (json!(email), json!(format!("mallory{round}")));
        let attack = app.client.post("/v1/identity/sign-up", &theirs);
        let (confirmed, attacked) = futures_util::future::join(confirm(&app, &email, &code), attack).await;
        assert!(attacked.status == 202 || attacked.status == 409, "{attacked:?}");
        let sign_in = json!({"email": email, "password": theirs["password"]});
        let taken_over = app.client.post("/v1/identity/sign-in", &sign_in).await;
        assert!(!taken_over.status.is_success(), "round {round}: {confirmed:?} confirmed {taken_over:?}");
    }
}

#[actix_web::test]
async fn the_mail_of_a_second_sign_up_warns_of_a_stranger() {
    let app = TestApp::spawn().await;
    let (email, _) = unconfirmed(&app, "ada").await;
    let mut again = applicant("mallory");
    again["email"] = json!(email);
    app.client.post("/v1/identity/sign-up", &again).await.expect(202);
    let mails = mails_to(&app, &email, 2).await;
    assert_eq!(mails.iter().filter(|mail| mail.contains("somebody else did the other time")).count(), 1);
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
