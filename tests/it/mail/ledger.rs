//! The ledger: whatever the mail server does, every recipient is accounted for, and nobody gets two copies.

use std::collections::BTreeSet;

use broadsheet::domain::Timestamp;
use serde_json::json;

use super::{finish, followers, mailing, post_office, post_office_with, receipt_line};
use crate::support::{Fault, Plan, until};

/// The rules of the 2,000, and how many there are of each.
const RULES: [(&str, usize); 15] = [
    ("grey1", 12),
    ("grey3", 5),
    ("grey", 3),
    ("never", 20),
    ("policy", 10),
    ("full", 10),
    ("close1", 5),
    ("close", 2),
    ("drop1", 10),
    ("drop", 2),
    ("slow1", 2),
    ("after", 4),
    ("lost", 4),
    ("stall1", 2),
    ("hang", 2),
];

fn addresses(count: usize) -> Vec<String> {
    let of = |(rule, count): &(&str, usize)| {
        let rule = (*rule).to_owned();
        (0..*count).map(move |number| format!("{rule}-{number}@example.org"))
    };
    let mut addresses: Vec<String> = RULES.iter().flat_map(of).collect();
    addresses.extend((addresses.len()..count).map(|number| format!("reader-{number}@example.org")));
    addresses
}

fn ruled(address: &str, rules: &[&str]) -> bool {
    rules.iter().any(|rule| address.split('-').next() == Some(rule))
}

#[actix_web::test]
async fn two_thousand_recipients_of_a_server_full_of_trouble_are_all_accounted_for() {
    let (app, smtpd) = post_office_with(&[], |config, _| config.mail.timeout = "500ms".parse().unwrap()).await;
    let mut ada = app.person("ada").await;
    let addresses = addresses(2_000);
    followers(&app, &ada, &addresses).await;
    let post = ada.publish("Storm").await;
    finish(&app, &mut ada, &post).await;

    let in_doubt = ["after", "lost", "hang"];
    let refused = ["grey", "never", "policy", "full", "close", "drop"];
    let counts = mailing(&ada, &post).await;
    let of = |rules: &[&str]| addresses.iter().filter(|address| ruled(address, rules)).count();
    let expected = json!({
        "post": post["id"], "recipients": 2_000, "waiting": 0, "sending": 0,
        "sent": 2_000 - of(&in_doubt) - of(&refused), "failed": of(&refused), "unknown": of(&in_doubt),
    });
    assert_eq!(counts, expected);

    let mailed = smtpd.mailed();
    let unique: BTreeSet<&String> = mailed.iter().collect();
    assert_eq!(unique.len(), mailed.len(), "somebody got two copies");
    let missed = |address: &&String| !ruled(address, &refused) && !ruled(address, &["lost"]);
    let expected: BTreeSet<&String> = addresses.iter().filter(missed).collect();
    assert_eq!(unique, expected, "exactly those whom the server would take a mail for have got one");
}

#[actix_web::test]
async fn one_greylisted_recipient_holds_nobody_up_and_opens_no_breaker() {
    let (app, smtpd) = post_office().await;
    let mut ada = app.person("ada").await;
    let mut addresses: Vec<String> = (0..20).map(|number| format!("reader-{number}@example.org")).collect();
    addresses.push("grey1-late@example.org".to_owned());
    followers(&app, &ada, &addresses).await;
    let post = ada.publish("Grey").await;
    app.settle().await;
    assert_eq!(smtpd.mailed().len(), 20);
    let line = receipt_line(&ada, &post).await;
    let progress = &line["progress"];
    assert_eq!(json!([progress["sent"], progress["waiting"], progress["failed"]]), json!([20, 1, 0]), "{line}");
    assert_eq!(line["receives"], 0, "waiting spends no receives: {line}");
    let due: jiff::Timestamp = line["due_at"].as_str().unwrap().parse().unwrap();
    let now: Timestamp = broadsheet::clock::Clock::now(&*app.clock);
    assert!(due.as_millisecond() > now.as_millis() + 60_000, "it comes back in minutes, not at once: {line}");
    finish(&app, &mut ada, &post).await;
    assert_eq!(smtpd.mailed().last().unwrap(), "grey1-late@example.org");
    assert_eq!(mailing(&ada, &post).await["sent"], 21);
}

