//! A redrive that is cut off in the middle goes on in the next life, and moves every letter once.

use std::sync::Arc;

use broadsheet::config::Config;
use serde_json::{Value, json};

use super::{deadly, ended, job, letters, order};
use crate::support::{Fault, Person, Plan, Process, TestApp, until};

const POSTS: u64 = 40;

fn on_disk(config: &mut Config) {
    deadly(config);
    config.database.url = String::new();
}

/// A folder with dead letters of the worker whose effects would show if one were done twice, an admin and the author.
async fn graveyard() -> (Arc<tempfile::TempDir>, Person, Person) {
    let plan = Plan::default();
    let app = TestApp::spawn_in(Arc::new(tempfile::tempdir().unwrap()), on_disk, plan.registry()).await;
    let (root, ada) = (app.person("rosa").await, app.person("ada").await);
    plan.of("analytics").always(Fault::Fail);
    for number in 0..POSTS {
        ada.publish(&format!("Post {number}")).await;
    }
    app.settle().await;
    assert_eq!(letters(&root).await.len(), 40);
    (app.stop().await, root, ada)
}

async fn posts_counted(ada: &Person) -> Value {
    ada.get("/v1/me/stats").await.expect(200).json()["posts"].clone()
}

#[actix_web::test]
async fn kill_9_in_the_middle_of_a_redrive_loses_and_doubles_nothing() {
    let (folder, root, ada) = graveyard().await;
    let data = folder.path().to_str().unwrap();
    let variables = [("DATA_DIR", data)];
    let process = Process::start(folder.path(), &variables).await;
    let root = process.again(&root).await;
    let id = order(&root, "redrive", json!({"all": true, "rate": 20})).await["id"].clone();
    until("it has begun", async || job(&root, &id).await["done"].as_u64().unwrap() >= 3).await;
    process.kill();
    let process = Process::start(folder.path(), &variables).await;
    let (root, ada) = (process.again(&root).await, process.again(&ada).await);
    let ended = ended(&root, &id).await;
    assert_eq!(
        (&ended["state"], &ended["done"], &ended["skipped"]),
        (&json!("done"), &json!(POSTS), &json!(0)),
        "{ended}"
    );
    assert!(letters(&root).await.is_empty());
    until("all are counted", async || posts_counted(&ada).await == POSTS).await;
    assert!(process.terminate().await.0.success());
    let process = Process::start(folder.path(), &variables).await;
    let ada = process.again(&ada).await;
    assert_eq!(posts_counted(&ada).await, POSTS, "nothing was left to be counted twice");
}

#[actix_web::test]
async fn a_redrive_goes_on_after_an_orderly_restart() {
    let (folder, mut root, ada) = graveyard().await;
    let app = TestApp::spawn_in(folder, on_disk, Plan::default().registry()).await;
    root.client = app.client.clone();
    let id = order(&root, "redrive", json!({"worker": "analytics", "rate": 10})).await["id"].clone();
    until("it has begun", async || job(&root, &id).await["done"].as_u64().unwrap() > 0).await;
    let app = TestApp::spawn_in(app.stop().await, on_disk, Plan::default().registry()).await;
    root.client = app.client.clone();
    assert_eq!(ended(&root, &id).await["done"], POSTS);
    let ada = Person { client: app.client.clone(), ..ada };
    until("all are counted", async || posts_counted(&ada).await == POSTS).await;
    app.settle().await;
    assert_eq!(posts_counted(&ada).await, POSTS);
}
