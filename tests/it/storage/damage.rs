//! Damaged and missing files are told: by the log at the start, by readiness, and by `broadsheet check`.

use super::{damage, database, files, printed, publish_long, run};
use crate::support::{Person, Process, until};

/// Kills a server after some posts, long after the last one was acknowledged.
async fn killed(folder: &std::path::Path, posts: usize) -> Person {
    let process = Process::start(folder, &[]).await;
    let ada = process.person("ada").await;
    for number in 0..posts {
        ada.publish(&format!("Post {number}")).await;
    }
    process.kill();
    ada
}

/// How many lines of the log say that writes were lost.
fn losses(process: &Process) -> usize {
    process.log().matches("writes were lost: ").count()
}

#[actix_web::test]
async fn a_damaged_write_ahead_log_is_told_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let ada = killed(folder.path(), 30).await;
    let log = files(folder.path(), "log").pop().unwrap();
    let bytes = std::fs::read(&log).unwrap();
    damage(&log, bytes.len() / 2);
    let process = Process::start(folder.path(), &[]).await;
    let log_of_start = process.log();
    assert!(losses(&process) >= 1, "{log_of_start}");
    assert!(
        log_of_start.contains("is damaged behind byte") && log_of_start.contains("bytes are dropped"),
        "{log_of_start}"
    );
    let kept = std::fs::read_dir(folder.path().join("data")).unwrap().map(|entry| entry.unwrap().path());
    let kept = kept.into_iter().find(|path| path.to_string_lossy().contains("db.damaged-log-")).unwrap();
    assert!(log_of_start.contains(kept.to_str().unwrap()), "{log_of_start}");
    let copy = std::fs::read(kept.join(log.file_name().unwrap())).unwrap();
    assert_eq!(copy.len(), bytes.len(), "the log as it was found");
    let there = process.again(&ada).await.titles("/v1/posts?author=ada&limit=100").await.len();
    assert!(there < 30, "{there}");
    // Told once: what is there now is the database.
    let told = losses(&process);
    assert!(process.terminate().await.0.success());
    let process = Process::start(folder.path(), &[]).await;
    assert_eq!(losses(&process), told, "{}", process.log());
    assert!(process.terminate().await.0.success());
}

#[actix_web::test]
async fn a_write_ahead_log_that_is_gone_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]).await;
    let ada = process.person("ada").await;
    ada.publish("One").await;
    let witness = database(folder.path()).join("WITNESS");
    until("the database has a witness", async || witness.exists()).await;
    process.kill();
    for log in files(folder.path(), "log") {
        std::fs::remove_file(log).unwrap();
    }
    let process = Process::start(folder.path(), &[]).await;
    assert_eq!(losses(&process), 1, "{}", process.log());
    assert!(process.log().contains("the database had acknowledged writes until"), "{}", process.log());
    assert!(process.terminate().await.0.success());
}

#[actix_web::test]
async fn check_tells_of_a_log_that_was_dropped_when_it_opened_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    killed(folder.path(), 30).await;
    let log = files(folder.path(), "log").pop().unwrap();
    damage(&log, std::fs::read(&log).unwrap().len() / 2);
    let said = printed(&run(folder.path(), &["check"]).await, 1);
    assert!(said.contains("is damaged behind byte") && said.contains("kept in"), "{said}");
}

#[actix_web::test]
async fn an_end_that_a_power_cut_has_torn_is_no_loss() {
    let folder = tempfile::tempdir().unwrap();
    let ada = killed(folder.path(), 10).await;
    let log = files(folder.path(), "log").pop().unwrap();
    // A record that says it has 200 bytes and has 50 of them.
    let mut bytes = std::fs::read(&log).unwrap();
    bytes.extend([1, 2, 3, 4, 200, 0, 1]);
    bytes.extend([7; 50]);
    std::fs::write(&log, bytes).unwrap();
    let process = Process::start(folder.path(), &[]).await;
    assert_eq!(losses(&process), 0, "{}", process.log());
    assert!(process.log().contains("not whole, as after a power cut"), "{}", process.log());
    let there = process.again(&ada).await.titles("/v1/posts?author=ada&limit=100").await.len();
    assert_eq!(there, 10);
    assert!(process.terminate().await.0.success());
}

#[actix_web::test]
async fn a_damaged_file_makes_the_server_unready_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]).await;
    let ada = process.person("ada").await;
    let mut posts = Vec::new();
    for number in 0..20 {
        posts.push(publish_long(&ada, &format!("Post {number}")).await);
    }
    super::settled(&ada, &posts[19]).await;
    assert!(process.terminate().await.0.success());
    // Looking through the folder closes it in order, and then everything is in files.
    printed(&run(folder.path(), &["check"]).await, 0);
    for file in files(folder.path(), "blob") {
        let length = std::fs::metadata(&file).unwrap().len();
        damage(&file, usize::try_from(length / 2).unwrap());
    }
    let process = Process::start(folder.path(), &[]).await;
    let ada = process.again(&ada).await;
    let mut failed = 0;
    for post in &posts {
        let answer = ada.get(&format!("/v1/posts/{}", post["id"].as_str().unwrap())).await;
        failed += usize::from(answer.status == 503);
    }
    assert!(failed > 0, "nothing is damaged");
    let ready = process.client.get("/readyz").await.expect(503).json();
    let reason = ready["reasons"][0].as_str().unwrap();
    assert!(reason.contains("of the database is damaged") && !reason.contains('/'), "{reason}");
    assert!(process.log().contains("a file of the database is damaged"), "{}", process.log());
    let _ = process.terminate().await;
    let said = printed(&run(folder.path(), &["check"]).await, 1);
    assert!(said.contains("cannot be read") && said.contains("found: "), "{said}");
}
