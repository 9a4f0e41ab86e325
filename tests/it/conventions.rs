//! What holds for every route: tokens, problems, methods, ids, traces, origins. (Headers are in `headers.rs`.)

use std::sync::Arc;

use broadsheet::{
    actors::{
        worker::{Delivery, Error, Interest, Outcome, Worker},
        workers,
    },
    domain::EventKind,
};
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::json;

use crate::support::{TestApp, api::path, client::send};

const GUARDED: [(&str, &str); 12] = [
    ("GET", "/v1/posts"),
    ("POST", "/v1/posts"),
    ("PATCH", "/v1/posts/x"),
    ("DELETE", "/v1/posts/x"),
    ("GET", "/v1/posts/x"),
    ("GET", "/v1/authors/ada"),
    ("GET", "/v1/authors/ada/atom.xml"),
    ("PUT", "/v1/authors/ada/follow"),
    ("GET", "/v1/me"),
    ("GET", "/v1/me/followers"),
    ("GET", "/v1/feed"),
    ("GET", "/v1/search?q=x"),
];

#[actix_web::test]
async fn without_a_good_token_everything_is_401_with_a_challenge() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    for (method, path) in GUARDED {
        let answer = app.client.call(method, path).await;
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"broadsheet\"", "{method} {path}");
        answer.expect_problem(401, "unauthorized");
    }
    let (head, signature) = ada.token.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", head.split_once('.').unwrap().1);
    for token in ["garbage", "a.b.c", &forged, &unsigned, &ada.refresh_token, &"x".repeat(4_000)] {
        let answer = send(app.client.request(Method::GET, "/v1/me").bearer_auth(token)).await;
        assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""), "{answer:?}");
        answer.expect_problem(401, "invalid_token");
    }
    let basic = app.client.request(Method::GET, "/v1/me").basic_auth("ada", Some("x"));
    send(basic).await.expect_problem(401, "unauthorized");
}

#[actix_web::test]
async fn an_access_token_ends_after_a_quarter_of_an_hour() {
    let app = TestApp::spawn().await;
    let mut ada = app.person("ada").await;
    app.pass(std::time::Duration::from_secs(16 * 60)).await;
    ada.get("/v1/me").await.expect_problem(401, "invalid_token");
    ada.sign_in().await;
    ada.get("/v1/me").await.expect(200);
}

#[actix_web::test]
async fn public_reads_open_reading_and_nothing_else() {
    let app = TestApp::spawn_with(|config| config.http.public_reads = true, workers::standard()).await;
    let ada = app.person("ada").await;
    let post = ada.publish("Open").await;
    let draft = ada.publish_with(json!({"status": "draft"})).await;
    app.settle().await;
    for open in [
        path(&post).as_str(),
        "/v1/posts",
        "/v1/posts?tag=test",
        "/v1/authors/ada",
        "/v1/authors/ada/posts",
        "/v1/authors/ada/atom.xml",
        "/v1/search?q=open",
    ] {
        assert!(app.client.get(open).await.expect(200).text.contains(if open.ends_with("/ada") {
            "ada"
        } else {
            "Open"
        }));
        let garbage = app.client.request(Method::GET, open).bearer_auth("garbage");
        send(garbage).await.expect_problem(401, "invalid_token");
    }
    assert_eq!(app.client.get("/v1/authors/ada").await.json()["is_followed"], json!(null));
    app.client.get(&path(&draft)).await.expect_problem(404, "not_found");
    app.client.get("/v1/posts?status=draft").await.expect_problem(403, "forbidden");
    app.client.get("/v1/posts?moderation=rejected").await.expect_problem(403, "forbidden");
    for closed in ["/v1/feed", "/v1/me", "/v1/me/stats", &format!("{}/deliveries", path(&post))] {
        app.client.get(closed).await.expect_problem(401, "unauthorized");
    }
    app.client.post("/v1/posts", &json!({"title": "a", "body": "b"})).await.expect_problem(401, "unauthorized");
}

#[actix_web::test]
async fn unknown_routes_are_404_and_other_methods_405_as_problems() {
    let app = TestApp::spawn().await;
    for unknown in
        ["/", "/v1", "/v1/", "/v2/posts", "/v1/posts/", "/v1/identity/x", "/%ff", "/.git/config", "/v1//posts"]
    {
        let problem = app.client.get(unknown).await.expect_problem(404, "not_found");
        assert_eq!(problem["type"], "urn:broadsheet:error:not_found");
        assert_eq!(problem["title"], "Not found");
    }
    for (method, path, allowed) in [
        ("DELETE", "/v1/posts", "HEAD, GET, POST"),
        ("POST", "/v1/feed", "HEAD, GET"),
        ("GET", "/v1/identity/sign-in", "POST"),
        ("TRACE", "/v1/me", "HEAD, GET, PATCH"),
        ("POST", "/healthz", "HEAD, GET"),
    ] {
        let answer = app.client.call(method, path).await;
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
        answer.expect_problem(405, "method_not_allowed");
    }
}