#[actix_web::test]
async fn a_server_that_hangs_up_on_everybody_is_an_outage_and_blames_no_recipient() {
    let (app, smtpd) = post_office().await;
    let ada = app.person("ada").await;
    followers(&app, &ada, &(0..9).map(|number| format!("drop-{number}@example.org")).collect::<Vec<_>>()).await;
    let post = ada.publish("Outage").await;
    until("it is tried again", async || receipt_line(&ada, &post).await["last_error"].is_string()).await;
    let line = receipt_line(&ada, &post).await;
    assert!(line["last_error"].as_str().unwrap().contains("closed the connection"), "{line}");
    let counts = mailing(&ada, &post).await;
    assert_eq!((&counts["waiting"], &counts["failed"]), (&json!(9), &json!(0)), "{counts}");
    assert!(smtpd.mailed().is_empty());
    app.expect_exceptions();
}

#[actix_web::test]
async fn who_follows_during_a_mailing_is_not_in_its_audience() {
    let (app, smtpd) = post_office().await;
    let mut ada = app.person("ada").await;
    followers(&app, &ada, &["drop1-early@example.org".to_owned()]).await;
    let post = ada.publish("Frozen").await;
    until("the first try has failed", async || receipt_line(&ada, &post).await["last_error"].is_string()).await;
    followers(&app, &ada, &["late@example.org".to_owned()]).await;
    finish(&app, &mut ada, &post).await;
    assert_eq!(smtpd.mailed(), ["drop1-early@example.org"]);
}

#[actix_web::test]
async fn a_post_that_is_taken_back_reaches_nobody_else() {
    let (app, smtpd) = post_office().await;
    let mut ada = app.person("ada").await;
    let addresses = ["grey1-a@example.org".to_owned(), "reader-b@example.org".to_owned()];
    followers(&app, &ada, &addresses).await;
    let post = ada.publish("Second thoughts").await;
    app.settle().await;
    assert_eq!(smtpd.mailed(), ["reader-b@example.org"]);
    ada.delete(&format!("/v1/posts/{}", post["id"].as_str().unwrap())).await.expect(204);
    for _ in 0..3 {
        app.pass(std::time::Duration::from_secs(400)).await;
    }
    ada.sign_in().await;
    assert_eq!(smtpd.mailed(), ["reader-b@example.org"]);
}

#[actix_web::test]
async fn a_step_that_is_cut_off_sends_no_second_copy() {
    let plan = Plan::default();
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let app = crate::support::TestApp::spawn_in(folder, |_| {}, plan.registry()).await;
    plan.of("email").next(&[Fault::Twice]);
    let mut ada = app.person("ada").await;
    followers(&app, &ada, &(0..30).map(|number| format!("reader-{number}@example.org")).collect::<Vec<_>>()).await;
    let post = ada.publish("Twice").await;
    finish(&app, &mut ada, &post).await;
    assert_eq!(plan.sent().len(), 30);
}

#[actix_web::test]
async fn only_the_author_and_those_in_charge_see_how_far_a_mailing_is() {
    let (app, _smtpd) = post_office().await;
    let (ada, eve) = (app.person("ada").await, app.person("eve").await);
    let post = ada.publish("Mine").await;
    app.settle().await;
    let path = format!("/v1/posts/{}/mailing", post["id"].as_str().unwrap());
    eve.get(&path).await.expect_problem(403, "forbidden");
    assert_eq!(ada.get(&path).await.expect(200).json()["recipients"], 0);
    ada.get("/v1/posts/01JD9X8Z6Q4W7E2R5T1Y3V0P8A/mailing").await.expect_problem(404, "not_found");
}
