//! The dashboard and the alert rules that are deployed with this server: they ask for nothing that it does not export.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use serde_json::Value;

use super::{exposition::Exposition, models_names, promql, scrape};
use crate::support::{
    Process,
    api::doubtful,
    client::{Client, send},
    until,
};

const DASHBOARD: &str = include_str!("../../../deploy/grafana/broadsheet.json");
const ALERTS: &str = include_str!("../../../deploy/prometheus/alerts.yaml");
/// What Prometheus makes itself.
const PROMETHEUS_OWN: [&str; 1] = ["up"];

fn dashboard() -> Value {
    serde_json::from_str(DASHBOARD).unwrap()
}

/// All alerts.
fn alerts() -> Vec<Value> {
    let file: Value = serde_saphyr::from_str(ALERTS).unwrap();
    let groups = file["groups"].as_array().unwrap();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// Every name that is asked for, with where.
fn asked_for() -> BTreeMap<String, String> {
    let dashboard = dashboard();
    let mut asked = BTreeMap::new();
    let mut ask = |names: BTreeSet<String>, whence: &Value| {
        assert!(!names.is_empty(), "{whence} asks for nothing");
        asked.extend(names.into_iter().map(|name| (name, whence.to_string())));
    };
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            ask(promql::names(target["expr"].as_str().unwrap()), &panel["title"]);
        }
    }
    for annotation in dashboard["annotations"]["list"].as_array().unwrap() {
        ask(promql::names(annotation["expr"].as_str().unwrap()), &annotation["name"]);
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        if let Some(query) = variable["query"]["query"].as_str() {
            ask(promql::names_in_query(query), &variable["name"]);
        }
    }
    for alert in alerts() {
        ask(promql::names(alert["expr"].as_str().unwrap()), &alert["alert"]);
    }
    asked
}

/// Where a server says that it serves metrics.
fn metrics_address(process: &Process) -> SocketAddr {
    let log = process.log();
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let said = lines.rfind(|line| line["message"] == "serving metrics at /metrics").expect("it says where");
    said["address"].as_str().unwrap().parse().unwrap()
}

#[actix_web::test]
async fn the_binary_exports_every_figure_that_the_dashboard_and_the_alerts_ask_for() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[("METRICS__LISTEN", "127.0.0.1:0")]).await;
    let (ada, bob) = (process.person("ada").await, process.person("bob").await);
    bob.follow(&ada).await;
    ada.publish("A first post").await;
    let body = serde_json::json!({"title": "A doubtful one", "body": doubtful()});
    ada.post("/v1/posts", &body).await.expect(201);
    ada.get("/nothing").await.expect(404);
    let client = Client::new(metrics_address(&process));
    // The held mail is in the next sample, ten seconds later at most.
    let oldest = "broadsheet_delivery_oldest_timestamp_seconds";
    until("the held mail shows", async || scrape(&client).await.value_or_zero(oldest, &[("state", "held")]) > 0.0)
        .await;

    let mut exported = scrape(&client).await.names();
    exported.extend(models_names().await);
    let asked = asked_for();
    assert!(asked.len() > 30, "{asked:?}");
    for (name, whence) in asked {
        assert!(exported.contains(&name) || PROMETHEUS_OWN.contains(&name.as_str()), "{whence} asks for {name}");
    }
    let metrics = send(client.request(reqwest::Method::GET, "/metrics")).await.expect(200);
    assert!(process.terminate().await.0.success());
    assert!(Exposition::parse(&metrics.text).families.len() > 30);
    assert!(client.request(reqwest::Method::GET, "/metrics").send().await.is_err(), "it has stopped with its server");
}

#[test]
fn every_alert_says_what_is_wrong_what_to_do_and_where_to_read_on() {
    let mut anchors = BTreeSet::new();
    for alert in alerts() {
        let text =
            |key: &str| alert["annotations"][key].as_str().unwrap_or_else(|| panic!("no {key}: {alert}")).to_owned();
        assert!(!text("summary").is_empty() && text("description").len() > 60, "{alert}");
        let anchor = text("runbook_url").strip_prefix("docs/operations.md#").expect("a chapter").to_owned();
        assert!(anchors.insert(anchor), "a chapter of its own: {alert}");
        assert!(["page", "ticket"].contains(&alert["labels"]["severity"].as_str().unwrap()), "{alert}");
    }
}

#[test]
fn the_dashboard_is_whole() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let rows = panels.iter().filter(|panel| panel["type"] == "row").map(|row| row["title"].as_str().unwrap());
    let rows: Vec<&str> = rows.collect();
    assert_eq!(rows, ["Overview", "HTTP", "Workers", "Dead letters", "Mail", "Moderation", "Process"]);
    let ids: BTreeSet<i64> = panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "an id is there twice");
    let mut taken = BTreeSet::new();
    for panel in panels {
        let place = |key: &str| panel["gridPos"][key].as_i64().unwrap();
        assert!(place("x") + place("w") <= 24, "{panel}");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(taken.insert((x, y)), "two panels in one place: {}", panel["title"]);
            }
        }
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
        }
    }
}