#[actix_web::test]
async fn a_request_id_is_taken_if_it_is_harmless_and_made_otherwise() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let answer = ada.get_with("/v1/nothing", "x-request-id", "my-id.1").await;
    assert_eq!(answer.header("x-request-id"), "my-id.1");
    assert_eq!(answer.expect_problem(404, "not_found")["request_id"], "my-id.1");
    for hostile in ["a b", "<script>", &"x".repeat(129)] {
        let answer = ada.get_with("/v1/me", "x-request-id", hostile).await.expect(200);
        assert_eq!(answer.header("x-request-id").len(), 26);
    }
    let (one, two) = (ada.get("/v1/me").await, ada.get("/v1/me").await);
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
}

struct Witness(Arc<Mutex<Vec<String>>>);

impl Worker for Witness {
    const NAME: &'static str = "witness";

    fn interest(event: &EventKind) -> Interest {
        Interest::handle_if(matches!(event, EventKind::PostPublished { .. }))
    }

    async fn perform(&self, delivery: &Delivery) -> Result<Outcome, Error> {
        self.0.lock().push(delivery.event.trace.trace_id());
        Ok(Outcome::done())
    }
}

#[actix_web::test]
async fn a_trace_travels_from_the_request_to_the_workers() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let witness = Witness(Arc::clone(&seen));
    let app = TestApp::spawn_with(|_| {}, workers::standard().with(|_| witness)).await;
    let ada = app.person("ada").await;
    let post = |trace: &'static str| {
        let request = ada.request(Method::POST, "/v1/posts").header("traceparent", trace);
        send(request.json(&json!({"title": "a", "body": "b"})))
    };
    post("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").await.expect(201);
    post("00-00000000000000000000000000000000-b7ad6b7169203331-01").await.expect(201);
    post("nonsense").await.expect(201);
    app.settle().await;
    // Deliveries run side by side: they come in any order.
    let mut seen = seen.lock().clone();
    assert_eq!(seen.len(), 3);
    seen.retain(|trace| trace != "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(seen.len(), 2, "the trace of the request");
    assert!(seen.iter().all(|trace| trace.len() == 32 && trace.bytes().any(|digit| digit != b'0')), "{seen:?}");
    assert_ne!(seen[0], seen[1]);
}

#[actix_web::test]
async fn the_configured_origins_may_call_from_a_browser_and_no_others() {
    let change =
        |config: &mut broadsheet::config::Config| config.http.cors_origins = vec!["https://blog.example".to_owned()];
    let app = TestApp::spawn_with(change, workers::standard()).await;
    let preflight = |origin: &'static str| {
        let request = app.client.request(Method::OPTIONS, "/v1/posts").header("origin", origin);
        let request = request.header("access-control-request-method", "POST");
        send(request.header("access-control-request-headers", "authorization,content-type,idempotency-key"))
    };
    let answer = preflight("https://blog.example").await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), "https://blog.example");
    assert!(answer.header("access-control-allow-methods").contains("PATCH"));
    assert!(answer.header("access-control-allow-headers").to_lowercase().contains("idempotency-key"));
    assert!(!answer.headers.contains_key("access-control-allow-credentials"));
    let evil = preflight("https://evil.example").await;
    assert!(!evil.headers.contains_key("access-control-allow-origin"), "{evil:?}");
    let refused = app.client.request(Method::GET, "/v1/me").header("origin", "https://blog.example");
    let refused = send(refused).await;
    assert_eq!(refused.header("access-control-allow-origin"), "https://blog.example", "scripts may read problems");
    assert!(refused.header("access-control-expose-headers").to_lowercase().contains("x-request-id"));
    refused.expect_problem(401, "unauthorized");
}

#[actix_web::test]
async fn head_answers_like_get_without_the_body_and_large_answers_can_be_compressed() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    ada.publish_with(json!({"body": "word ".repeat(2_000)})).await;
    app.settle().await;
    for path in ["/v1/posts", "/v1/me", "/healthz", "/v1/authors/ada/atom.xml"] {
        let head = send(ada.request(Method::HEAD, path)).await.expect(200);
        assert_eq!(head.text, "", "{path}");
        assert_eq!(head.header("content-type"), ada.get(path).await.header("content-type"));
    }
    assert_eq!(send(ada.request(Method::HEAD, "/nothing")).await.expect(404).text, "");
    let zipped = ada.get_with("/v1/posts", "accept-encoding", "gzip").await.expect(200);
    assert_eq!(zipped.header("content-encoding"), "gzip");
    let mut varies = zipped.headers.get_all("vary").iter().map(|value| value.to_str().unwrap().to_lowercase());
    assert!(varies.any(|value| value.contains("accept-encoding")), "{:?}", zipped.headers);
}

#[actix_web::test]
async fn refusals_tell_nothing_about_the_inside() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let nul = "/v1/search?q=%00%01&tag=%00";
    for path in
        ["/v1/posts?cursor=x", "/v1/posts/'", "/v1/authors/%00", nul, "/v1/me/followers?cursor='", "/v1/feed?limit=x"]
    {
        let text = ada.get(path).await.text.to_lowercase();
        for inside in ["surreal", "panicked", ".rs:", "src/", "struct ", "tantivy", "rocksdb", "actix", "serde"] {
            assert!(!text.contains(inside), "{path}: {text}");
        }
    }
    for body in [json!([]), json!("x"), json!({"title": {}}), json!({"title": "a", "body": "b", "tags": {}})] {
        let text = ada.post("/v1/posts", &body).await.text;
        assert!(!text.contains("struct") && !text.contains("CreatePost"), "{text}");
    }
}
