//! `GET /v1/search`: its language, its filters, its pages and its snippets.

use std::time::Duration;

use broadsheet::{
    actors::{Command, PostChanges},
    domain::{AccountId, Body, TraceContext, Viewer},
};
use serde_json::{Value, json};

use crate::support::{
    Person, TestApp,
    api::{HOSTILE_CURSORS, findings, numbered, path, sorted},
};

async fn library(app: &TestApp) -> Person {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    for (author, title, body, tag, at) in [
        (&ada, "Tea", "Brewing green tea with care.", "drinks", "2024-01-15T12:00:00Z"),
        (&ada, "Coffee", "Brewing coffee; green beans are roasted first.", "drinks", "2024-02-15T12:00:00Z"),
        (&bob, "Gardens", "A green garden with tea roses.", "plants", "2024-03-15T12:00:00Z"),
    ] {
        author.publish_with(json!({"title": title, "body": body, "tags": [tag], "published_at": at})).await;
    }
    app.settle().await;
    bob
}

#[actix_web::test]
async fn words_phrases_exclusions_and_filters_are_understood() {
    let app = TestApp::spawn().await;
    let reader = library(&app).await;
    for (query, found) in [
        ("q=green", &["Coffee", "Gardens", "Tea"][..]),
        ("q=brewed", &["Coffee", "Tea"]),
        ("q=GREEN%20tea", &["Gardens", "Tea"]),
        ("q=%22green%20tea%22", &["Tea"]),
        ("q=green%20-tea", &["Coffee"]),
        ("q=green%20-%22green%20tea%22", &["Coffee", "Gardens"]),
        ("q=tag:drinks", &["Coffee", "Tea"]),
        ("q=green%20-tag:drinks", &["Gardens"]),
        ("q=author:bob", &["Gardens"]),
        ("q=green%20author:ada%20tag:drinks", &["Coffee", "Tea"]),
        ("q=green&tag=Drinks", &["Coffee", "Tea"]),
        ("q=green&author=BOB", &["Gardens"]),
        ("tag=plants", &["Gardens"]),
        ("author=ada", &["Coffee", "Tea"]),
        ("q=green%20after:2024-02-01", &["Coffee", "Gardens"]),
        ("q=green%20before:2024-02-01", &["Tea"]),
        ("q=green&after=2024-02-15T12:00:00Z&before=2024-03-15T12:00:00Z", &["Coffee"]),
        ("q=green&after=2024-01-15&before=2024-01-16", &["Tea"]),
        ("q=gardens", &["Gardens"]),
        ("q=nothing", &[]),
        ("q=green%20nothing", &[]),
        ("q=%C3%B1%F0%9F%A6%80", &[]),
        ("q=%22", &[]),
        ("q=((green", &["Coffee", "Gardens", "Tea"]),
    ] {
        assert_eq!(sorted(reader.titles(&format!("/v1/search?{query}")).await), found, "{query}");
    }
    assert_eq!(reader.titles("/v1/search?author=ada").await, ["Coffee", "Tea"], "without words the newest is first");
}

#[actix_web::test]
async fn a_hit_has_its_post_a_score_and_an_escaped_snippet() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let body = "A needle <script>alert(1)</script> & <b>more</b> `<img src=x onerror=y>`";
    let post = ada.publish_with(json!({"title": "Hay <i>", "body": body})).await;
    app.settle().await;
    for query in ["q=needle", "author=ada"] {
        let page = ada.get(&format!("/v1/search?{query}")).await.expect(200).json();
        let hit = &page["items"][0];
        assert_eq!((&hit["post"]["id"], &page["next_cursor"]), (&post["id"], &json!(null)));
        assert!(hit["score"].is_number(), "{hit}");
        let snippet = hit["snippet"].as_str().unwrap();
        let unmarked = snippet.replace("<b>needle</b>", "");
        assert!(!unmarked.contains('<') && snippet.contains("&lt;script&gt;"), "{snippet}");
        assert_eq!(snippet.contains("<b>needle</b>"), query == "q=needle", "{snippet}");
    }
}

