//! What lies on the disk: who may read it, and that what was mailed as a code cannot be got out of the database.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{code_in, contents};
use crate::support::{Process, broadsheet, finished, mails_in, until};

#[actix_web::test]
async fn nobody_but_the_servers_user_can_read_what_it_writes() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]).await;
    let ada = process.person("ada").await;
    let post = ada.publish("Herons").await;
    until("it is done", async || ada.receipt(&post).await.iter().all(|line| line.ends_with(": done"))).await;
    let mut seen = Vec::new();
    readable_by_others(&folder.path().join("data"), &mut seen);
    for part in ["data/db/CURRENT", "data/search/meta.json", "data/mail/code."] {
        assert!(seen.iter().any(|(path, _)| path.contains(part)), "{part}: {seen:?}");
    }
    seen.retain(|(_, mode)| mode & 0o077 != 0);
    assert!(seen.is_empty(), "{seen:#?}");
    assert!(process.terminate().await.0.success());
    // A new index is as private as the first one.
    fs::remove_dir_all(folder.path().join("data/search")).unwrap();
    assert!(finished(broadsheet(folder.path()).arg("reindex")).status.success());
    readable_by_others(&folder.path().join("data/search"), &mut seen);
    assert!(seen.len() > 3 && seen.iter().all(|(_, mode)| mode & 0o077 == 0), "{seen:#?}");
}

/// Adds everything in a folder, and the folder, with their permissions.
fn readable_by_others(path: &Path, seen: &mut Vec<(String, u32)>) {
    let metadata = fs::symlink_metadata(path).unwrap();
    seen.push((path.display().to_string(), metadata.permissions().mode() & 0o777));
    if metadata.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| readable_by_others(&entry.unwrap().path(), seen));
    }
}

#[actix_web::test]
async fn a_code_cannot_be_computed_from_the_database_without_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[]).await;
    let email = "waiting@example.com";
    let body = json!({"email": email, "password": "correct horse battery", "handle": "waiting", "name": "W"});
    process.client.post("/v1/identity/sign-up", &body).await.expect(202);
    until("the code comes", async || !mails_in(&process.mail_folder()).is_empty()).await;
    let code = code_in(&mails_in(&process.mail_folder())[0]).unwrap();
    process.kill();
    let database = contents(&folder.path().join("data/db"));
    let is_there = |text: &str| database.iter().any(|bytes| words(bytes).any(|word| word == text.as_bytes()));
    assert!(is_there("waiting"), "the check does not see what is stored");
    assert!(!is_there(&code), "the code itself");
    let guesses = [code.clone(), format!("{email}{code}"), format!("{email}\0{code}"), format!("{email}\n{code}")];
    for guess in guesses.iter().chain([&format!("{email}:{code}"), &format!("code\n{email}\n{code}")]) {
        let hash: String = Sha256::digest(guess).iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!is_there(&hash), "the code can be found by trying a million of them: {guess:?}");
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| !byte.is_ascii_alphanumeric())
}
