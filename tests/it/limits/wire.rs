//! What comes over the wire and is no good HTTP, or too much of it: answered or cut off, and the server goes on.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use broadsheet::actors::workers;
use reqwest::Method;
use serde_json::json;

use crate::support::{TestApp, send};

/// Sends bytes as they are; answers what comes back until the server hangs up. Somebody who is cut off gets nothing.
async fn raw(address: SocketAddr, bytes: Vec<u8>) -> String {
    let talk = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let _ = stream.write_all(&bytes);
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the server does not hang up: {error}"),
        }
        String::from_utf8_lossy(&answer).into_owned()
    };
    tokio::task::spawn_blocking(talk).await.unwrap()
}

fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}

fn post(headers: &str, body: &str) -> Vec<u8> {
    let head =
        "POST /v1/identity/sign-in HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n";
    format!("{head}{headers}\r\n{body}").into_bytes()
}

#[actix_web::test]
async fn headers_and_addresses_may_be_long_but_not_endless() {
    let app = TestApp::spawn().await;
    let many = |count: usize| (0..count).map(|number| format!("X-{number}: a\r\n")).collect::<String>();
    let long = |bytes: usize| format!("X-Long: {}\r\n", "a".repeat(bytes));
    let path = |bytes: usize| format!("/{}", "a".repeat(bytes));
    for (request, allowed) in [
        (get("/healthz", &long(60_000)), &["200"][..]),
        (get("/healthz", &long(200_000)), &["431", "400", ""]),
        (get("/healthz", &many(90)), &["200"]),
        (get("/healthz", &many(120)), &["431"]),
        (get(&path(60_000), ""), &["404"]),
        (get(&path(70_000), ""), &["400", "414", ""]),
        (get(&format!("/v1/posts?tag={}", "a".repeat(60_000)), ""), &["401"]),
    ] {
        let answer = raw(app.app.address, request).await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(allowed.contains(&status), "{answer}");
    }
    app.client.get("/healthz").await.expect(200);
}

#[actix_web::test]
async fn what_can_be_read_in_two_ways_is_refused() {
    let app = TestApp::spawn().await;
    for request in [
        post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        post("Content-Length: 2\r\nContent-Length: 3\r\n", "{}x"),
        post("Content-Length: -2\r\n", "{}"),
        post("Content-Length: +2\r\n", "{}"),
        post("Transfer-Encoding: x\r\n", "{}"),
        get("/healthz", "X-A: a\0b\r\n"),
        get("/healthz", "X-A: a\r\n folded: b\r\n"),
        b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(),
    ] {
        let shown = String::from_utf8_lossy(&request).into_owned();
        let answer = raw(app.app.address, request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{shown:?}: {answer}");
        assert!(!answer.to_lowercase().contains("server:"), "{answer}");
    }
    app.client.get("/healthz").await.expect(200);
}

/// What SECURITY.md says of it: a proxy that takes such a line for one header shows us two.
#[actix_web::test]
async fn a_bare_line_feed_ends_a_header_line_and_nothing_else() {
    let app = TestApp::spawn().await;
    let request = b"GET /healthz HTTP/1.1\nHost: x\nX-A: a\nX-Request-Id: made-up\r\nConnection: close\n\n".to_vec();
    let answer = raw(app.app.address, request).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("x-request-id: made-up\r\n"), "{answer}");
    for request in [
        get("/healthz", "X-A: a\rb\r\n"),
        get("/healthz", "X-A: a\r\rX-B: b\r\n"),
        get("/healthz", "X-A: a\n b\r\n"),
        get("/healthz", "X-A: a\nHost: y\r\n"),
        post("X-A: a\nContent-Length: 2\r\nContent-Length: 2\r\n", "{}"),
        post("X-A: a\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n", "{}"),
        post("Transfer-Encoding: chunked\r\n", "2\n{}\r\n0\r\n\r\n"),
        post("Transfer-Encoding: chunked\r\n", "2\r\n{}\n0\r\n\r\n"),
    ] {
        let shown = String::from_utf8_lossy(&request).into_owned();
        let answer = raw(app.app.address, request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{shown:?}: {answer}");
    }
}

#[actix_web::test]
async fn nothing_that_a_client_makes_up_is_written_into_headers_or_logs() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    for (name, value) in [
        ("x-request-id", "a\tb"),
        ("x-request-id", "\u{1f600}"),
        ("traceparent", "00-zz-zz-01"),
        ("traceparent", &"0".repeat(5_000)),
        ("tracestate", &"x".repeat(5_000)),
        ("x-forwarded-for", "' OR 1=1"),
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-http-method-override", "DELETE"),
    ] {
        let answer = send(ada.request(Method::GET, "/v1/me").header(name, value)).await.expect(200);
        for (header, text) in &answer.headers {
            let text = String::from_utf8_lossy(text.as_bytes());
            assert!(!text.contains("evil") && !text.contains(value), "{name}: {header}: {text}");
        }
    }
    // Whatever Host says, links lead to the configured address.
    let post =
        ada.request(Method::POST, "/v1/posts").header("host", "evil.example").json(&json!({"title": "a", "body": "b"}));
    assert!(send(post).await.expect(201).header("location").starts_with("/v1/posts/"));
    app.settle().await;
}

#[actix_web::test]
async fn whoever_sends_slowly_is_not_waited_for() {
    let brief = |config: &mut broadsheet::config::Config| config.http.request_timeout = "2s".parse().unwrap();
    let app = TestApp::spawn_with(brief, workers::standard()).await;
    // A body that never ends, and a head that never ends.
    let answer = raw(app.app.address, post("Content-Length: 100\r\n", "{")).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\"code\":\"timeout\""), "{answer}");
    assert!(answer.to_lowercase().contains("retry-after: 1"), "{answer}");
    let answer = raw(app.app.address, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A".to_vec()).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    app.client.get("/healthz").await.expect(200);
}
