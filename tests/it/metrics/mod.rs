//! `/metrics`: the figures move as promised, on a listener of their own, and tell nothing about single posts and people.

mod deployed;
mod exposition;
mod promql;

use std::{collections::BTreeSet, net::TcpListener, sync::Arc, time::Duration};

use broadsheet::{
    actors::workers::{self, Registry},
    config::Config,
    domain::{AccountId, Decision, Usage, Verdict},
    gateways::{Error, Moderator, Submission},
    metrics::{Judge, Metrics},
};
use futures_util::future::BoxFuture;
use reqwest::Method;

use self::exposition::Exposition;
use crate::support::{
    Fault, Plan, TestApp,
    api::{doubtful, path},
    broadsheet,
    client::Client,
    expect_line, finished, send,
};

/// A server that exports its figures, and a scraper.
async fn measured(change: impl FnOnce(&mut Config), registry: Registry) -> (TestApp, Client) {
    let listen = |config: &mut Config| {
        config.metrics.listen = Some("127.0.0.1:0".parse().unwrap());
        change(config);
    };
    let app = TestApp::spawn_with(listen, registry).await;
    let client = Client::new(app.app.metrics_address.unwrap());
    (app, client)
}

async fn scrape(client: &Client) -> Exposition {
    let answer = client.get("/metrics").await.expect(200);
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    Exposition::parse(&answer.text)
}

/// Samples, then scrapes.
async fn sampled(app: &TestApp, client: &Client) -> Exposition {
    app.app.sample_metrics().await;
    scrape(client).await
}

/// A model that answers at once, or an outage.
struct Model(Result<Verdict, Error>);

impl Moderator for Model {
    fn judge<'a>(&'a self, _: &'a Submission<'a>) -> BoxFuture<'a, Result<Verdict, Error>> {
        Box::pin(std::future::ready(self.0.clone()))
    }
}

/// What is exported after a model has judged one post and failed to judge another.
async fn judged_by_a_model() -> Exposition {
    let app = TestApp::spawn().await;
    let metrics = Metrics::default();
    let judge = Judge { provider: Some("openai"), name: "small".to_owned() };
    let usage = Usage { input_tokens: 700, output_tokens: 30, cost_micros: 42, latency_ms: 5 };
    let verdict = Verdict {
        decision: Decision::Review,
        categories: Vec::new(),
        reason: String::new(),
        model: "small-2026".to_owned(),
        prompt: None,
        usage,
    };
    for answer in [Ok(verdict), Err(Error::Transient("away".to_owned()))] {
        let moderator = metrics.moderation.meter(Arc::new(Model(answer.clone())), judge.clone());
        assert_eq!(
            moderator.judge(&Submission { author: AccountId::generate(), title: "", tags: &[], body: "" }).await,
            answer
        );
    }
    let now = broadsheet::clock::Clock::now(&*app.clock);
    let node = &app.app;
    let exposition = broadsheet::metrics::Exposition::new(&metrics, &node.workers, &node.publisher, &node.monitor, now);
    Exposition::parse(&exposition.text().unwrap())
}

/// The names that only a model's figures have.
async fn models_names() -> BTreeSet<String> {
    judged_by_a_model().await.names().into_iter().filter(|name| name.starts_with("gen_ai_")).collect()
}

#[actix_web::test]
async fn what_a_model_takes_is_counted_under_its_configured_name() {
    let figures = judged_by_a_model().await;
    let model = ("gen_ai_request_model", "small");
    for (direction, tokens) in [("input", 700.0), ("output", 30.0)] {
        let labels = [model, ("gen_ai_provider_name", "openai"), ("gen_ai_token_type", direction)];
        assert_eq!(figures.value("gen_ai_client_token_usage_sum", &labels), tokens);
        assert_eq!(figures.value("gen_ai_client_token_usage_count", &labels), 1.0);
    }
    for error in ["", "transient"] {
        let labels = [model, ("error_type", error)];
        assert_eq!(figures.value("gen_ai_client_operation_duration_seconds_count", &labels), 1.0, "{error}");
    }
    assert_eq!(figures.value("broadsheet_moderation_cost_micros_total", &[("model", "small")]), 42.0);
    let verdicts = |decision| figures.value("broadsheet_moderation_verdicts_total", &[("decision", decision)]);
    assert_eq!((verdicts("review"), verdicts("approve"), verdicts("reject")), (1.0, 0.0, 0.0));
}

