//! `/v1/authors/{handle}` and its Atom document.

use atom_syndication::Feed;
use serde_json::{Value, json};

use crate::support::{
    TestApp,
    api::{REJECTED, doubtful, findings, numbered, path},
};

#[actix_web::test]
async fn a_profile_says_what_everybody_may_know() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    ada.patch("/v1/me", &json!({"name": "Ada L.", "bio": "Counts."})).await.expect(200);
    bob.follow(&ada).await;
    ada.publish("One").await;
    app.settle().await;
    let answer = bob.get("/v1/authors/Ada").await.expect(200);
    let mut profile = answer.json();
    assert!(profile.as_object_mut().unwrap().remove("created_at").is_some_and(|at| at.is_string()));
    let expected = json!({
        "handle": "ada", "name": "Ada L.", "bio": "Counts.", "posts": 1, "followers": 1, "is_followed": true,
    });
    assert_eq!(profile, expected);
    bob.get_with("/v1/authors/ada", "if-none-match", answer.header("etag")).await.expect(304);
    ada.patch("/v1/me", &json!({"bio": "Sums."})).await.expect(200);
    bob.get_with("/v1/authors/ada", "if-none-match", answer.header("etag")).await.expect(200);
}

#[actix_web::test]
async fn a_profile_counts_only_what_everybody_may_see() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let counted = async || {
        app.settle().await;
        bob.get("/v1/authors/ada").await.expect(200).json()["posts"].as_u64().unwrap()
    };
    let change = async |post: &Value, changes: Value| drop(ada.patch(&path(post), &changes).await.expect(200));
    let one = ada.publish("One").await;
    let vile = ada.publish_with(json!({"title": "Two", "body": REJECTED})).await;
    assert_eq!(counted().await, 1, "a rejected post is not counted");
    change(&vile, json!({"body": "Kind words."})).await;
    assert_eq!(counted().await, 2, "its new text is approved");
    change(&one, json!({"body": REJECTED})).await;
    assert_eq!(counted().await, 1);
    ada.patch("/v1/me", &json!({"hold_until_approved": true})).await.expect(200);
    let held = ada.publish_with(json!({"title": "Three", "body": doubtful()})).await;
    assert_eq!(counted().await, 1, "a held post is not counted");
    for post in [&one, &held] {
        ada.delete(&path(post)).await.expect(204);
        assert_eq!(counted().await, 1, "a hidden post is gone");
    }
    ada.delete(&path(&vile)).await.expect(204);
    assert_eq!(counted().await, 0);
}

#[actix_web::test]
async fn an_author_who_is_not_there_is_404() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    for handle in ["nobody", "me", "%20", "%ff", "a%2Fb", "1", &"a".repeat(3_000)] {
        for tail in ["", "/posts", "/atom.xml"] {
            ada.get(&format!("/v1/authors/{handle}{tail}")).await.expect_problem(404, "not_found");
        }
    }
    let problem = ada.get("/v1/authors/ada/posts?limit=0").await.expect_problem(422, "invalid_input");
    assert_eq!(findings(&problem), ["limit: out_of_range"]);
}

#[actix_web::test]
async fn the_atom_document_has_the_newest_twenty_posts() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let titles = numbered("Post", 21);
    for (day, title) in titles.iter().enumerate() {
        let at = format!("2020-01-{:02}T00:00:00Z", day + 1);
        ada.publish_with(json!({"title": title, "tags": ["x"], "published_at": at})).await;
    }
    ada.publish_with(json!({"title": "Draft", "status": "draft"})).await;
    app.settle().await;
    let answer = bob.get("/v1/authors/ada/atom.xml").await.expect(200);
    assert_eq!(answer.header("content-type"), "application/atom+xml; charset=utf-8");
    let feed = Feed::read_from(answer.text.as_bytes()).unwrap();
    let shown: Vec<&str> = feed.entries.iter().map(|entry| entry.title.value.as_str()).collect();
    assert_eq!(shown, titles.iter().rev().take(20).collect::<Vec<_>>());
    assert!(feed.id.starts_with("urn:ulid:") && feed.title.value == "ada the Author");
    assert!(feed.links.iter().any(|link| link.rel == "self" && link.href.ends_with("/v1/authors/ada/atom.xml")));
    let entry = &feed.entries[0];
    assert_eq!(entry.published.unwrap().to_rfc3339(), "2020-01-21T00:00:00+00:00");
    assert_eq!(entry.categories[0].term, "x");
    assert_eq!(entry.content.as_ref().unwrap().value.as_deref(), Some("<p>A body.</p>\n"));
    assert!(!answer.text.contains("ada@"), "nobody's address is shown");
}

#[actix_web::test]
async fn an_atom_document_is_sent_again_only_when_it_has_changed() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let atom = "/v1/authors/ada/atom.xml";
    assert!(Feed::read_from(bob.get(atom).await.expect(200).text.as_bytes()).unwrap().entries.is_empty());
    let post = ada.publish("One").await;
    app.settle().await;
    let answer = bob.get(atom).await.expect(200);
    assert!(answer.headers.contains_key("last-modified"));
    bob.get_with(atom, "if-none-match", answer.header("etag")).await.expect(304);
    ada.patch(&path(&post), &json!({"title": "Two"})).await.expect(200);
    app.settle().await;
    let changed = bob.get_with(atom, "if-none-match", answer.header("etag")).await.expect(200);
    assert!(changed.text.contains("Two"));
}

#[actix_web::test]
async fn hostile_text_stays_text_in_an_atom_document() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    ada.patch("/v1/me", &json!({"name": "<Ada> & \"co\" ]]>"})).await.expect(200);
    let body = "<script>alert(1)</script> ]]> &#1; &amp; 🦀";
    ada.publish_with(json!({"title": "a < b & c ]]> \u{fffe}", "body": body})).await;
    app.settle().await;
    let text = ada.get("/v1/authors/ada/atom.xml").await.expect(200).text;
    let feed = Feed::read_from(text.as_bytes()).unwrap();
    assert_eq!(feed.title.value, "<Ada> & \"co\" ]]>");
    assert!(feed.entries[0].title.value.starts_with("a < b & c ]]>"));
    let html = feed.entries[0].content.as_ref().unwrap().value.as_deref().unwrap();
    assert!(!html.contains("<script") && html.contains("🦀"), "{html}");
    assert!(!text.contains(['\u{1}', '\u{fffe}']));
}
