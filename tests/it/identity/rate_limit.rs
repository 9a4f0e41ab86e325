//! How often one client may try `/v1/identity/*`.

use broadsheet::actors::workers;
use serde_json::json;

use crate::support::TestApp;

const PATH: &str = "/v1/identity/sign-in";

#[actix_web::test]
async fn a_client_that_tries_too_often_is_told_when_to_come_back() {
    let set = |config: &mut broadsheet::config::Config| {
        config.rate_limit.enabled = true;
        config.rate_limit.identity_per_minute = 3;
    };
    let app = TestApp::spawn_with(set, workers::standard()).await;
    let body = json!({"email": "nobody@example.com", "password": "a guess or another"});
    for left in [2, 1, 0] {
        let answer = app.client.post(PATH, &body).await.expect(401);
        assert_eq!(answer.header("ratelimit-policy"), r#""identity";q=3;w=60"#);
        assert!(answer.header("ratelimit").starts_with(&format!(r#""identity";r={left};t="#)), "{answer:?}");
    }
    let refused = app.client.post(PATH, &body).await;
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert!(refused.header("ratelimit").starts_with(r#""identity";r=0;t="#));
    refused.expect_problem(429, "rate_limited");
    for path in ["sign-up", "confirm", "resend-code", "refresh", "sign-out"] {
        app.client.post(&format!("/v1/identity/{path}"), &json!({})).await.expect_problem(429, "rate_limited");
    }
    app.client.get("/healthz").await.expect(200);
    app.client.get("/v1/me").await.expect_problem(401, "unauthorized");
}

#[actix_web::test]
async fn without_the_limit_nobody_is_refused() {
    let app = TestApp::spawn().await;
    let body = json!({"email": "nobody@example.com", "password": "a guess or another"});
    for _ in 0..30 {
        let answer = app.client.post(PATH, &body).await.expect(401);
        assert!(!answer.headers.contains_key("ratelimit"));
    }
}
