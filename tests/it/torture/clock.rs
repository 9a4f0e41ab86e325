//! The machine's clock jumps both ways while the server runs and between its lives. Nothing is lost, nothing comes twice, and nothing
//! waits for a time that only a wrong clock has shown.

use std::time::Duration;

use serde_json::{Value, json};

use super::load::{Load, VARIABLES, on};
use crate::support::{Calls, Machine, Person, Process, Trouble, until};

const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;

#[actix_web::test]
async fn jumps_of_the_clock_lose_nothing_and_repeat_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(folder.path());
    let mut process = Process::start_on(&machine, &VARIABLES).await;
    let (mut ada, mut bob) = (process.person("ada").await, process.person("bob").await);
    bob.follow(&ada).await;
    let mut load = Load::default();
    let first = json!({"title": "zqxfirstx", "body": "A few words.", "tags": ["torture"]});
    let first = publish(&ada, &first).await;
    load.posts.insert("zqxfirstx".to_owned(), first.clone());
    for (number, ahead) in [15 * DAY, -15 * DAY, HOUR, -2 * HOUR, 0].into_iter().enumerate() {
        let jump = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            machine.set_clock(ahead);
        };
        let name = format!("j{number}");
        futures_util::future::join(load.publish_for(&ada, &name, Duration::from_millis(400)), jump).await;
        // Whatever the clock does to tokens: who knows the password gets in, and the new refresh token is good, too.
        for person in [&mut ada, &mut bob] {
            person.sign_in().await;
            person.get("/v1/me").await.expect(200);
            let body = json!({"refresh_token": person.refresh_token});
            let tokens = person.client.post("/v1/identity/refresh", &body).await.expect(200).json();
            person.token = tokens["access_token"].as_str().unwrap().to_owned();
            person.get("/v1/me").await.expect(200);
        }
        load.insist(&ada).await;
        if number % 2 == 1 {
            // Between two lives, too.
            process.kill();
            machine.set_clock(ahead / 2);
            process = Process::start_on(&machine, &VARIABLES).await;
            (ada, bob) = (process.again(&ada).await, process.again(&bob).await);
        }
        bob.get("/v1/feed?limit=5").await.expect(200);
    }
    load.verify(&process, &ada, &bob).await;
    let again = publish(&ada, &json!({"title": "zqxfirstx", "body": "A few words.", "tags": ["torture"]})).await;
    assert_eq!(again["id"], first["id"], "an idempotency key is still good");
    assert!(process.terminate().await.0.success());
}

async fn publish(author: &Person, body: &Value) -> Value {
    let request = author.request(reqwest::Method::POST, "/v1/posts").header("idempotency-key", "first").json(body);
    crate::support::send(request).await.expect(201).json()
}

#[actix_web::test]
async fn what_a_clock_that_was_ahead_has_put_off_is_done_when_it_is_right_again() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(folder.path());
    machine.only("/mail/");
    let mut process = Process::start_on(&machine, &VARIABLES).await;
    let (mut ada, mut bob) = (process.person("ada").await, process.person("bob").await);
    bob.follow(&ada).await;
    let mut load = Load::default();
    for is_killed in [false, true] {
        machine.set_clock(15 * DAY);
        ada.sign_in().await;
        // No mail can be written: deliveries are put off, and the breaker opens.
        machine.disturb(Calls::Create, Trouble::Fails);
        load.publish_for(&ada, if is_killed { "killed" } else { "running" }, Duration::from_millis(300)).await;
        until("mailings wait", async || waiting(&ada).await > 2).await;
        if is_killed {
            process.kill();
            machine.set_clock(0);
            machine.disturb(Calls::Create, None);
            process = Process::start_on(&machine, &VARIABLES).await;
            (ada, bob) = (on(&process, &ada), on(&process, &bob));
        } else {
            machine.set_clock(0);
            machine.disturb(Calls::Create, None);
        }
        ada.sign_in().await;
        bob.sign_in().await;
        load.insist(&ada).await;
        load.verify(&process, &ada, &bob).await;
    }
    assert!(process.terminate().await.0.success());
}

/// How many mailings wait in the retry queue for their next try.
async fn waiting(admin: &Person) -> u64 {
    let workers = admin.get("/v1/admin/workers").await.expect(200).json();
    let email = workers["items"].as_array().unwrap().iter().find(|worker| worker["name"] == "email").unwrap();
    email["waiting"]["ready"].as_u64().unwrap()
}

#[actix_web::test]
async fn a_log_that_was_opened_under_a_clock_that_was_ahead_is_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(folder.path());
    machine.only("/db/");
    machine.set_clock(DAY);
    let process = Process::start_on(&machine, &VARIABLES).await;
    let (mut ada, mut bob) = (process.person("ada").await, process.person("bob").await);
    bob.follow(&ada).await;
    let mut load = Load::default();
    let trouble = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        // Commits whose outcome nobody knows: the publisher goes on with a log that begins a day before the one it had.
        machine.set_clock(0);
        machine.disturb(Calls::Sync, Trouble::Fails);
        tokio::time::sleep(Duration::from_millis(500)).await;
        machine.disturb(Calls::Sync, None);
        until("it is well again", async || process.client.get("/readyz").await.status == 200).await;
    };
    futures_util::future::join(load.publish_for(&ada, "lost", Duration::from_secs(1)), trouble).await;
    assert!(!load.open.is_empty(), "nothing was refused");
    ada.sign_in().await;
    bob.sign_in().await;
    load.insist(&ada).await;
    load.verify(&process, &ada, &bob).await;
    assert!(process.terminate().await.0.success());
}
