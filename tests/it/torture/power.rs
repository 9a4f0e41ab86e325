//! Power cuts: what the server has acknowledged was synced to disk before, not only handed to the system.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::{
    load::{Load, VARIABLES, on},
    number,
};
use crate::support::{Calls, Machine, Process, Trouble, until};

#[actix_web::test]
async fn power_cuts_lose_nothing_acknowledged() {
    let cuts: u64 = number("TORTURE_POWER").unwrap_or(3);
    let seed = number("TORTURE_SEED").unwrap_or_else(rand::random);
    println!("torture: {cuts} power cuts, TORTURE_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(folder.path());
    let mut process = Process::start_on(&machine, &VARIABLES).await;
    let (mut ada, mut bob) = (process.person("ada").await, process.person("bob").await);
    bob.follow(&ada).await;
    let mut load = Load::default();
    for cut in 0..cuts {
        let (before, is_over) = (load.posts.len(), AtomicBool::new(false));
        let name = format!("p{cut}");
        let duration = Duration::from_millis(random.random_range(100..900));
        let end = async {
            tokio::time::sleep(duration).await;
            process.kill();
        };
        futures_util::future::join(load.publish(&ada, &name, &is_over), end).await;
        assert!(!is_over.load(Ordering::Relaxed) && load.posts.len() > before, "no load");
        machine.cut_power(&mut random);
        process = Process::start_on(&machine, &VARIABLES).await;
        (ada, bob) = (on(&process, &ada), on(&process, &bob));
        for post in load.posts.values() {
            let kept = ada.get(&format!("/v1/posts/{}", post["id"].as_str().unwrap())).await.expect(200).json();
            assert_eq!(kept["title"], post["title"]);
        }
        load.insist(&ada).await;
        if cut % 20 == 19 || cut + 1 == cuts {
            load.verify(&process, &ada, &bob).await;
        }
    }
    println!("{cuts} power cuts: {} posts, none lost, none twice", load.posts.len());
    assert!(process.terminate().await.0.success());
}

/// An edit can be read before it is on disk; the search index, which has files of its own, must not keep what the database then loses.
#[actix_web::test]
async fn search_keeps_no_edit_that_a_power_cut_took_from_the_database() {
    let mut random = StdRng::seed_from_u64(7);
    // No verdict follows, which would make the search worker read the post again.
    let variables = [&VARIABLES[..], &[("WORKERS__RUN", "search")]].concat();
    for _ in 0..number("TORTURE_POWER").unwrap_or(2) {
        let folder = tempfile::tempdir().unwrap();
        let machine = Machine::new(folder.path());
        machine.only("/db/");
        let process = Process::start_on(&machine, &variables).await;
        let ada = process.person("ada").await;
        let post = ada.publish("Before").await;
        let path = format!("/v1/posts/{}", post["id"].as_str().unwrap());
        machine.disturb(Calls::Sync, Trouble::Slow(Duration::from_millis(1_500)));
        let later = |millis, request: RequestBuilder| async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            drop(request.send().await);
        };
        let new = |title: &str| ada.request(Method::POST, "/v1/posts").json(&json!({"title": title, "body": "Text."}));
        let edit = |title: &str| ada.request(Method::PATCH, &path).json(&json!({"title": title}));
        // While the first group is synced, a second one gathers: other posts, which keep the search worker busy, then the first edit.
        // As soon as that is on disk the worker begins, and the second edit can be read, a sync before it is on disk.
        let mut requests = vec![later(0, new("First group"))];
        requests.extend((0..40).map(|number| later(100, new(&format!("Second group {number}")))));
        requests.push(later(300, edit("zqxkept")));
        let shows = async |title: &str| ada.get(&path).await.json()["title"] == title;
        let second_edit = async {
            until("the first edit can be read", async || shows("zqxkept").await).await;
            drop(edit("zqxlost").send().await);
        };
        let end = async {
            until("the second edit can be read", async || shows("zqxlost").await).await;
            tokio::time::sleep(Duration::from_millis(1_200)).await;
            process.kill();
        };
        let requests = futures_util::future::join_all(requests);
        futures_util::future::join3(requests, second_edit, end).await;
        machine.cut_power(&mut random);
        machine.disturb(Calls::Sync, None);
        let process = Process::start_on(&machine, &variables).await;
        let ada = on(&process, &ada);
        let title = ada.get(&path).await.expect(200).json()["title"].as_str().unwrap().to_owned();
        let found = async |text: &str| ada.titles(&format!("/v1/search?q={text}")).await;
        until("search has the post as it is", async || found(&title).await == [title.clone()]).await;
        for other in ["zqxkept", "zqxlost"].into_iter().filter(|other| *other != title) {
            assert_eq!(found(other).await, [""; 0], "the post is called {title}");
        }
        assert!(process.terminate().await.0.success());
    }
}

/// The harness sees what is lost: this is what the manual says of a database that is not synced.
#[actix_web::test]
async fn without_sync_a_power_cut_takes_what_was_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(folder.path());
    let url = format!("rocksdb://{}?sync=never", folder.path().join("data/db").display());
    let variables = [&VARIABLES[..], &[("DATABASE__URL", url.as_str())]].concat();
    let process = Process::start_on(&machine, &variables).await;
    let ada = process.person("ada").await;
    let post = ada.publish("Accepted").await;
    process.kill();
    machine.cut_power(&mut StdRng::seed_from_u64(3));
    let process = Process::start_on(&machine, &variables).await;
    assert_ne!(on(&process, &ada).get(&format!("/v1/posts/{}", post["id"].as_str().unwrap())).await.status, 200);
}
