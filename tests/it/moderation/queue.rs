//! `GET /v1/moderation/queue`: what waits, in which order, and what leaves it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{decide, moderator, spawn, waiting};
use crate::support::{
    Person, TestApp,
    api::{HOSTILE_CURSORS, REJECTED, doubtful, findings, numbered, path},
};

/// Publishes posts that the rules leave to a person, one a second, each judged before the next.
async fn doubts(app: &TestApp, author: &Person, titles: &[String]) -> Vec<Value> {
    let mut posts = Vec::new();
    for title in titles {
        posts.push(author.publish_with(json!({"title": title, "body": doubtful()})).await);
        app.settle().await;
        app.clock.advance(Duration::from_secs(1));
    }
    posts
}

#[actix_web::test]
async fn what_waits_is_listed_oldest_first_and_page_by_page_exactly_once() {
    let app = spawn().await;
    let (ada, mia) = (app.person("ada").await, moderator(&app, "mia").await);
    let titles = numbered("Doubt", 7);
    doubts(&app, &ada, &titles).await;
    ada.publish_with(json!({"title": "Fine"})).await;
    ada.publish_with(json!({"title": "Unfit", "body": REJECTED})).await;
    app.settle().await;
    for limit in [1, 3, 7, 20] {
        assert_eq!(mia.pages("/v1/moderation/queue", limit).await.concat(), titles, "limit {limit}");
    }
    assert_eq!(waiting(&mia, "review").await, titles);
    assert!(waiting(&mia, "appeal").await.is_empty());
}

#[actix_web::test]
async fn an_item_says_what_was_decided_so_far_why_by_whom_and_since_when() {
    let app = spawn().await;
    let (ada, mia) = (app.person("ada").await, moderator(&app, "mia").await);
    let posts = doubts(&app, &ada, &["Doubt".to_owned()]).await;
    let page = mia.get("/v1/moderation/queue").await.expect(200).json();
    let item = &page["items"][0];
    assert_eq!((&item["post"]["id"], &item["post"]["moderation"]), (&posts[0]["id"], &json!("review")));
    assert_eq!(item["post"]["author"]["handle"], "ada");
    let verdict = &item["verdict"];
    assert_eq!((&verdict["decision"], &verdict["model"]), (&json!("review"), &json!("rules/1")));
    assert!(!verdict["categories"].as_array().unwrap().is_empty(), "{verdict}");
    assert!(verdict["reason"].as_str().unwrap().starts_with("The post "), "{verdict}");
    assert_eq!(item["since"], verdict["at"]);
    assert!(item.get("appeal").is_none(), "{item}");
    let read = mia.get(&path(&posts[0])).await.expect(200).json();
    assert_eq!(read["verdict"], *verdict, "the post itself says the same");
}

#[actix_web::test]
async fn a_decision_an_edit_and_a_deletion_take_a_post_out_of_the_queue() {
    let app = spawn().await;
    let (ada, mia) = (app.person("ada").await, moderator(&app, "mia").await);
    let titles = numbered("Doubt", 5);
    let posts = doubts(&app, &ada, &titles).await;
    decide(&mia, &posts[0], "approved", "It is a quotation.").await.expect(200);
    decide(&mia, &posts[1], "rejected", "It is a threat.").await.expect(200);
    ada.delete(&path(&posts[2])).await.expect(204);
    ada.patch(&path(&posts[3]), &json!({"body": "Never mind."})).await.expect(200);
    assert_eq!(waiting(&mia, "review").await, titles[4..], "at once");
    app.settle().await;
    assert_eq!(waiting(&mia, "review").await, titles[4..]);
    ada.patch(&path(&posts[3]), &json!({"body": doubtful()})).await.expect(200);
    ada.patch(&path(&posts[4]), &json!({"slug": "another-name"})).await.expect(200);
    app.settle().await;
    let back = [titles[4].clone(), titles[3].clone()];
    assert_eq!(
        waiting(&mia, "review").await,
        back,
        "a new text waits anew, behind those that waited; a slug is no text"
    );
}

#[actix_web::test]
async fn a_bad_query_is_refused_by_name() {
    let app = spawn().await;
    let mia = moderator(&app, "mia").await;
    for (query, finding) in [
        ("state=pending", "state: unknown_value"),
        ("state=rejected", "state: unknown_value"),
        ("state=", "state: unknown_value"),
        ("limit=0", "limit: out_of_range"),
        ("limit=101", "limit: out_of_range"),
        ("page=2", "page: unknown_field"),
    ] {
        let problem = mia.get(&format!("/v1/moderation/queue?{query}")).await.expect_problem(422, "invalid_input");
        assert_eq!(findings(&problem), [finding], "{query}");
    }
    for cursor in HOSTILE_CURSORS {
        mia.get(&format!("/v1/moderation/queue?cursor={cursor}")).await.expect_problem(422, "invalid_input");
    }
}