#[actix_web::test]
async fn after_a_publication_the_figures_have_moved_as_promised() {
    let (app, client) = measured(|_| {}, workers::standard()).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    app.settle().await;
    let before = scrape(&client).await;
    ada.publish("One").await;
    ada.post("/v1/posts", &serde_json::json!({"title": ""})).await.expect(422);
    app.settle().await;
    let after = scrape(&client).await;
    let grown = |name: &str, labels: &[(&str, &str)]| after.value(name, labels) - before.value_or_zero(name, labels);

    let posting = [("http_request_method", "POST"), ("http_route", "/v1/posts")];
    let answered = |status| {
        let labels = [posting.as_slice(), &[("http_response_status_code", status)]].concat();
        grown("http_server_request_duration_seconds_count", &labels)
    };
    assert_eq!((answered("201"), answered("422")), (1.0, 1.0));
    let create = [("command", "create"), ("outcome", "done")];
    assert_eq!(grown("broadsheet_publish_commands_total", &create), 1.0);
    assert_eq!(grown("broadsheet_publish_commands_total", &[("command", "judge"), ("outcome", "done")]), 1.0);
    for worker in ["feed", "search", "email", "moderation", "analytics"] {
        let done = grown("broadsheet_worker_endings_total", &[("worker", worker), ("ending", "done")]);
        assert!(done >= 1.0, "{worker}: {done}");
        let destination = [("messaging_system", "broadsheet"), ("messaging_destination_name", worker)];
        let outcome = [destination.as_slice(), &[("outcome", "done")]].concat();
        assert_eq!(grown("messaging_client_consumed_messages_total", &outcome), done, "{worker}");
        assert!(grown("messaging_process_duration_seconds_count", &destination) >= done, "{worker}");
        assert_eq!(grown("broadsheet_worker_end_to_end_seconds_count", &[("worker", worker)]), done, "{worker}");
        assert_eq!(after.value("broadsheet_worker_state", &[("worker", worker), ("state", "running")]), 1.0);
        assert_eq!(after.value("broadsheet_worker_state", &[("worker", worker)]), 1.0, "one state at a time");
        assert_eq!(after.value("broadsheet_worker_lag_events", &[("worker", worker)]), 0.0);
        assert_eq!(after.value("broadsheet_worker_mailbox_capacity", &[("worker", worker)]), 64.0);
        assert_eq!(after.value("broadsheet_worker_failures_total", &[("worker", worker)]), 0.0);
    }
    assert_eq!(grown("broadsheet_mail_sent_total", &[("outcome", "sent")]), 1.0, "bob's copy");
    let verdict = [("decision", "approve"), ("model", "rules")];
    assert_eq!(grown("broadsheet_moderation_verdicts_total", &verdict), 1.0);
    assert_eq!(grown("broadsheet_moderation_duration_seconds_count", &[("outcome", "judged")]), 1.0);
    assert!(!after.families.keys().any(|name| name.starts_with("gen_ai_")), "rules are no model");
    assert_eq!(after.value("http_server_active_requests", &[]), 0.0);
    assert_eq!(after.value("broadsheet_publish_queue_capacity", &[]), 1_024.0);
    assert_eq!(after.value("broadsheet_build_info", &[("version", env!("CARGO_PKG_VERSION"))]), 1.0);
}

