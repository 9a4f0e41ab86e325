//! What operators do: look at workers, watch them, pause them. Here: what these tests share.

mod socket;
mod watch;
mod workers;

use broadsheet::{actors::workers::Registry, config::Config};
use serde_json::Value;

use crate::support::{Person, TestApp};

/// Makes whoever signs up as `boss` an admin.
fn with_boss(config: &mut Config) {
    config.identity.bootstrap_admin_email = "boss@example.com".into();
}

/// A server with these workers, and its admin.
async fn desk(registry: Registry) -> (TestApp, Person) {
    let app = TestApp::spawn_with(with_boss, registry).await;
    let boss = app.person("boss").await;
    (app, boss)
}

/// What the server shows of one worker.
async fn worker(boss: &Person, name: &str) -> Value {
    let workers = boss.get("/v1/admin/workers").await.expect(200).json();
    workers["items"].as_array().unwrap().iter().find(|worker| worker["name"] == name).unwrap().clone()
}

/// What the server shows of everything.
async fn overview(boss: &Person) -> Value {
    boss.get("/v1/admin/overview").await.expect(200).json()
}
