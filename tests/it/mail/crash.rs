//! `kill -9` in the middle of a mailing: nobody gets a second copy, and few stay in doubt.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::Value;

use super::mailing;
use crate::support::{Person, Process, Smtpd, until};

const READERS: usize = 60;
/// What the configuration allows at once, and thus what a crash leaves in doubt at most.
const CONNECTIONS: u64 = 4;

fn is_finished(counts: &Value) -> bool {
    counts["recipients"] == READERS && counts["waiting"] == 0 && counts["sending"] == 0
}

#[actix_web::test]
async fn kill_9_in_the_middle_of_a_mailing_sends_nobody_a_second_copy() {
    let folder = tempfile::tempdir().unwrap();
    let smtpd = Smtpd::start(&folder.path().join("data/mail"), &[]);
    let url = smtpd.url();
    let variables = [("MAIL__TRANSPORT", "smtp"), ("MAIL__SMTP_URL", url.as_str()), ("MAIL__PER_SECOND", "25")];
    let process = Process::start(folder.path(), &variables).await;
    let ada = process.person("ada").await;
    let mut readers = Vec::new();
    for chunk in (0..READERS).collect::<Vec<_>>().chunks(10) {
        let handles: Vec<String> = chunk.iter().map(|number| format!("reader{number}")).collect();
        let people: Vec<Person> = join_all(handles.iter().map(|handle| process.person(handle))).await;
        join_all(people.iter().map(|person| person.follow(&ada))).await;
        readers.extend(people);
    }
    let post = ada.publish("Interrupted").await;
    until("a part of the mails is out", async || smtpd.mailed().len() > READERS / 4).await;
    process.kill();
    assert!(smtpd.mailed().len() < READERS, "the mailing was over before the crash");

    let process = Process::start(folder.path(), &variables).await;
    let ada = process.again(&ada).await;
    until("the mailing is done", async || is_finished(&mailing(&ada, &post).await)).await;
    let counts = mailing(&ada, &post).await;
    let mailed = smtpd.mailed();
    let unique: BTreeSet<&String> = mailed.iter().collect();
    assert_eq!(unique.len(), mailed.len(), "somebody got two copies: {mailed:?}");
    let unknown = counts["unknown"].as_u64().unwrap();
    assert!(unknown <= CONNECTIONS, "{counts}");
    assert_eq!(counts["sent"].as_u64().unwrap() + unknown, READERS as u64, "{counts}");
    let missing = readers.iter().filter(|reader| !unique.contains(&reader.email)).count();
    assert!(u64::try_from(missing).unwrap() <= unknown, "{missing} got none, {counts}");
    assert!(process.terminate().await.0.success());
}
