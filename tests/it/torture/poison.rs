//! A delivery that kills the process: it runs out of receives although nobody lives to count them, and the rest goes on.
//!
//! The server is this test program itself, started again: only so can a worker be planted that no release carries.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use broadsheet::{
    actors::{
        worker::{Delivery, Error, Interest, Outcome, Worker},
        workers::{Registry, standard},
    },
    app::{App, work_runtime},
    clock::SystemClock,
    config::{Config, WorkerSettings},
    domain::EventKind,
};
use serde_json::json;

use crate::support::{Person, client::Client, until};

/// With this file in its folder the worker has learned to do what it could not.
pub(super) const MENDED: &str = "mended";
const FOLDER: &str = "BROADSHEET_POISON_FOLDER";
/// Two lives until the takeover notices that nothing moves, five receives, and one life that buries.
const LIVES: usize = 12;

/// Dies of posts with one tag, and cannot do those with two others until it is mended.
struct Brittle {
    folder: PathBuf,
}

impl Worker for Brittle {
    const NAME: &'static str = "brittle";

    fn interest(event: &EventKind) -> Interest {
        Interest::handle_if(matches!(event, EventKind::PostPublished { .. }))
    }

    async fn perform(&self, delivery: &Delivery) -> Result<Outcome, Error> {
        let EventKind::PostPublished { change, post, .. } = &delivery.event.kind else { return Ok(Outcome::done()) };
        let has = |name: &str| change.tags_added.iter().any(|tag| tag.as_str() == name);
        if has("poison") {
            std::process::abort();
        }
        let failed = |what: &str| Err(Error::Fault(format!("{what} {post}")));
        match self.folder.join(MENDED).exists() {
            false if has("broken") => failed("cannot lift"),
            false if has("bent") => failed("cannot carry"),
            _ => Ok(Outcome::done()),
        }
    }
}

fn registry(folder: &Path) -> Registry {
    let folder = folder.to_owned();
    standard().with(|_| Brittle { folder })
}

/// The server in the other process; does nothing when nobody asks for it.
#[actix_web::test]
async fn a_server_when_it_is_asked_for() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let mut config = Config { data_dir: folder.clone(), ..Config::default() };
    config.http.listen = "127.0.0.1:0".parse().unwrap();
    config.http.workers = 1;
    config.rate_limit.enabled = false;
    config.identity.issuer = "http://issuer.test".to_owned();
    config.identity.bootstrap_admin_email = "ada@example.com".into();
    config.identity.argon2_memory_kib = 64;
    config.identity.argon2_iterations = 1;
    config.search.writer_memory = "15MiB".parse().unwrap();
    let hasty = WorkerSettings { backoff: Duration::from_millis(50).into(), ..WorkerSettings::default() };
    config.workers.named.insert(Brittle::NAME.to_owned(), hasty);
    let runtime = work_runtime().unwrap();
    let app = App::build_with(config, Arc::new(SystemClock), &runtime, registry(&folder)).await.unwrap();
    std::fs::write(folder.join("address.new"), app.address.to_string()).unwrap();
    std::fs::rename(folder.join("address.new"), folder.join("address")).unwrap();
    app.run_until(std::future::pending()).await.unwrap();
}

/// The other process. Dropping it kills it.
pub(super) struct Server(Child);

impl Server {
    pub(super) async fn start(folder: &Path) -> (Self, Client) {
        let _ = std::fs::remove_file(folder.join("address"));
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "torture::poison::a_server_when_it_is_asked_for"])
            .env(FOLDER, folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self(child);
        until("it listens", async || server.is_dead() || folder.join("address").exists()).await;
        let address = std::fs::read_to_string(folder.join("address")).unwrap_or_else(|_| "127.0.0.1:1".to_owned());
        (server, Client::new(address.parse().unwrap()))
    }

    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }

    fn is_dead(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[actix_web::test]
async fn a_poison_that_kills_the_process_becomes_a_dead_letter_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (mut server, client) = Server::start(folder.path()).await;
    let ada = Person::sign_up(&client, &folder.path().join("mail"), "ada").await;
    let mut posts = vec![ada.publish("Before").await];
    let poison = json!({"title": "Poison", "body": "A few words.", "tags": ["poison"]});
    // It may kill faster than the server answers.
    drop(ada.request(reqwest::Method::POST, "/v1/posts").json(&poison).send().await);
    let mut lives = 1;
    until("it has died of the poison", async || server.is_dead()).await;
    let ada = loop {
        assert!(lives < LIVES, "the poison kills for ever");
        let (next, client) = Server::start(folder.path()).await;
        server = next;
        lives += 1;
        let ada = Person { client, ..ada.clone() };
        if survives(&mut server).await {
            break ada;
        }
    };
    let mine = ada.get("/v1/posts?author=ada").await.expect(200).json();
    let poison = mine["items"].as_array().unwrap().iter().find(|post| post["title"] == "Poison").unwrap();
    posts.push(ada.publish("After").await);
    until("it is a dead letter", async || ada.receipt(poison).await.contains(&"brittle: dead".to_owned())).await;
    let letters = ada.get("/v1/admin/dead-letters").await.expect(200).json();
    let letter = &letters["items"][0];
    assert_eq!((&letter["worker"], &letter["class"]), (&json!("brittle"), &json!("lost")), "{letters}");
    assert_eq!(letters["items"].as_array().unwrap().len(), 1, "{letters}");
    for post in &posts {
        until("the rest is done", async || ada.receipt(post).await.iter().all(|line| line.ends_with(": done"))).await;
    }
    assert!(lives > 5, "{lives} lives: five receives were to be spent");
}

/// Whether a server is still there after a few seconds: a poison kills within the first.
async fn survives(server: &mut Server) -> bool {
    for _ in 0..30 {
        if server.is_dead() {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    true
}
