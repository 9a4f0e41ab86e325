//! A disk that runs full, with the log on it, too: the server says so, goes on answering, works again by itself when there is
//! room, and everything that it acknowledged is there, also after a restart.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    process::Command,
};

use serde_json::{Value, json};

use crate::support::{Person, Process, broadsheet, expect_line, finished, until};

/// RocksDB sets room aside for each log, a tenth more than a write buffer: more than half of this disk with the default.
const SMALL: [(&str, &str); 2] = [("LOG__LEVEL", "warn"), ("DATABASE__MEMORY", "64MiB")];

/// A small disk of its own, if this machine lets the test have one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"]).arg(folder.path());
        let is_mounted = mount.output().is_ok_and(|output| output.status.success());
        is_mounted.then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a server that a failing test has left may still have files open.
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

#[actix_web::test]
async fn a_full_disk_is_answered_with_503_and_loses_nothing_acknowledged() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: needs a mount");
        return;
    };
    let mut process = Process::start(disk.path(), &SMALL).await;
    let ada = process.person("ada").await;
    let before = ada.publish("Before").await;
    until("it is done", async || ada.receipt(&before).await.iter().all(|line| line.ends_with(": done"))).await;
    let mut acknowledged = vec![before];

    let ballast = disk.path().join("ballast");
    fill(&ballast);
    let mut refusals = 0;
    for number in 0..2_000 {
        let answer = ada.post("/v1/posts", &long_post(number)).await;
        if answer.status == 201 {
            acknowledged.push(answer.json());
            continue;
        }
        assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
        answer.expect_problem(503, "unavailable");
        refusals += 1;
        if refusals == 5 {
            break;
        }
    }
    assert_eq!(refusals, 5, "the disk is not full");
    until("it says that it is not ready", async || ada.get("/readyz").await.status == 503).await;
    ada.get("/healthz").await.expect(200);
    ada.get(&format!("/v1/posts/{}", acknowledged[0]["id"].as_str().unwrap())).await.expect(200);
    assert!(process.is_running());

    // RocksDB takes no write after a failed one until it is opened anew; the server does that by itself.
    fs::remove_file(&ballast).unwrap();
    until("it is ready again", async || ada.get("/readyz").await.status == 200).await;
    acknowledged.push(ada.publish("Afterwards").await);
    check(&ada, &acknowledged).await;
    assert!(process.terminate().await.0.success());
    let process = Process::start(disk.path(), &SMALL).await;
    let ada = process.again(&ada).await;
    acknowledged.push(ada.publish("After").await);
    check(&ada, &acknowledged).await;
    assert!(process.terminate().await.0.success());
}

/// What the log says of the room on a disk, and the log itself before it.
const NO_ROOM: &str = "is full: ";

#[actix_web::test]
async fn with_too_little_room_for_the_log_reads_go_on_and_the_reason_says_how_much_is_missing() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: needs a mount");
        return;
    };
    let process =
        Process::start(disk.path(), &[("LOG__LEVEL", "error,broadsheet::actors::housekeeping=warn"), SMALL[1]]).await;
    let ada = process.person("ada").await;
    let mut acknowledged = Vec::new();
    // The log has all of it: opening the database anew takes as much again.
    for number in 0..250 {
        acknowledged.push(ada.post("/v1/posts", &long_post(number)).await.expect(201).json());
    }
    let log_bytes = log_of(disk.path());
    assert!(log_bytes > 4 << 20, "the log has only {log_bytes} bytes");
    let ballast = disk.path().join("ballast");
    fill(&ballast);
    until("the disk is full", async || ada.post("/v1/posts", &long_post(0)).await.status == 503).await;

    // More than a few files' worth, less than the log's.
    let file = File::options().write(true).open(&ballast).unwrap();
    file.set_len(file.metadata().unwrap().len() - (18 << 20)).unwrap();
    until("readiness says how much is there and how much is needed", async || {
        let said = ada.get("/readyz").await;
        let is_said = said.text.contains(" MiB are free, and opening the database takes ");
        said.status == 503 && is_said && said.text.contains("because its log of ")
    })
    .await;
    let rounds = process.log().matches(NO_ROOM).count();
    until("it looked again several times", async || process.log().matches(NO_ROOM).count() > rounds + 3).await;
    let first = format!("/v1/posts/{}", acknowledged[0]["id"].as_str().unwrap());
    ada.get(&first).await.expect(200);
    assert!(!process.log().contains("opening it anew"), "it cannot be opened yet: {}", process.log());

    process.kill();
}

#[actix_web::test]
async fn a_start_on_a_full_disk_says_in_one_line_how_much_is_there_and_how_much_is_needed() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: needs a mount");
        return;
    };
    let process = Process::start(disk.path(), &SMALL).await;
    let ada = process.person("ada").await;
    let mut acknowledged = Vec::new();
    for number in 0..300 {
        acknowledged.push(ada.post("/v1/posts", &long_post(number)).await.expect(201).json());
    }
    process.kill();
    let ballast = disk.path().join("ballast");
    fill(&ballast);
    let mut command = broadsheet(disk.path());
    let output = finished(command.env("BROADSHEET__LOG__LEVEL", "off").arg("serve"));
    expect_line(&output, 1, &["is full: ", " MiB are free, and opening the database takes ", "because its log of "]);
    fs::remove_file(&ballast).unwrap();
    let process = Process::start(disk.path(), &SMALL).await;
    let ada = process.again(&ada).await;
    check(&ada, &acknowledged).await;
    assert!(process.terminate().await.0.success());
}

/// How long the database's log is.
fn log_of(folder: &Path) -> u64 {
    let files = fs::read_dir(folder.join("data/db")).unwrap().map(Result::unwrap);
    files
        .filter(|file| file.path().extension().is_some_and(|name| name == "log"))
        .map(|file| file.metadata().unwrap().len())
        .sum()
}

/// Everything acknowledged is there, and its consequences come.
async fn check(ada: &Person, acknowledged: &[Value]) {
    for post in acknowledged {
        let id = post["id"].as_str().unwrap();
        let kept = ada.get(&format!("/v1/posts/{id}")).await.expect(200).json();
        assert_eq!(kept["body"], post["body"]);
        until("its deliveries are done", async || ada.receipt(post).await.iter().all(|line| line.ends_with(": done")))
            .await;
    }
}

/// A post of some 20 KB whose paragraphs differ, so that no rule takes it for spam.
fn long_post(number: usize) -> Value {
    let paragraph =
        |at: usize| format!("Paragraph {at} of {number} is about item {} and no other.\n\n", at * 7_919 + number);
    json!({"title": format!("Long post {number}"), "body": (0..350).map(paragraph).collect::<String>()})
}

/// Fills a file until nothing more goes onto the disk.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for block in [vec![0; 64 << 10], vec![0; 1 << 10]] {
        while file.write_all(&block).is_ok() {}
    }
}
