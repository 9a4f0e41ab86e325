//! `POST /v1/moderation/posts/{id}/decision`: what follows from a person's verdict.

use std::time::Duration;

use broadsheet::actors::workers;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{decide, moderator, spawn, spawn_with, standing};
use crate::support::{
    Fault, Faults, FaultyOne, Person, TestApp,
    api::{REJECTED, doubtful, findings, path},
    send,
};

/// An author with an older post, a follower and a moderator. Behind its last row a feed is pulled from the authors: only in
/// front of an older post is a lost row noticed.
async fn three(app: &TestApp) -> (Person, Person, Person) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    ada.publish_with(json!({"title": "Older"})).await;
    app.settle().await;
    app.clock.advance(Duration::from_secs(1));
    (ada, bob, moderator(app, "mia").await)
}

/// Whether a reader finds the post of this title everywhere, or nowhere.
async fn assert_shown(reader: &Person, post: &Value, is_shown: bool) {
    let title = post["title"].as_str().unwrap();
    let search = format!("/v1/search?q={}", title.to_lowercase());
    for list in ["/v1/feed", "/v1/posts", "/v1/authors/ada/posts", &search] {
        let titles = reader.titles(list).await;
        let times = titles.iter().filter(|shown| *shown == title).count();
        assert_eq!(times, usize::from(is_shown), "{list}: {titles:?}");
    }
    let status = reader.get(&path(post)).await.status.as_u16();
    assert_eq!(status, if is_shown { 200 } else { 404 });
}

fn mails(app: &TestApp, title: &str) -> usize {
    app.mails().iter().filter(|mail| mail.contains(title)).count()
}

#[actix_web::test]
async fn a_person_s_approval_sends_the_mail_that_waited_for_it() {
    let app = spawn().await;
    let (ada, bob, mia) = three(&app).await;
    let post = ada.publish_with(json!({"title": "Doubtful", "body": doubtful(), "notify": true})).await;
    app.settle().await;
    assert!(ada.receipt(&post).await.contains(&"email: held".to_owned()));
    let answer = decide(&mia, &post, "approved", "A quotation.").await.expect(200);
    assert_eq!(answer.header("etag"), "\"v3\"");
    let decided = answer.json();
    assert_eq!((&decided["moderation"], &decided["version"]), (&json!("approved"), &json!(3)));
    assert!(app.settle().await.is_empty());
    assert_eq!(mails(&app, "Doubtful"), 1);
    assert!(ada.receipt(&post).await.contains(&"email: done".to_owned()));
    assert_shown(&bob, &post, true).await;
    let read = bob.get(&path(&post)).await.expect(200).json();
    assert!(read.get("verdict").is_none(), "{read}");
}

#[actix_web::test]
async fn a_person_s_rejection_drops_the_mail_and_tells_the_author_why() {
    let app = spawn().await;
    let (ada, bob, mia) = three(&app).await;
    let post = ada.publish_with(json!({"title": "Doubtful", "body": doubtful(), "notify": true})).await;
    app.settle().await;
    assert_shown(&bob, &post, true).await;
    let reason = "It threatens a person.";
    decide(&mia, &post, "rejected", reason).await.expect(200);
    bob.get(&path(&post)).await.expect_problem(404, "not_found");
    assert!(app.settle().await.is_empty(), "nothing is held any more");
    assert_eq!(mails(&app, "Doubtful"), 0);
    assert_shown(&bob, &post, false).await;
    let seen = ada.get(&path(&post)).await.expect(200).json();
    let verdict = &seen["verdict"];
    assert_eq!((&verdict["decision"], &verdict["reason"]), (&json!("rejected"), &json!(reason)));
    assert_eq!((&verdict["model"], verdict.get("by")), (&json!("person"), None), "authors do not learn who");
    assert_eq!(mia.get(&path(&post)).await.expect(200).json()["verdict"]["by"], "mia");
}

