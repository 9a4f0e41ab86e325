//! The database's memory and files: what is allowed it, what damages it, and what brings it back.

mod backup;
mod check;
mod damage;
mod memory;
mod roads;

use std::{
    path::{Path, PathBuf},
    process::Output,
};

use broadsheet::app::work_runtime;
use serde_json::{Value, json};

use crate::support::{Person, Process, broadsheet, finished, until};

/// A body of so many bytes that does not shrink when it is packed.
fn long_text(bytes: usize) -> String {
    let word = || format!("{:x} ", rand::random::<u64>());
    std::iter::repeat_with(word).flat_map(|word| word.into_bytes()).take(bytes).map(char::from).collect()
}

/// Publishes a post that is too long to stand beside its key.
async fn publish_long(author: &Person, title: &str) -> Value {
    let body = json!({"title": title, "body": long_text(20_000), "tags": ["test"]});
    author.post("/v1/posts", &body).await.expect(201).json()
}

/// Waits until every worker is through with a post.
async fn settled(author: &Person, post: &Value) {
    until("its deliveries are done", async || author.receipt(post).await.iter().all(|line| line.ends_with(": done")))
        .await;
}

/// Runs a command on the data folder in `folder`.
async fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = broadsheet(folder);
    command.args(arguments);
    tokio::task::spawn_blocking(move || finished(&mut command)).await.unwrap()
}

/// What a command printed; fails unless it ends with this code.
#[track_caller]
fn printed(output: &Output, code: i32) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(code), "{printed}{said}");
    printed
}

/// Two people who follow each other, some posts, and a server that has ended after all was settled.
async fn newsroom(folder: &Path) -> Vec<Value> {
    let process = Process::start(folder, &[]).await;
    let (ada, bob) = (process.person("ada").await, process.person("bob").await);
    ada.follow(&bob).await;
    bob.follow(&ada).await;
    let mut posts = Vec::new();
    for title in ["One", "Two", "Three"] {
        posts.push(ada.publish(title).await);
    }
    posts.push(bob.publish("Four").await);
    settled(&ada, &posts[2]).await;
    settled(&bob, &posts[3]).await;
    assert!(process.terminate().await.0.success());
    posts
}

/// Changes the database of a server that has ended, as nothing of ours does.
async fn tamper(folder: &Path, statements: &str) {
    let url = format!("rocksdb://{}", database(folder).display());
    let statements = statements.to_owned();
    let runtime = work_runtime().unwrap();
    let tampering = runtime.spawn(async move {
        let database = surrealdb::engine::any::connect(url).await.unwrap();
        database.use_ns("broadsheet").use_db("broadsheet").await.unwrap();
        database.query(statements).await.unwrap().check().unwrap();
    });
    tampering.await.unwrap();
    // SurrealDB closes the folder behind our back.
    until("the folder is closed", async || {
        let output = run(folder, &["check"]).await;
        !String::from_utf8_lossy(&output.stderr).contains("in use by another process")
    })
    .await;
    runtime.shutdown_background();
}

fn database(folder: &Path) -> PathBuf {
    folder.join("data/db")
}

/// The files of the database with this ending, by age.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(database(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|own| own == ending)).collect();
    files.sort();
    files
}

/// Turns one byte of a file around.
fn damage(file: &Path, at: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 0xff;
    std::fs::write(file, bytes).unwrap();
}
