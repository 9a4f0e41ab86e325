//! Power cuts: what the server has acknowledged was synced to disk before, not only handed to the system.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use rand::{SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};

use super::number;
use crate::support::{Machine, Person, Process, until};

#[actix_web::test]
async fn power_cuts_lose_nothing_acknowledged() {
    let cuts = number("TORTURE_POWER").unwrap_or(3);
    let seed = number("TORTURE_SEED").unwrap_or_else(rand::random);
    println!("torture: {cuts} power cuts, TORTURE_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(folder.path());
    let variables =
        [("IDENTITY__ISSUER", "http://issuer.test"), ("IDENTITY__ACCESS_TOKEN_TTL", "1d"), ("LOG__LEVEL", "warn")];
    let mut process = Process::start_on(&machine, &variables).await;
    let (mut ada, mut bob) = (process.person("ada").await, process.person("bob").await);
    bob.follow(&ada).await;
    let mut posts: Vec<Value> = Vec::new();
    for cut in 0..cuts {
        let is_over = AtomicBool::new(false);
        let writers = futures_util::future::join_all((0..6).map(|writer| write(&ada, cut, writer, &is_over)));
        let end = async {
            tokio::time::sleep(Duration::from_millis(500 + 400 * cut % 1_000)).await;
            is_over.store(true, Ordering::Relaxed);
            process.kill();
        };
        let (acknowledged, ()) = futures_util::future::join(writers, end).await;
        let acknowledged: Vec<Value> = acknowledged.into_iter().flatten().collect();
        assert!(!acknowledged.is_empty(), "no load");
        posts.extend(acknowledged);
        machine.cut_power(&mut random);
        process = Process::start_on(&machine, &variables).await;
        (ada, bob) = (on(&process, &ada), on(&process, &bob));
        for post in &posts {
            check(&ada, post).await;
        }
    }
    println!("{} posts", posts.len());
    // What was not acknowledged may be there, too; then it is there for everybody.
    let listed = ada.all("/v1/posts?author=ada").await;
    assert!(listed.len() >= posts.len());
    until("the counters agree", async || ada.get("/v1/me/stats").await.expect(200).json()["posts"] == listed.len())
        .await;
    assert_eq!(bob.all("/v1/feed").await, listed);
    for post in &posts {
        let word = post["title"].as_str().unwrap();
        assert_eq!(ada.titles(&format!("/v1/search?q={word}")).await, [word]);
        until("it is mailed", async || has_mail(&process.mail_folder(), word)).await;
    }
    assert!(process.terminate().await.0.success());
}

/// Publishes until the server is gone; answers what it acknowledged.
async fn write(author: &Person, cut: u64, writer: usize, is_over: &AtomicBool) -> Vec<Value> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let title = format!("zqx{cut}x{writer}x{number}x");
        let body = json!({"title": title, "body": "A few words.", "tags": ["power"]});
        let sent = author.request(Method::POST, "/v1/posts").json(&body).send().await;
        let Ok(answer) = sent else { break };
        assert_eq!(answer.status(), 201);
        match answer.json().await {
            Ok(post) => acknowledged.push(post),
            Err(_) => break,
        }
    }
    assert!(is_over.load(Ordering::Relaxed), "the server went away by itself");
    acknowledged
}

/// The post is as it was acknowledged, and its consequences come.
async fn check(author: &Person, post: &Value) {
    let kept = author.get(&format!("/v1/posts/{}", post["id"].as_str().unwrap())).await.expect(200).json();
    assert_eq!((&kept["title"], &kept["body"]), (&post["title"], &post["body"]));
    until("its deliveries are done", async || author.receipt(post).await.iter().all(|line| line.ends_with(": done")))
        .await;
}

fn on(process: &Process, person: &Person) -> Person {
    Person { client: process.client.clone(), ..person.clone() }
}

fn has_mail(folder: &Path, word: &str) -> bool {
    crate::support::mails_in(folder).iter().any(|mail| mail.contains(word))
}
