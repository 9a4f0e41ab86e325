//! Mail against a mail server that nobody here wrote (aiosmtpd). Here: what these tests share.

mod crash;
mod dkim;
mod ledger;
mod smtp;
mod suppression;
mod unsubscribe;

use std::{sync::Arc, time::Duration};

use broadsheet::{
    actors::workers::{self, Registry},
    config::{Config, MailTransport},
    domain::{self, Handle},
    gateways::Mailer,
};
use serde_json::Value;

use crate::support::{Person, Smtpd, TestApp};

/// A server that sends its mail by SMTP, and the mail server.
async fn post_office() -> (TestApp, Smtpd) {
    post_office_with(&[], |_, _| {}).await
}

async fn post_office_with(options: &[&str], change: impl FnOnce(&mut Config, &Smtpd)) -> (TestApp, Smtpd) {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let smtpd = Smtpd::start(&folder.path().join("mail"), options);
    let settings = |config: &mut Config| {
        by_smtp(config, &smtpd.url());
        change(config, &smtpd);
    };
    (TestApp::spawn_in(folder, settings, workers::standard()).await, smtpd)
}

fn by_smtp(config: &mut Config, url: &str) {
    config.mail.transport = MailTransport::Smtp;
    config.mail.smtp_url = url.to_owned().into();
    config.mail.per_second = 10_000;
    config.mail.timeout = "2s".parse().unwrap();
}

/// The standard workers, with mail about posts sent by this mailer; codes go where the configuration says.
fn mailed_by(mailer: Arc<dyn Mailer>) -> Registry {
    workers::standard().with_context(move |context| context.mailer = mailer)
}

/// Gives an author followers with these addresses, who want mail.
async fn followers(app: &TestApp, author: &Person, addresses: &[String]) {
    let repositories = &app.app.repositories;
    let id = repositories.accounts().by_handle(&Handle::parse(&author.handle).unwrap()).await.unwrap().unwrap().id;
    let emails: Vec<domain::Email> = addresses.iter().map(|address| domain::Email::parse(address).unwrap()).collect();
    let now = broadsheet::clock::Clock::now(&*app.clock);
    repositories.seeding().add_mailed_followers(id, &emails, now).await.unwrap();
}

/// The counts of a post's mailing.
async fn mailing(author: &Person, post: &Value) -> Value {
    let id = post["id"].as_str().unwrap();
    author.get(&format!("/v1/posts/{id}/mailing")).await.expect(200).json()
}

/// The e-mail worker's line in a post's receipt.
async fn receipt_line(author: &Person, post: &Value) -> Value {
    let id = post["id"].as_str().unwrap();
    let receipt = author.get(&format!("/v1/posts/{id}/deliveries")).await.expect(200).json();
    receipt["deliveries"].as_array().unwrap().iter().find(|line| line["worker"] == "email").unwrap().clone()
}

/// Lets time pass until a post's mailing is done.
async fn finish(app: &TestApp, author: &mut Person, post: &Value) {
    for _ in 0..200 {
        app.settle().await;
        author.sign_in().await;
        if receipt_line(author, post).await["state"] == "done" {
            return;
        }
        app.clock.advance(Duration::from_secs(4 * 60));
    }
    panic!("the mailing does not end: {}", receipt_line(author, post).await);
}
