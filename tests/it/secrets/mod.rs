//! What must stay secret stays out of the log, whatever its level, and out of the database's files. Here: what people send.

mod files;
mod operator;

use std::{fs, path::Path};

use serde_json::json;

use crate::support::{Process, mails_in, until};

const TEXT: &str = "Unmistakable sentence about a heron in the reeds.";

#[actix_web::test]
async fn the_log_at_debug_and_the_database_hold_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path(), &[("LOG__LEVEL", "debug")]).await;
    let client = &process.client;
    let (ada, bob) = (process.person("ada").await, process.person("bob").await);
    bob.follow(&ada).await;
    let mut secrets = vec![ada.password.clone(), ada.token.clone(), ada.refresh_token.clone(), bob.token.clone()];

    let refresh = json!({"refresh_token": ada.refresh_token});
    let renewed = client.post("/v1/identity/refresh", &refresh).await.expect(200).json();
    secrets
        .extend(["access_token", "refresh_token", "id_token"].map(|name| renewed[name].as_str().unwrap().to_owned()));
    let wrong = "mistyped battery staple";
    let mistaken = json!({"email": ada.email, "password": wrong});
    client.post("/v1/identity/sign-in", &mistaken).await.expect(401);
    client.post("/v1/identity/sign-in", &json!({"email": wrong, "password": [wrong]})).await.expect(422);
    let known = json!({"email": ada.email, "password": wrong, "handle": "eve", "name": "Eve"});
    client.post("/v1/identity/sign-up", &known).await.expect(202);
    client.post("/v1/identity/confirm", &json!({"email": ada.email, "code": "12345"})).await.expect(422);
    let cut = client.request(reqwest::Method::POST, "/v1/identity/sign-in").header("content-type", "application/json");
    let cut = cut.body(format!(r#"{{"email": "{}", "password": "{wrong}"#, ada.email));
    crate::support::send(cut).await.expect(400);
    secrets.push(wrong.to_owned());

    let post = ada.post("/v1/posts", &json!({"title": "Herons", "body": TEXT})).await.expect(201).json();
    until("it is mailed", async || ada.receipt(&post).await.iter().all(|line| line.ends_with(": done"))).await;
    ada.post("/v1/posts", &json!({"title": [TEXT], "body": TEXT})).await.expect(422);
    bob.get("/v1/search?q=heron").await.expect(200);
    client.post("/v1/identity/sign-out", &json!({"refresh_token": renewed["refresh_token"]})).await.expect(204);
    let codes: Vec<String> = mails_in(&process.mail_folder()).iter().filter_map(|mail| code_in(mail)).collect();
    assert_eq!(codes.len(), 2);
    let log = process.log();
    assert!(log.contains("\"DEBUG\"") && log.lines().count() > 20, "the log is not at debug: {log}");
    // Killed, so that everything stands in the write-ahead log as it was written.
    process.kill();

    for secret in secrets.iter().map(String::as_str).chain([TEXT, "@example.com"]) {
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(secret)).collect();
        assert!(lines.is_empty(), "`{secret}` is in the log: {lines:#?}");
    }
    for code in codes {
        let is_code = |line: &&str| line.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == code);
        let lines: Vec<&str> = log.lines().filter(is_code).collect();
        assert!(lines.is_empty(), "the code is in the log: {lines:#?}");
    }
    let database = contents(&folder.path().join("data/db"));
    assert!(holds(&database, TEXT), "the check does not see what is stored");
    for secret in secrets {
        let secret = secret.rsplit('.').next().unwrap();
        assert!(!holds(&database, secret), "`{secret}` is in the database");
    }
}

/// The six digits on a line of their own.
fn code_in(mail: &str) -> Option<String> {
    let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
    mail.lines().map(str::trim).find(is_code).map(str::to_owned)
}

fn contents(folder: &Path) -> Vec<Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.is_file()).map(|path| fs::read(path).unwrap()).collect()
}

fn holds(files: &[Vec<u8>], text: &str) -> bool {
    files.iter().any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}
