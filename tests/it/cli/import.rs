//! `import DIR`, against a running server.

use std::{fs, path::Path, process::Output};

use serde_json::Value;

use crate::support::{Person, Process, broadsheet, finished, until};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/posts");

/// Runs the import of a folder on a thread of its own, so that the test's own server is not held up.
async fn import(folder: &Path, author: &Person, address: &str, posts: &Path) -> Output {
    let mut command = broadsheet(folder);
    command.arg("import").arg(posts).args(["--url", address]).env("BROADSHEET_TOKEN", &author.token);
    tokio::task::spawn_blocking(move || finished(&mut command)).await.unwrap()
}

fn url_of(process: &Process) -> String {
    format!("http://{}", process.address)
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

async fn count(author: &Person, query: &str) -> usize {
    let page = author.get(&format!("/v1/posts?author={}&limit=100{query}", author.handle)).await.expect(200).json();
    page["items"].as_array().unwrap().len()
}

#[actix_web::test]
async fn the_examples_are_imported_once_however_often_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]).await;
    let (ada, bob) = (process.person("ada").await, process.person("bob").await);
    bob.follow(&ada).await;
    for _ in 0..2 {
        let output = import(folder.path(), &ada, &url_of(&process), Path::new(EXAMPLES)).await;
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert_eq!((count(&ada, "").await, count(&ada, "&status=draft").await), (19, 1), "{}", said(&output));
    }
    let posts = ada.get("/v1/posts?author=ada&limit=100").await.expect(200).json();
    for post in posts["items"].as_array().unwrap() {
        let is_settled = |line: &String| line.ends_with(": done") || line == "email: skipped";
        until("its deliveries are done", async || ada.receipt(post).await.iter().all(is_settled)).await;
        let seen = bob.get(&format!("/v1/posts/{}", post["id"].as_str().unwrap())).await.expect(200).json();
        assert_eq!(seen["moderation"], "approved", "{}", seen["title"]);
    }
    assert_eq!(bob.titles("/v1/feed?limit=100").await.len(), 19);
    let is_dated = |post: &&Value| post["slug"].as_str().is_some_and(|slug| slug.contains("group-commit"));
    let dated = posts["items"].as_array().unwrap().iter().find(is_dated).unwrap();
    assert!(dated["published_at"].as_str().unwrap().starts_with("2026-03-14T"), "{dated}");
}

#[actix_web::test]
async fn files_that_cannot_be_taken_are_named_and_the_others_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]).await;
    let ada = process.person("ada").await;
    let posts = folder.path().join("posts");
    fs::create_dir_all(posts.join("deep")).unwrap();
    for (name, text) in [
        ("good.md", b"# A good one\n\nWith a few words.\n".as_slice()),
        ("deep/too.markdown", b"---\ntitle: Good, too\ntags: [x]\n---\nMore words.\n"),
        ("notes.txt", b"not Markdown"),
        ("bytes.md", b"# Bytes\n\n\xff\xfe\x00 are no text\n"),
        ("empty.md", b""),
        ("future.md", b"---\ntitle: Later\ndate: 2999-01-01\n---\nNot yet.\n"),
        ("broken.md", b"---\ntitle: [unclosed\n---\nWords.\n"),
    ] {
        fs::write(posts.join(name), text).unwrap();
    }
    let output = import(folder.path(), &ada, &url_of(&process), &posts).await;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    for name in ["bytes.md", "empty.md", "future.md", "broken.md"] {
        let about = format!("{name}: ");
        let reasons = said(&output).lines().filter(|line| line.starts_with(&about)).count();
        assert_eq!(reasons, 1, "{name} in:\n{}", said(&output));
    }
    assert!(!said(&output).contains("notes.txt"));
    let mut titles = ada.titles("/v1/posts?author=ada").await;
    titles.sort();
    assert_eq!(titles, ["A good one", "Good, too"]);
}

#[actix_web::test]
async fn what_stops_a_whole_import_is_one_line_and_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]).await;
    let ada = process.person("ada").await;
    let examples = Path::new(EXAMPLES);
    let stranger = Person { token: "nonsense".to_owned(), ..ada.clone() };
    let address = url_of(&process);
    for (author, address, posts) in [
        (&stranger, address.as_str(), examples),
        (&ada, "nonsense", examples),
        (&ada, "http://127.0.0.1:1", examples),
        (&ada, address.as_str(), Path::new("/nowhere/at/all")),
    ] {
        let output = import(folder.path(), author, address, posts).await;
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        let stops = said(&output).lines().filter(|line| line.starts_with("broadsheet: ")).count();
        assert_eq!(stops, 1, "{}", said(&output));
    }
    assert_eq!(count(&ada, "").await, 0);
}
