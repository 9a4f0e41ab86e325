//! Thousands of posts that one worker cannot deal with: all of them become dead letters that say why, nothing else suffers, and an operator
//! gets rid of them.

use std::{
    collections::BTreeSet,
    fs,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::{
    number,
    poison::{MENDED, Server},
};
use crate::support::Person;

#[actix_web::test]
async fn thousands_of_poison_posts_become_dead_letters_and_nothing_else_suffers() {
    let poisons: usize = number("TORTURE_POISONS").unwrap_or(200);
    let folder = tempfile::tempdir().unwrap();
    let (server, client) = Server::start(folder.path()).await;
    let ada = Person::sign_up(&client, &folder.path().join("mail"), "ada").await;
    let healthy = poisons / 10;
    let before = memory_mib(server.id());
    let began = Instant::now();
    let posts = publish(&ada, poisons, healthy).await;
    let published = began.elapsed();

    // Everybody else is through long before the last one is buried.
    for post in posts.iter().filter(|post| post["tags"] == json!(["sound"])) {
        patiently("the healthy are done", async || done(&ada, post).await).await;
    }
    patiently("all are dead", async || {
        causes(&ada).await.iter().map(|cause| &cause["count"]).eq([poisons / 2; 2].iter())
    })
    .await;
    patiently("nothing waits", async || waiting(&ada).await == 0).await;
    let buried = began.elapsed();
    let causes = causes(&ada).await;
    let texts: BTreeSet<&str> = causes.iter().map(|cause| cause["message"].as_str().unwrap()).collect();
    assert_eq!(texts.len(), 2, "{causes:?}");
    let letters = letters(&ada).await;
    let ids: BTreeSet<&str> = letters.iter().map(|letter| letter["id"].as_str().unwrap()).collect();
    assert_eq!((letters.len(), ids.len()), (poisons, poisons));
    assert!(letters.iter().all(|letter| letter["worker"] == "brittle" && letter["receives"] == 5));
    let workers = ada.get("/v1/admin/workers").await.expect(200).json();
    for worker in workers["items"].as_array().unwrap() {
        let waiting = &worker["waiting"];
        assert!(worker["state"] == "running" && worker["restarts"] == 0, "{worker}");
        assert_eq!(
            (&worker["lag"], &waiting["ready"], &waiting["leased"]),
            (&json!(0), &json!(0), &json!(0)),
            "{worker}"
        );
    }
    assert_eq!(ada.get("/v1/me/stats").await.expect(200).json()["posts"], posts.len());
    let after = memory_mib(server.id());

    // One cause is mended and tried again, the other is given up.
    fs::write(folder.path().join(MENDED), "").unwrap();
    let began = Instant::now();
    let redriven = carried_out(&ada, "redrive", json!({"cause": causes[0]["cause"], "rate": 500})).await;
    let discarded = carried_out(&ada, "discard", json!({"all": true, "rate": 500})).await;
    assert_eq!((&redriven["done"], &discarded["done"]), (&json!(poisons / 2), &json!(poisons / 2)));
    patiently("the redriven are done", async || waiting(&ada).await == 0).await;
    let states = stream::iter(&posts).filter(|post| done(&ada, post));
    assert_eq!(states.count().await, healthy + poisons / 2);
    assert!(self::letters(&ada).await.is_empty());
    println!(
        "{poisons} poison posts and {healthy} others: published in {published:.1?}, all buried after {buried:.1?}, cleared in {:.1?}; \
         memory {before} MiB before, {after} MiB after, {} MiB at most",
        began.elapsed(),
        peak_mib(server.id())
    );
    assert!(peak_mib(server.id()) < before + 700, "memory grows with the dead");
}

/// Waits, however many there are.
async fn patiently(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(1_200);
    while !holds().await {
        assert!(Instant::now() < end, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// How many deliveries of the worker in question are not through.
async fn waiting(admin: &Person) -> u64 {
    let workers = admin.get("/v1/admin/workers").await.expect(200).json();
    let worker = workers["items"].as_array().unwrap().iter().find(|worker| worker["name"] == "brittle").unwrap();
    ["ready", "leased"].iter().map(|state| worker["waiting"][state].as_u64().unwrap()).sum()
}

/// Publishes poison of two kinds, and others in between.
async fn publish(author: &Person, poisons: usize, healthy: usize) -> Vec<Value> {
    let posts = (0..poisons + healthy).map(async |number| {
        let tag = match number {
            _ if number % 11 == 10 => "sound",
            _ if number % 11 % 2 == 0 => "broken",
            _ => "bent",
        };
        let body =
            json!({"title": format!("Number {number}"), "body": format!("It is number {number}."), "tags": [tag]});
        author.post("/v1/posts", &body).await.expect(201).json()
    });
    stream::iter(posts).buffer_unordered(32).collect().await
}

async fn done(author: &Person, post: &Value) -> bool {
    author.receipt(post).await.iter().all(|line| line.ends_with(": done"))
}

async fn causes(admin: &Person) -> Vec<Value> {
    let page = admin.get("/v1/admin/dead-letters/causes").await.expect(200).json();
    page["items"].as_array().unwrap().clone()
}

async fn letters(admin: &Person) -> Vec<Value> {
    super::verify::all(admin, "/v1/admin/dead-letters?limit=100").await
}

/// Orders something of an operator's and waits until it is done.
async fn carried_out(admin: &Person, kind: &str, body: Value) -> Value {
    let ordered = admin.post(&format!("/v1/admin/dead-letters/{kind}"), &body).await.expect(202).json();
    let path = format!("/v1/admin/jobs/{}", ordered["id"].as_str().unwrap());
    patiently("the job ends", async || admin.get(&path).await.expect(200).json()["state"] != "running").await;
    let ended = admin.get(&path).await.expect(200).json();
    assert_eq!(ended["state"], "done", "{ended}");
    ended
}

fn memory_mib(process: u32) -> u64 {
    status_mib(process, "VmRSS:")
}

fn peak_mib(process: u32) -> u64 {
    status_mib(process, "VmHWM:")
}

fn status_mib(process: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1_024
}