#[actix_web::test]
async fn dead_letters_and_what_waits_show_and_those_that_go_soon_are_counted_apart() {
    let plan = Plan::default();
    let (app, client) = measured(|_| {}, plan.registry()).await;
    app.expect_exceptions();
    let mut ada = app.person("ada").await;
    let quiet = sampled(&app, &client).await;
    assert_eq!(quiet.value("broadsheet_dead_letters", &[("worker", "feed")]), 0.0);
    assert_eq!(quiet.value("broadsheet_deliveries", &[("worker", "email"), ("state", "held")]), 0.0);
    assert_eq!(quiet.value("broadsheet_ready", &[]), 1.0);

    plan.of("feed").always(Fault::Fail);
    let doubtful = ada.publish_with(serde_json::json!({"body": doubtful(), "notify": true})).await;
    for _ in 0..10 {
        app.pass(Duration::from_secs(100)).await;
    }
    let figures = sampled(&app, &client).await;
    let feed = |name: &str, labels: &[(&str, &str)]| figures.value(name, &[&[("worker", "feed")], labels].concat());
    assert_eq!(feed("broadsheet_dead_letters", &[]), 1.0);
    assert_eq!(feed("broadsheet_dead_letters_expiring", &[]), 0.0);
    assert_eq!(feed("broadsheet_worker_failures_total", &[("class", "error")]), 5.0);
    let ended = |ending| feed("broadsheet_worker_endings_total", &[("ending", ending)]);
    assert_eq!(ended("failed") + ended("dead"), 5.0);
    let held = [("worker", "email"), ("state", "held")];
    assert_eq!(figures.value("broadsheet_deliveries", &held), 1.0);
    let published: broadsheet::domain::Timestamp = doubtful["created_at"].as_str().unwrap().parse().unwrap();
    let oldest = figures.value("broadsheet_delivery_oldest_timestamp_seconds", &held);
    assert!((oldest - published.as_millis() as f64 / 1_000.0).abs() < 0.002, "{oldest}");

    app.clock.advance(Duration::from_secs(12 * 24 * 60 * 60 + 60));
    ada.sign_in().await;
    let later = sampled(&app, &client).await;
    assert_eq!(later.value("broadsheet_dead_letters_expiring", &[("worker", "feed")]), 1.0);
    assert_eq!(later.value("broadsheet_dead_letters_expiring", &[]), 1.0, "nobody else's");
}

#[actix_web::test]
async fn labels_tell_nothing_about_posts_and_people_and_clients_cannot_make_series() {
    let (app, client) = measured(|_| {}, workers::standard()).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    let post = ada.publish("A telling title").await;
    app.settle().await;
    let mut last = 0;
    for round in 0..3 {
        for number in 0..20 {
            ada.get(&path(&post)).await.expect(200);
            ada.get(&format!("/nothing/{round}/{number}")).await.expect(404);
            ada.get(&format!("/v1/authors/nobody{round}x{number}")).await.expect(404);
            ada.get(&format!("/v1/search?q=word{round}x{number}")).await.expect(200);
            let invented = Method::from_bytes(format!("M{round}X{number}").as_bytes()).unwrap();
            send(ada.request(invented, "/v1/me")).await.expect(405);
        }
        let figures = sampled(&app, &client).await;
        let series = figures.samples.len();
        assert!(round == 0 || series == last, "{last} series became {series}");
        assert!(series < 2_000, "{series} series");
        last = series;
    }
    let answer = client.get("/metrics").await.text;
    for secret in ["ada", "bob", "nobody", "example.com", "telling", "/nothing", post["id"].as_str().unwrap(), "M0X"] {
        let told = answer.lines().filter(|line| !line.starts_with('#')).find(|line| line.contains(secret));
        assert_eq!(told, None, "{secret}");
    }
    let figures = Exposition::parse(&answer);
    let count = "http_server_request_duration_seconds_count";
    assert_eq!(figures.value(count, &[("http_route", "/v1/posts/{id}"), ("http_request_method", "GET")]), 60.0);
    assert_eq!(figures.value(count, &[("http_route", "unmatched"), ("http_request_method", "GET")]), 60.0);
    assert_eq!(figures.value(count, &[("http_route", "/v1/me"), ("http_request_method", "_OTHER")]), 60.0);
}

#[actix_web::test]
async fn the_listener_for_metrics_serves_nothing_else_and_the_other_one_no_metrics() {
    let (app, client) = measured(|_| {}, workers::standard()).await;
    for elsewhere in ["/", "/metrics/", "/healthz", "/v1/posts", "/openapi.json", "/docs/", "/debug/pprof", "/%ff"] {
        client.get(elsewhere).await.expect_problem(404, "not_found");
    }
    let refused = client.post("/metrics", &serde_json::json!({})).await;
    assert_eq!(refused.header("allow"), "HEAD, GET");
    refused.expect_problem(405, "method_not_allowed");
    app.client.get("/metrics").await.expect_problem(404, "not_found");
    assert_eq!(TestApp::spawn().await.app.metrics_address, None, "it is off by default");
    app.app.drain().await;
    assert!(client.request(Method::GET, "/metrics").send().await.is_err(), "it serves after the drain");
}

#[test]
fn a_port_for_metrics_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let output = finished(broadsheet(folder.path()).arg("serve").env("BROADSHEET__METRICS__LISTEN", &address));
    expect_line(&output, 1, &[&address, "metrics.listen"]);
    assert!(!folder.path().join("data").exists(), "it has opened a database for nothing");
}
