//! Bodies that are no post: of the wrong type, size, syntax or shape. Shown on `POST /v1/posts`; every route reads alike.

use std::io::Write;

use reqwest::{Body, Method};
use serde_json::json;

use crate::support::{Answer, Person, TestApp, api::findings, client::send};

const LIMIT: usize = 256 * 1024;

async fn post(person: &Person, body: impl Into<Body>) -> Answer {
    send(person.request(Method::POST, "/v1/posts").header("content-type", "application/json").body(body)).await
}

#[actix_web::test]
async fn what_is_not_json_is_400() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let bodies: [&[u8]; 7] = [
        b"",
        b"{",
        b"nope",
        b"\xff\xfe",
        b"{\"title\":\"\xff\",\"body\":\"b\"}",
        b"{\"title\":\"a\",\"body\":\"b\"} x",
        b"{\"title\":\"\\ud800\",\"body\":\"b\"}",
    ];
    for body in bodies {
        post(&ada, body).await.expect_problem(400, "malformed_json");
    }
}

#[actix_web::test]
async fn what_has_the_wrong_shape_names_the_field() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    for (body, finding) in [
        (r#"{"title":1,"body":"b"}"#, "title: wrong_type"),
        (r#"{"title":null,"body":"b"}"#, "title: wrong_type"),
        (r#"{"title":"a","body":"b","tags":"x"}"#, "tags: wrong_type"),
        (r#"{"title":"a","body":"b","tags":["x",3]}"#, "tags.1: wrong_type"),
        (r#"{"title":"a","body":"b","notify":"yes"}"#, "notify: wrong_type"),
        (r#"{"title":"a","body":"b","titel":"x"}"#, "titel: unknown_field"),
        (r#"{"title":"a","body":"b","id":"x"}"#, "id: unknown_field"),
        (r#"{"title":"a","title":"b","body":"b"}"#, "title: duplicate_field"),
        (r#"["a","b"]"#, "body: wrong_type"),
        (r#""text""#, "body: wrong_type"),
        ("null", "body: wrong_type"),
        ("{}", "body: empty"),
    ] {
        let problem = post(&ada, body).await.expect_problem(422, "invalid_input");
        assert_eq!(findings(&problem)[0], finding, "{body}");
    }
}

#[actix_web::test]
async fn what_is_nested_a_thousand_times_does_no_harm() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let body = format!(r#"{{"title":{}1{}}}"#, open.repeat(30_000), close.repeat(30_000));
        let answer = post(&ada, body).await;
        assert!(answer.status.is_client_error(), "{answer:?}");
    }
    app.client.get("/healthz").await.expect(200);
}

#[actix_web::test]
async fn a_body_must_say_that_it_is_json() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let text = json!({"title": "a", "body": "b"}).to_string();
    let bare = ada.request(Method::POST, "/v1/posts").body(text.clone());
    send(bare).await.expect_problem(415, "unsupported_media_type");
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "x"] {
        let request = ada.request(Method::POST, "/v1/posts").header("content-type", kind).body(text.clone());
        send(request).await.expect_problem(415, "unsupported_media_type");
    }
    for kind in ["application/json; charset=utf-8", "APPLICATION/JSON", "application/merge-patch+json"] {
        let request = ada.request(Method::POST, "/v1/posts").header("content-type", kind).body(text.clone());
        send(request).await.expect(201);
    }
    let odd = ada.request(Method::POST, "/v1/posts").header("content-encoding", "br").json(&json!({}));
    send(odd).await.expect_problem(415, "unsupported_media_type");
    app.settle().await;
}

#[actix_web::test]
async fn a_body_of_256_kib_is_read_and_one_byte_more_is_413() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let mut body = json!({"title": "a", "body": "b"}).to_string();
    body.extend(std::iter::repeat_n(' ', LIMIT - body.len()));
    post(&ada, body.clone()).await.expect(201);
    body.push(' ');
    post(&ada, body).await.expect_problem(413, "too_large");
    app.client.get("/healthz").await.expect(200);
    app.settle().await;
}

#[actix_web::test]
async fn a_body_that_lies_about_being_compressed_is_400() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let request = ada.request(Method::POST, "/v1/posts").header("content-encoding", "gzip");
    let answer = send(request.json(&json!({"title": "a", "body": "b"}))).await;
    answer.expect_problem(400, "bad_request");
}

#[actix_web::test]
async fn a_body_that_unpacks_beyond_the_limit_is_413_with_and_without_a_token() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let bomb = |bytes: usize| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(json!({"title": "a", "body": "b"}).to_string().as_bytes()).unwrap();
        encoder.write_all(&vec![b' '; bytes]).unwrap();
        encoder.finish().unwrap()
    };
    let packed = |request: reqwest::RequestBuilder, body: Vec<u8>| {
        send(request.header("content-type", "application/json").header("content-encoding", "gzip").body(body))
    };
    packed(ada.request(Method::POST, "/v1/posts"), bomb(1_000)).await.expect(201);
    let whole = bomb(200 << 20);
    assert!(whole.len() < LIMIT);
    packed(ada.request(Method::POST, "/v1/posts"), whole.clone()).await.expect_problem(413, "too_large");
    let sign_in = app.client.request(Method::POST, "/v1/identity/sign-in");
    packed(sign_in, whole.clone()).await.expect_problem(413, "too_large");
    let form = app.client.request(Method::POST, "/mail/unsubscribe/x");
    packed(form, whole).await.expect_problem(413, "too_large");
    app.settle().await;
}
