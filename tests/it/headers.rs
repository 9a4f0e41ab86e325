//! The headers that protect: on every answer of every route, whatever its kind.

use std::collections::BTreeSet;

use broadsheet::{actors::workers, config::Config};
use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Person, TestApp, client::Client, send};

/// Where the browser's own cache may keep an answer. Whatever else there is, or will be, is kept nowhere.
const KEPT: [&str; 4] = ["/v1/posts/01", "/v1/authors/ada", "/docs", "/openapi.json"];

fn settings(config: &mut Config) {
    config.identity.bootstrap_admin_email = "boss@example.com".into();
    config.http.cors_origins = vec!["https://blog.example".to_owned()];
    config.metrics.listen = Some("127.0.0.1:0".parse().unwrap());
}

/// Fails unless the answer carries what every answer must.
#[track_caller]
fn check(path: &str, answer: &Answer) {
    let what = format!("{path}: {answer:?}");
    let header =
        |name: &str| answer.headers.get(name).unwrap_or_else(|| panic!("no {name} on {what}")).to_str().unwrap();
    assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(header("referrer-policy"), "no-referrer", "{what}");
    assert_eq!(header("x-frame-options"), "DENY", "{what}");
    assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{what}");
    assert_eq!(answer.headers.get_all("content-security-policy").iter().count(), 1, "{what}");
    let policy = header("content-security-policy");
    for rule in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(rule), "no {rule} on {what}");
    }
    for directive in policy.split(';').map(str::trim).filter(|directive| directive.starts_with("script-src")) {
        assert_eq!(directive, "script-src 'self'", "{what}");
    }
    let is_kept_nowhere = answer.status.is_client_error() || !KEPT.iter().any(|start| path.starts_with(start));
    let kept = header("cache-control");
    assert!(kept == "no-store" || (!is_kept_nowhere && kept == "private, no-cache"), "{what}");
    for telling in ["server", "x-powered-by", "via", "strict-transport-security", "set-cookie"] {
        assert!(!answer.headers.contains_key(telling), "{telling} on {what}");
    }
    let kind = answer.headers.get("content-type").map(|kind| kind.to_str().unwrap()).unwrap_or_default();
    assert!(!answer.text.is_empty() <= !kind.is_empty(), "a body of no type on {what}");
    if kind.starts_with("text/html") {
        assert!(policy.contains("form-action 'self'"), "{what}");
    }
}

/// What the document says there is: method and path.
async fn operations(client: &Client) -> Vec<(Method, String)> {
    let document = client.get("/openapi.json").await.expect(200).json();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.replace("{id}", "01JD9X8Z6Q4W7E2R5T1Y3V0P8A").replace("{handle}", "ada");
        let path = path.replace("{email}", "eve@example.org").replace("{name}", "feed");
        for method in methods.as_object().unwrap().keys() {
            operations.push((method.to_uppercase().parse().unwrap(), path.clone()));
        }
    }
    assert!(operations.len() > 50, "{operations:?}");
    operations
}

#[actix_web::test]
async fn every_answer_of_every_route_carries_the_security_headers() {
    let app = TestApp::spawn_with(settings, workers::standard()).await;
    let (boss, ada) = (app.person("boss").await, app.person("ada").await);
    app.expect_exceptions();
    let mut statuses = BTreeSet::new();
    for (method, path) in operations(&app.client).await {
        let stranger = send(app.client.request(method.clone(), &path)).await;
        let insider = send(boss.request(method.clone(), &path)).await;
        let unfit = send(boss.request(method.clone(), &path).json(&json!({"x": 1}))).await;
        let astray = send(app.client.request(Method::TRACE, &path)).await;
        for answer in [stranger, insider, unfit, astray] {
            statuses.insert(answer.status.as_u16());
            check(&path, &answer);
        }
    }
    for path in [
        "/",
        "/nothing",
        "/v1",
        "/docs",
        "/docs/",
        "/docs/swagger-ui.css",
        "/docs/swagger-initializer.js",
        "/docs/nothing.js",
        "/openapi.json",
        "/mail/unsubscribe/nonsense",
        "/v1/identity/nothing",
        "/v1/posts?limit=x",
    ] {
        let answer = boss.get(path).await;
        statuses.insert(answer.status.as_u16());
        check(path, &answer);
    }
    for status in [200, 202, 401, 404, 405, 415, 422, 426] {
        assert!(statuses.contains(&status), "{status} is not among {statuses:?}");
    }
    special_kinds(&app, &ada).await;
}

/// Answers that no list of routes leads to.
async fn special_kinds(app: &TestApp, ada: &Person) {
    let post = ada.publish("Herons").await;
    app.settle().await;
    let path = format!("/v1/posts/{}", post["id"].as_str().unwrap());
    let etag = ada.get(&path).await.expect(200).header("etag").to_owned();
    check(&path, &send(ada.request(Method::GET, &path).header("if-none-match", etag)).await.expect(304));
    check(&path, &send(ada.request(Method::GET, &path).header("accept-encoding", "gzip")).await.expect(200));
    check(&path, &send(ada.request(Method::HEAD, &path)).await.expect(200));
    let atom = "/v1/authors/ada/atom.xml";
    check(atom, &ada.get(atom).await.expect(200));
    check(&path, &ada.delete(&path).await.expect(204));
    let posts = "/v1/posts";
    check(posts, &ada.post(posts, &json!({"title": "Egrets", "body": "White."})).await.expect(201));
    let body = ada.request(Method::POST, posts).header("content-type", "application/json").body(vec![b' '; 300_000]);
    check(posts, &send(body).await.expect(413));
    for (origin, status) in [("https://blog.example", 200), ("https://evil.example", 400)] {
        let preflight = app.client.request(Method::OPTIONS, posts).header("origin", origin);
        check(posts, &send(preflight.header("access-control-request-method", "POST")).await.expect(status));
    }
    let sign_in = json!({"email": ada.email, "password": ada.password});
    let tokens = app.client.post("/v1/identity/sign-in", &sign_in).await.expect(200);
    assert_eq!(tokens.header("cache-control"), "no-store");
    check("/v1/identity/sign-in", &tokens);
    let metrics = Client::new(app.app.metrics_address.unwrap());
    for path in ["/metrics", "/nothing"] {
        check(path, &metrics.get(path).await);
    }
    app.settle().await;
}

#[actix_web::test]
async fn the_page_that_ends_mails_is_as_guarded_as_the_rest() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    ada.publish("Herons").await;
    app.settle().await;
    let mail = app.mails().into_iter().find(|mail| mail.contains("List-Unsubscribe:")).unwrap();
    let token = mail.split("/mail/unsubscribe/").nth(1).unwrap().split('>').next().unwrap();
    let path = format!("/mail/unsubscribe/{token}");
    check(&path, &app.client.get(&path).await.expect(200));
    let form = |body: &'static str| app.client.request(Method::POST, &path).body(body);
    check(&path, &send(form("")).await.expect(400));
    check(&path, &send(form("List-Unsubscribe=One-Click")).await.expect(200));
}