#[actix_web::test]
async fn an_author_sees_why_the_rules_rejected_a_post_and_nobody_else_does() {
    let app = spawn().await;
    let (ada, bob, _) = three(&app).await;
    let fine = ada.publish_with(json!({"title": "Fine"})).await;
    let unfit = ada.publish_with(json!({"title": "Unfit", "body": REJECTED})).await;
    let doubt = ada.publish_with(json!({"title": "Doubt", "body": doubtful()})).await;
    app.settle().await;
    let verdict = ada.get(&path(&unfit)).await.expect(200).json()["verdict"].clone();
    assert_eq!((&verdict["decision"], &verdict["model"]), (&json!("rejected"), &json!("rules/1")));
    assert!(!verdict["reason"].as_str().unwrap().is_empty() && !verdict["categories"].as_array().unwrap().is_empty());
    assert_eq!(ada.get(&path(&doubt)).await.expect(200).json()["verdict"]["decision"], "review");
    for (reader, post) in [(&ada, &fine), (&bob, &fine), (&bob, &doubt)] {
        assert!(reader.get(&path(post)).await.expect(200).json().get("verdict").is_none());
    }
    let list = ada.get("/v1/posts?author=ada").await.expect(200).text;
    assert!(!list.contains("\"verdict\""), "lists stay as they are");
}

#[actix_web::test]
async fn a_rejected_post_that_a_person_approves_is_mailed_after_all() {
    let app = spawn().await;
    let (ada, _, mia) = three(&app).await;
    let post = ada.publish_with(json!({"title": "Doubtful", "body": doubtful(), "notify": true})).await;
    app.settle().await;
    decide(&mia, &post, "rejected", "Off topic.").await.expect(200);
    app.settle().await;
    assert_eq!(mails(&app, "Doubtful"), 0);
    for verdict in ["approved", "rejected", "approved"] {
        decide(&mia, &post, verdict, "Looked again.").await.expect(200);
        app.settle().await;
    }
    assert_eq!(mails(&app, "Doubtful"), 1);
}

#[actix_web::test]
async fn a_post_can_be_taken_down_and_put_back() {
    let app = spawn().await;
    let (ada, bob, mia) = three(&app).await;
    let post = ada.publish_with(json!({"title": "Tea"})).await;
    app.settle().await;
    for round in 0..3 {
        decide(&mia, &post, "rejected", "Off topic.").await.expect(200);
        app.settle().await;
        assert_shown(&bob, &post, false).await;
        decide(&mia, &post, "approved", "On topic after all.").await.expect(200);
        app.settle().await;
        assert_shown(&bob, &post, true).await;
        assert_eq!(standing(&ada, &post).await, "approved", "round {round}");
    }
}

#[actix_web::test]
async fn decisions_that_race_leave_everything_as_the_last_one_says() {
    let app = spawn().await;
    let (ada, bob, mia) = three(&app).await;
    let noa = moderator(&app, "noa").await;
    let post = ada.publish_with(json!({"title": "Tea"})).await;
    app.settle().await;
    for _ in 0..5 {
        let decisions = (0..12).map(|number| {
            let (reviewer, verdict) = if number % 2 == 0 { (&mia, "approved") } else { (&noa, "rejected") };
            decide(reviewer, &post, verdict, "Because.")
        });
        for answer in join_all(decisions).await {
            answer.expect(200);
        }
        app.settle().await;
        let read = mia.get(&path(&post)).await.expect(200).json();
        let is_approved = read["moderation"] == "approved";
        assert_eq!(read["verdict"]["by"], if is_approved { Value::Null } else { json!("noa") });
        assert_shown(&bob, &post, is_approved).await;
    }
}

#[actix_web::test]
async fn a_rejection_that_the_feed_worker_hears_of_after_the_approval_that_followed_takes_nothing_back() {
    let faults = Faults::default();
    let registry = workers::standard_wrapped(FaultyOne::new("feed", &faults));
    let app = spawn_with(registry).await;
    let (ada, mut bob, mia) = three(&app).await;
    let post = ada.publish_with(json!({"title": "Tea"})).await;
    app.settle().await;
    faults.next(&[Fault::Fail]);
    decide(&mia, &post, "rejected", "Off topic.").await.expect(200);
    assert_eq!(app.settle().await.len(), 1, "the rejection is tried again later");
    decide(&mia, &post, "approved", "On topic after all.").await.expect(200);
    app.settle().await;
    assert!(app.pass(Duration::from_secs(100)).await.is_empty());
    bob.sign_in().await;
    assert_shown(&bob, &post, true).await;
}

