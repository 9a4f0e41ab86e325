//! Signatures, verified by dkimpy on what came over the wire.

use std::fs;

use base64::{Engine, engine::general_purpose::STANDARD};
use broadsheet::config::Config;
use serde_json::json;

use super::{finish, followers, post_office_with};
use crate::support::{broadsheet, expect_line, finished, openssl, verify_dkim};

/// What RFC 8058 and common sense want to be signed.
const MUST: [&str; 9] = [
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "content-type",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
];

/// A key made by `openssl genpkey`, as PEM, and its DNS record.
fn key(kind: &str) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let (algorithm, skipped) = if kind == "ed25519" { ("ed25519", 12) } else { ("RSA", 0) };
    openssl(folder.path(), &["genpkey", "-algorithm", algorithm, "-out", "key.pem"]);
    let public = openssl(folder.path(), &["pkey", "-in", "key.pem", "-pubout", "-outform", "DER"]);
    if kind == "pkcs1" {
        openssl(folder.path(), &["rsa", "-in", "key.pem", "-traditional", "-out", "key.pem"]);
    }
    let name = if kind == "ed25519" { "ed25519" } else { "rsa" };
    let record = format!("v=DKIM1; k={name}; p={}", STANDARD.encode(&public[skipped..]));
    (fs::read_to_string(folder.path().join("key.pem")).unwrap(), record)
}

fn signed(config: &mut Config, key: &str) {
    config.mail.dkim_domain = "broadsheet.example".to_owned();
    config.mail.dkim_selector = "post1".to_owned();
    config.mail.dkim_key = key.to_owned().into();
}

#[actix_web::test]
async fn every_mail_carries_a_signature_that_others_can_verify() {
    for kind in ["pkcs1", "pkcs8", "ed25519"] {
        let (key, record) = key(kind);
        let (app, smtpd) = post_office_with(&[], |config, _| signed(config, &key)).await;
        let mut ada = app.person("ada").await;
        let (name, _) = verify_dkim(&smtpd.mail_to("ada@example.com"), &record);
        assert_eq!(name, "post1._domainkey.broadsheet.example.", "the mail with the code, {kind}");
        followers(&app, &ada, &["reader-1@example.org".to_owned()]).await;
        let body = format!(
            "Grüße, 世界!\n\n.a line with a dot\n\n| a | b |\n|---|---|\n| {} | x |\n\n\n",
            "long ".repeat(300)
        );
        let post = json!({"title": "Ünïcode 標題 ".repeat(8).trim(), "body": body});
        let post = ada.post("/v1/posts", &post).await.expect(201).json();
        finish(&app, &mut ada, &post).await;
        let mail = smtpd.mail_to("reader-1@example.org");
        let (_, covered) = verify_dkim(&mail, &record);
        for header in MUST {
            assert!(covered.iter().any(|name| name == header), "{header} is not signed, {kind}: {covered:?}");
        }
    }
}

#[test]
fn a_broken_key_is_one_line_that_names_its_setting_and_not_the_key() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key.pem"), "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----")
        .unwrap();
    let domain = ("BROADSHEET__MAIL__DKIM_DOMAIN", "broadsheet.example");
    let selector = ("BROADSHEET__MAIL__DKIM_SELECTOR", "post1");
    for (variables, expected) in [
        (&[domain, selector][..], "mail.dkim_key"),
        (&[domain, ("BROADSHEET__MAIL__DKIM_KEY", "hunter2")], "mail.dkim_selector"),
        (&[domain, selector, ("BROADSHEET__MAIL__DKIM_KEY", "hunter2")], "mail.dkim_key"),
        (&[domain, selector, ("BROADSHEET__MAIL__DKIM_KEY_FILE", "key.pem")], "mail.dkim_key_file"),
        (&[domain, selector, ("BROADSHEET__MAIL__DKIM_KEY_FILE", "nothing.pem")], "mail.dkim_key_file"),
    ] {
        for subcommand in ["check-config", "serve"] {
            let output = finished(broadsheet(folder.path()).arg(subcommand).envs(variables.iter().copied()));
            expect_line(&output, 78, &[expected]);
            assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"));
        }
    }
}
