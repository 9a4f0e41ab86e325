//! `serve`: its one line, the conflicts it can meet, and its end under load.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};

use crate::support::{
    Person, Process,
    api::{REJECTED, path},
    broadsheet, expect_line, finished, until,
};

#[actix_web::test]
async fn serving_prints_one_line_and_ends_well_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]).await;
    process.client.get("/healthz").await.expect(200);
    let (ended, printed) = process.terminate().await;
    assert!(ended.success(), "{ended}");
    assert_eq!(printed.len(), 1, "{printed:?}");
}

#[actix_web::test]
async fn a_second_server_on_the_same_folder_says_so_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[("LOG__LEVEL", "info")]).await;
    for subcommand in ["serve", "reindex"] {
        let output = finished(broadsheet(folder.path()).arg(subcommand).env("BROADSHEET__LOG__LEVEL", "warn"));
        expect_line(&output, 1, &["in use by another process"]);
    }
    process.client.get("/readyz").await.expect(200);
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let output = finished(broadsheet(folder.path()).arg("serve").env("BROADSHEET__HTTP__LISTEN", &address));
    expect_line(&output, 1, &[&address, "http.listen"]);
    assert!(!folder.path().join("data").exists(), "it has opened a database for nothing");
}

#[actix_web::test]
async fn sigterm_under_load_loses_no_acknowledged_post() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[("SHUTDOWN__GRACE", "20s")]).await;
    let ada = process.person("ada").await;
    let is_over = AtomicBool::new(false);
    let publishers = futures_util::future::join_all((0..8).map(|publisher| publish_until(&ada, publisher, &is_over)));
    let terminate = async {
        // Under load: a good number of posts are through and more are on their way.
        until("posts come in", async || !ada.titles("/v1/posts?author=ada").await.is_empty()).await;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let ended = process.terminate().await.0;
        is_over.store(true, Ordering::Relaxed);
        ended
    };
    let (ended, acknowledged) = futures_util::future::join(terminate, publishers).await;
    assert!(ended.success(), "{ended}");
    let acknowledged: Vec<Value> = acknowledged.into_iter().flatten().collect();
    assert!(acknowledged.len() > 8, "no load: {}", acknowledged.len());
    let process = Process::start(folder.path(), &[]).await;
    let ada = process.again(&ada).await;
    for post in &acknowledged {
        let id = post["id"].as_str().unwrap();
        let kept = ada.get(&format!("/v1/posts/{id}")).await.expect(200).json();
        assert_eq!(kept["title"], post["title"]);
        until("its deliveries are done", async || ada.receipt(post).await.iter().all(|line| line.ends_with(": done")))
            .await;
    }
    assert!(process.terminate().await.0.success());
}

/// Publishes until the server is gone; answers the posts that it acknowledged.
async fn publish_until(author: &Person, publisher: usize, is_over: &AtomicBool) -> Vec<Value> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let body = json!({"title": format!("Publisher {publisher}, number {number}"), "body": "A few words."});
        let sent = author.request(reqwest::Method::POST, "/v1/posts").json(&body).send().await;
        match sent {
            Ok(answer) if answer.status() == 201 => {
                if let Ok(post) = answer.json().await {
                    acknowledged.push(post);
                }
            }
            Ok(answer) => assert_eq!(answer.status(), 503, "number {number}"),
            Err(_) if is_over.load(Ordering::Relaxed) => break,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
    acknowledged
}

#[actix_web::test]
async fn reindexing_makes_a_lost_index_anew() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]).await;
    let ada = process.person("ada").await;
    for title in ["One whale", "Two whales", "Three gulls"] {
        let post = ada.publish(title).await;
        until("it is indexed", async || ada.receipt(&post).await.contains(&"search: done".to_owned())).await;
    }
    let unfit = ada.publish_with(json!({"title": "Unfit", "body": format!("A whale says {REJECTED}")})).await;
    until("it is rejected", async || ada.get(&path(&unfit)).await.expect(200).json()["moderation"] == "rejected").await;
    assert!(process.terminate().await.0.success());
    std::fs::remove_dir_all(folder.path().join("data/search")).unwrap();
    let output = finished(broadsheet(folder.path()).arg("reindex"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let has = "the search index has 3 posts\n";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), has, "what was rejected has no place in it");
    let process = Process::start(folder.path(), &[]).await;
    let ada = process.again(&ada).await;
    let mut found = ada.titles("/v1/search?q=whale").await;
    found.sort();
    assert_eq!(found, ["One whale", "Two whales"]);
}