#[actix_web::test]
async fn a_decision_on_a_text_that_was_edited_meanwhile_is_412() {
    let app = spawn().await;
    let (ada, _, mia) = three(&app).await;
    let post = ada.publish_with(json!({"title": "Doubt", "body": doubtful()})).await;
    app.settle().await;
    let item = mia.get("/v1/moderation/queue").await.expect(200).json()["items"][0].clone();
    let seen = format!("\"v{}\"", item["post"]["version"]);
    ada.patch(&path(&post), &json!({"body": format!("{} And more.", doubtful())})).await.expect(200);
    app.settle().await;
    let decision = format!("/v1/moderation/posts/{}/decision", post["id"].as_str().unwrap());
    let body = json!({"verdict": "approved", "reason": "Fine."});
    let decide_if = |tag: String| send(mia.request(Method::POST, &decision).header("if-match", tag).json(&body));
    decide_if(seen).await.expect_problem(412, "stale_version");
    assert_eq!(standing(&ada, &post).await, "review");
    let tag = mia.get(&path(&post)).await.expect(200).header("etag").to_owned();
    decide_if(tag).await.expect(200);
    decide_if("v3".to_owned()).await.expect_problem(400, "invalid_header");
    app.settle().await;
    assert_eq!(standing(&ada, &post).await, "approved");
}

#[actix_web::test]
async fn a_malformed_decision_is_refused_and_decides_nothing() {
    let app = spawn().await;
    let (ada, _, mia) = three(&app).await;
    let post = ada.publish_with(json!({"title": "Tea"})).await;
    app.settle().await;
    let decision = format!("/v1/moderation/posts/{}/decision", post["id"].as_str().unwrap());
    for (body, expected) in [
        (json!({}), vec!["reason: empty", "verdict: unknown_value"]),
        (json!({"verdict": "review", "reason": "?"}), vec!["verdict: unknown_value"]),
        (json!({"verdict": "rejected", "reason": " "}), vec!["reason: empty"]),
        (json!({"verdict": "rejected", "reason": "x".repeat(501)}), vec!["reason: too_long"]),
        (json!({"verdict": "rejected", "reason": "a\u{0}b"}), vec!["reason: control_characters"]),
        (json!({"verdict": "rejected", "reason": "x", "pin": true}), vec!["pin: unknown_field"]),
        (json!({"verdict": true, "reason": "x"}), vec!["verdict: wrong_type"]),
    ] {
        let problem = mia.post(&decision, &body).await.expect_problem(422, "invalid_input");
        assert_eq!(findings(&problem), expected, "{body}");
    }
    assert_eq!(standing(&ada, &post).await, "approved");
    assert!(app.app.repositories.audit().list(None, 10).await.unwrap().is_empty());
}

#[actix_web::test]
async fn every_decision_leaves_a_row_in_the_audit_trail_without_the_text() {
    let app = spawn().await;
    let (ada, _, mia) = three(&app).await;
    let post = ada.publish_with(json!({"title": "Unfit", "body": REJECTED})).await;
    app.settle().await;
    decide(&mia, &post, "approved", "A quotation.").await.expect(200);
    decide(&mia, &post, "rejected", "No quotation.").await.expect(200);
    decide(&ada, &post, "approved", "I like it.").await.expect_problem(403, "insufficient_scope");
    app.settle().await;
    let trail = app.app.repositories.audit().list(None, 10).await.unwrap();
    let mut acts: Vec<_> =
        trail.iter().map(|entry| (entry.audit.act.as_str(), entry.audit.by.handle.as_str())).collect();
    acts.sort_unstable();
    assert_eq!(acts, [("post.approve", "mia"), ("post.reject", "mia")]);
    for entry in &trail {
        assert_eq!(entry.audit.target, post["id"].as_str().unwrap());
        let (detail, is_approval) = (&entry.audit.detail, entry.audit.act == "post.approve");
        assert_eq!(detail["reason"], if is_approval { "A quotation." } else { "No quotation." });
        assert_eq!(detail["was"], if is_approval { "rejected" } else { "approved" });
        assert!(!detail.to_string().contains(REJECTED), "{detail}");
    }
}
