//! `POST /v1/identity/sign-up`.

use serde_json::json;

use super::{applicant, code_in, complaints, mails_to, unconfirmed};
use crate::support::TestApp;

const PATH: &str = "/v1/identity/sign-up";

#[actix_web::test]
async fn signing_up_answers_the_same_for_a_known_address_and_mails_its_owner() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let mut again = applicant("eve");
    again["email"] = json!(ada.email);
    let known = app.client.post(PATH, &again).await.expect(202);
    let new = app.client.post(PATH, &applicant("bob")).await.expect(202);
    assert_eq!(known.text, new.text);
    let names = |answer: &crate::support::Answer| {
        let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(names(&known), names(&new));
    let mails = mails_to(&app, &ada.email, 2).await;
    let told = mails.iter().find(|mail| mail.contains("has an account there already")).unwrap();
    assert_eq!(code_in(told), None);
    ada.clone().sign_in().await;
    ada.get("/v1/authors/eve").await.expect_problem(404, "not_found");
}

#[actix_web::test]
async fn the_address_is_one_whatever_its_case() {
    let app = TestApp::spawn().await;
    app.person("ada").await;
    let mut again = applicant("eve");
    again["email"] = json!("Ada@Example.COM");
    app.client.post(PATH, &again).await.expect(202);
    let mails = mails_to(&app, "ada@example.com", 2).await;
    assert_eq!(mails.iter().filter(|mail| code_in(mail).is_some()).count(), 1);
}

#[actix_web::test]
async fn a_taken_handle_is_said_to_be_taken() {
    let app = TestApp::spawn().await;
    app.person("ada").await;
    let mut eve = applicant("eve");
    eve["handle"] = json!("ada");
    let problem = app.client.post(PATH, &eve).await.expect_problem(409, "handle_taken");
    assert_eq!(complaints(&problem), ["handle: handle_taken"]);
}

#[actix_web::test]
async fn all_wrong_fields_are_reported_at_once() {
    let app = TestApp::spawn().await;
    let body = json!({"email": "nobody", "password": "short", "handle": "A!", "name": ""});
    let problem = app.client.post(PATH, &body).await.expect_problem(422, "invalid_input");
    let complaints = complaints(&problem);
    for field in ["email: ", "password: too_short", "handle: invalid_characters", "name: empty"] {
        assert!(complaints.iter().any(|complaint| complaint.starts_with(field)), "{field} is not in {complaints:?}");
    }
    assert_eq!(complaints.len(), 4);
    assert!(app.mails().is_empty());
}

#[actix_web::test]
async fn passwords_have_10_to_200_characters() {
    let app = TestApp::spawn().await;
    for (length, is_fine) in [(9, false), (10, true), (200, true), (201, false)] {
        let mut body = applicant(&format!("a{length}"));
        body["password"] = json!("pä".repeat(101).chars().take(length).collect::<String>());
        let answer = app.client.post(PATH, &body).await;
        assert!(!answer.text.contains("pä"), "the answer repeats the password");
        answer.expect(if is_fine { 202 } else { 422 });
    }
    let mut simple = applicant("simple");
    simple["password"] = json!("aaaaaaaaaaaaa");
    let problem = app.client.post(PATH, &simple).await.expect_problem(422, "invalid_input");
    assert_eq!(complaints(&problem), ["password: too_simple"]);
}

#[actix_web::test]
async fn an_account_that_was_never_confirmed_is_replaced() {
    let app = TestApp::spawn().await;
    let (email, first) = unconfirmed(&app, "ada").await;
    let mut again = applicant("lovelace");
    again["email"] = json!(email);
    again["password"] = json!("another password altogether");
    app.client.post(PATH, &again).await.expect(202);
    let mails = mails_to(&app, &email, 2).await;
    let second = mails.iter().filter_map(|mail| code_in(mail)).find(|code| *code != first).unwrap();
    let confirm = |code: &str| json!({"email": email, "code": code});
    app.client.post("/v1/identity/confirm", &confirm(&first)).await.expect_problem(422, "wrong_code");
    app.client.post("/v1/identity/confirm", &confirm(&second)).await.expect(204);
    let old = json!({"email": email, "password": "correct horse of ada"});
    app.client.post("/v1/identity/sign-in", &old).await.expect_problem(401, "invalid_credentials");
    let new = json!({"email": email, "password": "another password altogether"});
    app.client.post("/v1/identity/sign-in", &new).await.expect(200);
    let mut heir = applicant("ada");
    heir["email"] = json!("heir@example.com");
    app.client.post(PATH, &heir).await.expect(202);
}
