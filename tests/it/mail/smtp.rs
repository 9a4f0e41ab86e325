//! Encryption, signing in, and what goes wrong with them.

use std::{fs, sync::Arc, time::Duration};

use broadsheet::{
    domain::Email,
    gateways::{Composer, Error, Mail, Mailer, SmtpMailer, SmtpSettings},
};
use tempfile::TempDir;

use super::{followers, mailed_by, mailing, receipt_line};
use crate::support::{Smtpd, TestApp, certificate, until};

const SIGN_IN: [&str; 4] = ["--user", "herald", "--password", "s3cret+&"];

struct Office {
    folder: TempDir,
    smtpd: Smtpd,
}

impl Office {
    fn open(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificate(folder.path());
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        let tls = ["--cert", cert.to_str().unwrap(), "--key", key.to_str().unwrap()];
        let smtpd = Smtpd::start(&folder.path().join("mail"), &[&tls, options].concat());
        Self { folder, smtpd }
    }

    fn mailer(&self, scheme: &str, user: &str, query: &str, trusts: bool) -> SmtpMailer {
        let url = format!("{scheme}://{user}127.0.0.1:{}{query}", self.smtpd.port);
        let ca = trusts.then(|| fs::read(self.folder.path().join("ca.pem")).unwrap());
        let timeout = Duration::from_secs(5);
        let settings = SmtpSettings { ca, timeout, per_second: 1_000, ..SmtpSettings::new(url) };
        SmtpMailer::new(&settings, Composer::new("post@broadsheet.example".parse().unwrap())).unwrap()
    }
}

fn mail(to: &str) -> Mail {
    Mail {
        message_id: format!("{}.test@broadsheet.example", to.replace('@', "-")),
        to: Email::parse(to).unwrap(),
        to_name: None,
        subject: "Grüße".to_owned(),
        text: ".\r\n.. a line of dots\n.\n".to_owned(),
        html: None,
        headers: Vec::new(),
    }
}

#[actix_web::test]
async fn mail_goes_out_encrypted_and_signed_in_when_the_settings_ask_for_it() {
    let user = "herald:s3cret+%26@";
    for (options, scheme, query) in
        [(&[][..], "smtp", "?tls=required"), (&[], "smtp", "?tls=opportunistic"), (&["--implicit-tls"], "smtps", "")]
    {
        let office = Office::open(&[&SIGN_IN, options].concat());
        let mailer = office.mailer(scheme, user, query, true);
        for number in 0..3 {
            let to = format!("reader-{number}@example.org");
            assert_eq!(mailer.send(&mail(&to)).await, Ok(()), "{scheme}{query}");
            let text = String::from_utf8(office.smtpd.mail_to(&to)).unwrap();
            assert!(text.contains("\r\n\r\n.\r\n.. a line of dots"), "{text}");
        }
        let accepted = office.smtpd.accepted();
        assert_eq!(accepted.len(), 3);
        assert!(accepted.iter().all(|mail| mail["is_signed_in"] == true), "{accepted:?}");
        assert!(accepted.iter().all(|mail| mail["is_encrypted"] == (scheme == "smtp") || scheme == "smtps"));
    }
}

#[actix_web::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_whatever_the_mode() {
    for query in ["?tls=required", "?tls=opportunistic"] {
        let office = Office::open(&[]);
        let error = office.mailer("smtp", "", query, false).send(&mail("a@example.org")).await.unwrap_err();
        assert_eq!(error, Error::Transient("no secure connection to the mail server could be made".to_owned()));
        assert!(office.smtpd.accepted().is_empty());
    }
}

#[actix_web::test]
async fn a_server_without_encryption_gets_nothing_when_it_is_required() {
    let folder = tempfile::tempdir().unwrap();
    let smtpd = Smtpd::start(folder.path(), &[]);
    let url = format!("{}?tls=required", smtpd.url());
    let mailer = SmtpMailer::new(&SmtpSettings::new(url), Composer::new("post@broadsheet.example".parse().unwrap()));
    let error = mailer.unwrap().send(&mail("a@example.org")).await.unwrap_err();
    assert!(
        matches!(&error, Error::Transient(message) if message.contains("lacks a sign-in or encryption")),
        "{error}"
    );
    assert!(smtpd.accepted().is_empty());
}

#[actix_web::test]
async fn each_way_of_breaking_off_means_what_it_should() {
    let folder = tempfile::tempdir().unwrap();
    let smtpd = Smtpd::start(folder.path(), &[]);
    let timeout = Duration::from_millis(500);
    let settings = SmtpSettings { timeout, per_second: 1_000, ..SmtpSettings::new(smtpd.url()) };
    let mailer =
        Arc::new(SmtpMailer::new(&settings, Composer::new("post@broadsheet.example".parse().unwrap())).unwrap());
    let meaning = async |rule: &str| match mailer.send(&mail(&format!("{rule}-a@example.org"))).await {
        Ok(()) => "sent",
        Err(Error::Transient(_)) => "transient",
        Err(Error::RateLimited { .. }) => "slow",
        Err(Error::Deferred(_)) => "deferred",
        Err(Error::Permanent(_)) => "permanent",
        Err(Error::Undeliverable(_)) => "undeliverable",
        Err(Error::Uncertain(_)) => "uncertain",
    };
    for (rule, expected) in [
        ("reader", "sent"),
        ("grey", "deferred"),
        ("slow", "slow"),
        ("close", "transient"),
        ("drop", "transient"),
        ("stall", "transient"),
        ("never", "undeliverable"),
        ("policy", "permanent"),
        ("full", "permanent"),
        ("indata", "uncertain"),
        ("after", "uncertain"),
        ("lost", "uncertain"),
        ("hang", "uncertain"),
        ("friend", "sent"),
    ] {
        assert_eq!(meaning(rule).await, expected, "{rule}");
    }
}

#[actix_web::test]
async fn an_idle_connection_that_the_server_has_closed_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let smtpd = Smtpd::start(folder.path(), &[]);
    let settings = SmtpSettings { per_second: 1_000, ..SmtpSettings::new(smtpd.url()) };
    let mailer = SmtpMailer::new(&settings, Composer::new("post@broadsheet.example".parse().unwrap())).unwrap();
    for number in 0..5 {
        let to = format!("bye-{number}@example.org");
        assert_eq!(mailer.send(&mail(&to)).await, Ok(()), "{to}");
    }
    assert_eq!(smtpd.accepted().len(), 5);
}

#[actix_web::test]
async fn a_wrong_password_is_an_outage_that_says_what_is_wrong() {
    let office = Office::open(&SIGN_IN);
    let mailer = Arc::new(office.mailer("smtp", "herald:mistyped@", "?tls=required", true));
    let app = TestApp::spawn_with(|_| {}, mailed_by(mailer)).await;
    let ada = app.person("ada").await;
    followers(&app, &ada, &["reader-1@example.org".to_owned()]).await;
    let post = ada.publish("Locked out").await;
    until("it has failed", async || receipt_line(&ada, &post).await["last_error"].is_string()).await;
    let line = receipt_line(&ada, &post).await;
    assert_eq!(line["last_error"], "the mail server does not accept our sign-in (535 5.7.8)", "{line}");
    assert_eq!(mailing(&ada, &post).await["waiting"], 1);
    assert!(office.smtpd.accepted().is_empty());
    app.expect_exceptions();
}
