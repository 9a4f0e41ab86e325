//! `broadsheet backup` and `restore`: under load, offline, cut short, changed, and killed in the middle.

use std::{
    path::Path,
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};

use super::{database, newsroom, printed, publish_long, run};
use crate::support::{Person, Process, broadsheet, expect_line, finished, until};

const ADMIN: [(&str, &str); 1] = [("IDENTITY__BOOTSTRAP_ADMIN_EMAIL", "ada@example.com")];

/// Takes a backup of a running server into `file`.
async fn back_up(process: &Process, admin: &Person, folder: &Path, file: &str) -> std::process::Output {
    let url = format!("http://{}", process.address);
    let mut command = broadsheet(folder);
    command.args(["backup", file, "--url", &url]).env("BROADSHEET_TOKEN", &admin.token);
    tokio::task::spawn_blocking(move || finished(&mut command)).await.unwrap()
}

#[actix_web::test]
async fn a_backup_under_load_holds_everything_acknowledged_before_it_began() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let process = Process::start(folder.path(), &ADMIN).await;
    let (ada, bob) = (process.person("ada").await, process.person("bob").await);
    bob.follow(&ada).await;
    let is_over = AtomicBool::new(false);
    let publishers = futures_util::future::join_all((0..4).map(|publisher| publish_until(&ada, publisher, &is_over)));
    let backup = async {
        until("posts come in", async || ada.titles("/v1/posts?author=ada").await.len() > 10).await;
        let before = publish_long(&ada, "Before the backup").await;
        let file = elsewhere.path().join("backup");
        let output = back_up(&process, &ada, folder.path(), file.to_str().unwrap()).await;
        is_over.store(true, Ordering::Relaxed);
        (before, output)
    };
    let ((before, output), published) = futures_util::future::join(backup, publishers).await;
    let said = printed(&output, 0);
    assert!(said.contains(" rows in ") && said.lines().count() == 1, "{said}");
    let acts = ada.get("/v1/admin/audit").await.expect(200).json();
    assert_eq!(acts["items"][0]["act"], "backup.take");
    assert!(process.terminate().await.0.success());

    let said = printed(&run(elsewhere.path(), &["restore", "backup"]).await, 0);
    assert!(said.starts_with("restored ") && said.contains("mail folder"), "{said}");
    let said = printed(&run(elsewhere.path(), &["check"]).await, 0);
    assert!(said.contains("no problems found: "), "{said}");
    let process = Process::start(elsewhere.path(), &ADMIN).await;
    let ada = process.again(&ada).await;
    let mut posts = vec![before.clone()];
    posts.extend(published.into_iter().flatten().filter(|post| is_older(post, &before)));
    assert!(posts.len() > 10, "no load: {}", posts.len());
    for post in &posts {
        let kept = ada.get(&format!("/v1/posts/{}", post["id"].as_str().unwrap())).await.expect(200).json();
        assert_eq!((&kept["title"], &kept["body"]), (&post["title"], &post["body"]));
        super::settled(&ada, post).await;
    }
    let found = ada.titles("/v1/search?q=Before").await;
    assert_eq!(found, ["Before the backup"], "the index is built anew");
    assert!(process.terminate().await.0.success());
    printed(&run(elsewhere.path(), &["check"]).await, 0);
}

/// Published by the same account earlier: acknowledged before the other was sent.
fn is_older(post: &Value, than: &Value) -> bool {
    post["created_at"].as_str().unwrap() < than["created_at"].as_str().unwrap()
}

async fn publish_until(author: &Person, publisher: usize, is_over: &AtomicBool) -> Vec<Value> {
    let mut published = Vec::new();
    for number in 0.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        published.push(author.publish(&format!("Publisher {publisher}, number {number}")).await);
    }
    published
}

#[actix_web::test]
async fn a_stopped_server_is_backed_up_from_its_folder() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    newsroom(folder.path()).await;
    let data = folder.path().join("data");
    let arguments = ["backup", "backup", "--data-dir", data.to_str().unwrap(), "--json"];
    let said: Value = serde_json::from_str(&printed(&run(elsewhere.path(), &arguments).await, 0)).unwrap();
    assert!(said["rows"].as_u64().unwrap() > 50, "{said}");
    expect_line(&run(elsewhere.path(), &arguments).await, 1, &["backup exists already"]);
    printed(&run(elsewhere.path(), &["restore", "backup"]).await, 0);
    let before = printed(&run(folder.path(), &["check"]).await, 0);
    assert_eq!(printed(&run(elsewhere.path(), &["check"]).await, 0), before, "row for row");
    // Over something there is no restore, and a server that runs is left alone.
    let again = run(elsewhere.path(), &["restore", "backup"]).await;
    expect_line(&again, 1, &["nothing was restored", "is not empty"]);
    let process = Process::start(folder.path(), &[]).await;
    let arguments = ["backup", "other", "--data-dir", data.to_str().unwrap()];
    expect_line(&run(elsewhere.path(), &arguments).await, 1, &["in use by another process"]);
    assert!(!elsewhere.path().join("other").exists() && !elsewhere.path().join("other.part").exists());
    assert!(process.terminate().await.0.success());
}