#[actix_web::test]
async fn what_is_edited_or_deleted_is_found_as_it_is() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let post = ada.publish_with(json!({"title": "Old", "body": "walrus"})).await;
    app.settle().await;
    assert_eq!(ada.titles("/v1/search?q=walrus").await, ["Old"]);
    ada.patch(&path(&post), &json!({"title": "New", "body": "penguin"})).await.expect(200);
    app.settle().await;
    assert!(ada.titles("/v1/search?q=walrus").await.is_empty());
    assert_eq!(ada.titles("/v1/search?q=penguin").await, ["New"]);
    ada.delete(&path(&post)).await.expect(204);
    app.settle().await;
    assert!(ada.titles("/v1/search?q=penguin").await.is_empty());
}

/// A body that takes long to index: far longer than a short one that comes after it.
fn slow_body(word: &str) -> String {
    let words: String = (0..9_000).map(|number| format!("*w{number}* ")).collect();
    format!("{word} {words}")
}

/// Edits a post by the way of all commands, without an answer that would have to be rendered first.
async fn edit(app: &TestApp, author: AccountId, post: &Value, body: &str) {
    let changes = PostChanges { body: Some(Body::parse(body).unwrap()), ..PostChanges::default() };
    let (post, by) = (post["id"].as_str().unwrap().parse().unwrap(), Viewer::Account(author));
    let command = Command::Edit { post, by, if_version: None, changes };
    app.app.publisher.submit(command, TraceContext::new(1, 1, 1)).await.unwrap();
}

#[actix_web::test]
async fn a_text_that_was_slow_to_index_does_not_come_back() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let me = ada.get("/v1/me").await.expect(200).json();
    let (author, slow) = (me["id"].as_str().unwrap().parse().unwrap(), slow_body("walrus"));
    for round in 0..20 {
        let post = ada.publish_with(json!({"title": format!("Round {round}"), "body": "zebra"})).await;
        app.settle().await;
        edit(&app, author, &post, &slow).await;
        edit(&app, author, &post, "penguin").await;
        app.settle().await;
        assert!(ada.titles("/v1/search?q=walrus").await.is_empty(), "round {round}: the removed text is found");
        assert_eq!(ada.titles("/v1/search?q=penguin").await, [format!("Round {round}")]);
        ada.delete(&path(&post)).await.expect(204);
    }
    app.settle().await;
}

#[actix_web::test]
async fn hits_come_in_pages_exactly_once() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let titles = numbered("Post", 25);
    for (days, title) in titles.iter().enumerate() {
        let at = (jiff::Timestamp::now() - Duration::from_secs(86_400 * (days as u64 + 1))).to_string();
        ada.publish_with(json!({"title": title, "published_at": at})).await;
    }
    app.settle().await;
    for query in ["q=post", "author=ada"] {
        let pages = ada.pages(&format!("/v1/search?{query}"), 10).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5], "{query}");
        assert_eq!(pages.concat(), titles, "between equals the newest is first: {query}");
    }
}

#[actix_web::test]
async fn what_cannot_be_searched_is_refused_with_the_parameters_name() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let long = format!("q={}", "a".repeat(501));
    for (query, finding) in [
        ("", "q: empty"),
        ("q=", "q: empty"),
        ("q=%20", "q: empty"),
        ("q=-word", "q: only_excluded"),
        (&long, "q: too_long"),
        ("q=x&before=noon", "before: invalid_time"),
        ("q=x%20after:noon", "q: invalid_time"),
        ("q=x&tag=a/b", "tag: invalid_characters"),
        ("q=x&limit=0", "limit: out_of_range"),
        ("q=x&limit=101", "limit: out_of_range"),
        ("q=x&limit=abc", "limit: wrong_type"),
        ("q=x&sort=date", "sort: unknown_field"),
        ("q=%ff", "q: not_utf8"),
    ] {
        let problem = ada.get(&format!("/v1/search?{query}")).await.expect_problem(422, "invalid_input");
        assert_eq!(findings(&problem), [finding], "{query}");
    }
    for cursor in HOSTILE_CURSORS {
        ada.get(&format!("/v1/search?q=x&cursor={cursor}")).await.expect_problem(422, "invalid_input");
    }
    ada.get(&format!("/v1/search?q={}", "a".repeat(500))).await.expect(200);
}
