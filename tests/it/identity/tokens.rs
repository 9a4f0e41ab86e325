//! Access tokens: what opens the API, until when, and everything that looks like one and does not.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::support::{Person, TestApp, send};

/// The DER of a PKCS#8 document with an Ed25519 key, up to the seed.
const PKCS8_HEAD: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

fn part(token: &str, number: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(number).unwrap()).unwrap()).unwrap()
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

async fn expect_refused(ada: &Person, token: &str, why: &str) {
    let impostor = Person { token: token.to_owned(), ..ada.clone() };
    let answer = impostor.get("/v1/me").await;
    assert!(answer.header("www-authenticate").starts_with("Bearer"), "{why}");
    answer.expect_problem(401, "invalid_token");
}

#[actix_web::test]
async fn an_access_token_is_good_for_15_minutes() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    app.clock.advance(Duration::from_secs(15 * 60 - 1));
    ada.get("/v1/me").await.expect(200);
    app.clock.advance(Duration::from_secs(1));
    let problem = ada.get("/v1/me").await.expect_problem(401, "invalid_token");
    assert_eq!(problem["detail"], "the access token has expired");
}

#[actix_web::test]
async fn a_tampered_token_is_refused() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let parts: Vec<&str> = ada.token.split('.').collect();
    let mut claims = part(&ada.token, 1);
    claims["scope"] = json!("admin:write moderation");
    expect_refused(&ada, &format!("{}.{}.{}", parts[0], encoded(&claims), parts[2]), "other claims").await;
    expect_refused(&ada, &format!("{}.{}.", parts[0], parts[1]), "no signature").await;
    let signature = "A".repeat(parts[2].len());
    expect_refused(&ada, &format!("{}.{}.{signature}", parts[0], parts[1]), "another signature").await;
    expect_refused(&ada, &format!("{}.{}", ada.token, parts[2]), "four parts").await;
}

#[actix_web::test]
async fn algorithms_other_than_the_servers_are_refused() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let claims = part(&ada.token, 1);
    for alg in ["none", "None", "NONE"] {
        let head = encoded(&json!({"alg": alg, "typ": "at+jwt"}));
        expect_refused(&ada, &format!("{head}.{}.", encoded(&claims)), alg).await;
    }
    let kid = part(&ada.token, 0)["kid"].as_str().unwrap().to_owned();
    for secret in [kid.as_str(), "", "secret"] {
        let mut header = Header::new(Algorithm::HS256);
        (header.typ, header.kid) = (Some("at+jwt".to_owned()), Some(kid.clone()));
        let token = encode(&header, &claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap();
        expect_refused(&ada, &token, "HS256").await;
    }
}

#[actix_web::test]
async fn a_token_signed_with_a_foreign_key_is_refused() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some("at+jwt".to_owned());
    header.kid = part(&ada.token, 0)["kid"].as_str().map(str::to_owned);
    let key = EncodingKey::from_ed_der(&[PKCS8_HEAD.as_slice(), &[7; 32]].concat());
    expect_refused(&ada, &encode(&header, &part(&ada.token, 1), &key).unwrap(), "a foreign key").await;
}

#[actix_web::test]
async fn another_servers_token_is_refused() {
    let (here, there) = (TestApp::spawn().await, TestApp::spawn().await);
    let (ada, stranger) = (here.person("ada").await, there.person("ada").await);
    expect_refused(&ada, &stranger.token, "another server").await;
}

#[actix_web::test]
async fn only_an_access_token_is_an_access_token() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let body = json!({"email": ada.email, "password": ada.password});
    let tokens = app.client.post("/v1/identity/sign-in", &body).await.expect(200).json();
    expect_refused(&ada, tokens["id_token"].as_str().unwrap(), "an ID token").await;
    expect_refused(&ada, &ada.refresh_token, "a refresh token").await;
    for noise in ["x", "a.b.c", "..", "%00", &"A".repeat(5_000)] {
        expect_refused(&ada, noise, "noise").await;
    }
}

#[actix_web::test]
async fn the_scheme_is_bearer_and_comes_once() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let get = |value: String| app.client.request(reqwest::Method::GET, "/v1/me").header("authorization", value);
    send(get(format!("bearer {}", ada.token))).await.expect(200);
    send(get(format!("Basic {}", ada.token))).await.expect_problem(401, "unauthorized");
    send(get(ada.token.clone())).await.expect_problem(401, "invalid_token");
    send(get(format!("Bearer {}", ada.token)).header("authorization", "Bearer x")).await.expect(401);
    app.client.get("/v1/me").await.expect_problem(401, "unauthorized");
    app.client.get(&format!("/v1/me?access_token={}", ada.token)).await.expect_problem(401, "unauthorized");
}

#[actix_web::test]
async fn an_ended_session_keeps_its_access_token_until_it_expires() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    app.client.post("/v1/identity/sign-out", &json!({"refresh_token": ada.refresh_token})).await.expect(204);
    ada.get("/v1/me").await.expect(200);
    app.clock.advance(Duration::from_secs(15 * 60));
    ada.get("/v1/me").await.expect_problem(401, "invalid_token");
}