#[actix_web::test]
async fn what_was_cut_short_or_changed_is_refused_and_changes_nothing() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    newsroom(folder.path()).await;
    let backup = elsewhere.path().join("backup");
    let data = folder.path().join("data");
    let arguments = ["backup", "backup", "--data-dir", data.to_str().unwrap()];
    printed(&run(elsewhere.path(), &arguments).await, 0);
    let bytes = std::fs::read(&backup).unwrap();
    let middle = bytes.len() / 2;
    let mut changed = bytes.clone();
    changed[middle] ^= 1;
    for (bytes, why) in [
        (&bytes[..middle], "cut short"),
        (&bytes[..bytes.len() - 1], "cut short"),
        (&changed[..], "checksum is wrong"),
        (&b"something else"[..], "no backup of Broadsheet"),
    ] {
        std::fs::write(&backup, bytes).unwrap();
        let output = run(elsewhere.path(), &["restore", "backup"]).await;
        expect_line(&output, 1, &["nothing was restored from backup", why]);
        assert!(!elsewhere.path().join("data").exists());
    }
    std::fs::write(&backup, &bytes).unwrap();
    let mut command = broadsheet(elsewhere.path());
    command.args(["restore", "backup"]).env("BROADSHEET__DATABASE__NAMESPACE", "other");
    let output = tokio::task::spawn_blocking(move || finished(&mut command)).await.unwrap();
    expect_line(&output, 1, &["database.namespace = \"broadsheet\""]);
    printed(&run(elsewhere.path(), &["restore", "backup"]).await, 0);
}

#[actix_web::test]
async fn a_restore_that_is_killed_is_never_served_and_can_be_done_again() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let process = Process::start(folder.path(), &[]).await;
    let ada = process.person("ada").await;
    for number in 0..100 {
        publish_long(&ada, &format!("Post {number}")).await;
    }
    assert!(process.terminate().await.0.success());
    let data = folder.path().join("data");
    let arguments = ["backup", "backup", "--data-dir", data.to_str().unwrap()];
    printed(&run(elsewhere.path(), &arguments).await, 0);
    let half = elsewhere.path().join("data/db.restoring");
    let mut command = broadsheet(elsewhere.path());
    let mut restore = command.args(["restore", "backup"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the restore has begun", async || half.join("CURRENT").exists()).await;
    restore.kill().unwrap();
    restore.wait().unwrap();
    assert!(half.exists() && !database(elsewhere.path()).exists(), "it was through already");
    for subcommand in [&["serve"][..], &["reindex"], &["check"]] {
        let output = run(elsewhere.path(), subcommand).await;
        assert!(!output.status.success(), "{subcommand:?}");
        assert!(!database(elsewhere.path()).join("CURRENT").exists(), "{subcommand:?} has made an empty database");
    }
    let mut command = broadsheet(elsewhere.path());
    command.arg("serve").env("BROADSHEET__LOG__LEVEL", "off");
    let output = tokio::task::spawn_blocking(move || finished(&mut command)).await.unwrap();
    expect_line(&output, 1, &["db.restoring", "did not come to its end", "broadsheet restore"]);
    printed(&run(elsewhere.path(), &["restore", "backup"]).await, 0);
    let said = printed(&run(elsewhere.path(), &["check"]).await, 0);
    assert!(said.contains("no problems found: ") && said.contains("100 of them posts"), "{said}");
}

#[actix_web::test]
async fn a_backup_is_for_admins_alone() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &ADMIN).await;
    let (ada, bob) = (process.person("ada").await, process.person("bob").await);
    process.client.post("/v1/admin/backup", &json!({})).await.expect_problem(401, "unauthorized");
    bob.post("/v1/admin/backup", &json!({})).await.expect_problem(403, "insufficient_scope");
    ada.client
        .request(reqwest::Method::PUT, "/v1/admin/accounts/bob/roles")
        .bearer_auth(&ada.token)
        .json(&json!({"roles": ["operator"]}))
        .send()
        .await
        .unwrap();
    let bob = process.again(&bob).await;
    bob.post("/v1/admin/backup", &json!({})).await.expect_problem(403, "forbidden");
    let output = back_up(&process, &bob, folder.path(), "backup").await;
    expect_line(&output, 77, &["not allowed"]);
    assert!(!folder.path().join("backup").exists());
    assert!(process.terminate().await.0.success());
}
