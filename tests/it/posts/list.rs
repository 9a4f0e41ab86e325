//! `GET /v1/posts`: which posts, in which order, in which pages.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use crate::support::{
    TestApp,
    api::{HOSTILE_CURSORS, REJECTED, findings, numbered, path, sorted},
};

#[actix_web::test]
async fn fifty_five_posts_of_one_millisecond_come_exactly_once() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let titles = numbered("Post", 55);
    ada.publish_all(&titles).await;
    app.settle().await;
    for list in ["/v1/posts", "/v1/posts?author=ada", "/v1/authors/ada/posts"] {
        let pages = bob.pages(list, 20).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [20, 20, 15], "{list}");
        assert_eq!(sorted(pages.concat()), titles, "{list}");
    }
    for limit in [1, 11, 55, 100] {
        assert_eq!(sorted(bob.pages("/v1/posts", limit).await.concat()), titles, "limit {limit}");
    }
}

#[actix_web::test]
async fn posts_are_listed_by_their_publication_newest_first() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    for (title, at) in [
        ("2019", "2019-05-01T00:00:00Z"),
        ("1969", "1969-07-20T20:17:40Z"),
        ("2019 and a millisecond", "2019-05-01T00:00:00.001Z"),
        ("year 1", "0001-01-01T00:00:00Z"),
        ("2019 elsewhere", "2019-05-01T00:30:00+02:00"),
    ] {
        ada.publish_with(json!({"title": title, "published_at": at, "tags": ["dated"]})).await;
    }
    ada.publish_with(json!({"title": "now", "tags": ["dated"]})).await;
    app.settle().await;
    let order = ["now", "2019 and a millisecond", "2019", "2019 elsewhere", "1969", "year 1"];
    for list in ["/v1/posts", "/v1/posts?tag=dated", "/v1/posts?author=ada", "/v1/authors/ada/posts", "/v1/feed"] {
        assert_eq!(ada.pages(list, 2).await.concat(), order, "{list}");
    }
}

#[actix_web::test]
async fn a_post_that_comes_meanwhile_shifts_no_page() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    for number in 1..=4 {
        let at = format!("2020-01-0{number}T00:00:00Z");
        ada.publish_with(json!({"title": format!("Post {number}"), "published_at": at})).await;
    }
    let first = ada.get("/v1/posts?limit=2").await.expect(200).json();
    let newest = ada.publish("Newest").await;
    ada.delete(&path(&first["items"][1])).await.expect(204);
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(ada.titles(&format!("/v1/posts?limit=2&cursor={cursor}")).await, ["Post 2", "Post 1"]);
    ada.delete(&path(&newest)).await.expect(204);
    app.settle().await;
}

#[actix_web::test]
async fn author_tag_and_moderation_narrow_the_list_together() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    ada.publish_with(json!({"title": "Ada on rust", "tags": ["rust"]})).await;
    ada.publish_with(json!({"title": "Ada on tea", "tags": ["tea"]})).await;
    ada.publish_with(json!({"title": "Ada unfit", "tags": ["rust"], "body": REJECTED})).await;
    bob.publish_with(json!({"title": "Bob on rust", "tags": ["rust"]})).await;
    app.settle().await;
    let titles = async |query: &str| sorted(ada.titles(&format!("/v1/posts?{query}")).await);
    assert_eq!(titles("tag=rust").await, ["Ada on rust", "Ada unfit", "Bob on rust"], "one's own are all there");
    assert_eq!(sorted(bob.titles("/v1/posts?tag=rust").await), ["Ada on rust", "Bob on rust"]);
    assert_eq!(titles("author=ADA&tag=RUST").await, ["Ada on rust", "Ada unfit"]);
    assert_eq!(titles("author=ada&moderation=rejected").await, ["Ada unfit"]);
    assert_eq!(titles("author=ada&moderation=approved&tag=tea").await, ["Ada on tea"]);
    assert!(titles("author=nobody").await.is_empty() && titles("tag=nothing").await.is_empty());
    bob.get("/v1/posts?author=ada&moderation=rejected").await.expect_problem(403, "forbidden");
    bob.get("/v1/posts?moderation=pending").await.expect_problem(403, "forbidden");
}

#[actix_web::test]
async fn wrong_parameters_are_named() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    for (query, finding) in [
        ("limit=0", "limit: out_of_range"),
        ("limit=101", "limit: out_of_range"),
        ("limit=abc", "limit: wrong_type"),
        ("limit=-1", "limit: wrong_type"),
        ("limit=", "limit: wrong_type"),
        ("limit=99999999999999999999", "limit: wrong_type"),
        ("tag=", "tag: empty"),
        ("author=a%20b", "author: invalid_characters"),
        ("moderation=maybe", "moderation: unknown_value"),
        ("status=hidden", "status: unknown_value"),
        ("offset=3", "offset: unknown_field"),
        ("limit=1&limit=2", "limit: duplicate_field"),
        ("tag=%ff", "tag: not_utf8"),
    ] {
        let problem = ada.get(&format!("/v1/posts?{query}")).await.expect_problem(422, "invalid_input");
        assert_eq!(findings(&problem), [finding], "{query}");
    }
    ada.get("/v1/posts?limit=1").await.expect(200);
    ada.get("/v1/posts?limit=100").await.expect(200);
}

#[actix_web::test]
async fn hostile_cursors_are_refused_and_extreme_ones_do_no_harm() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    ada.publish("Only").await;
    app.settle().await;
    let lists = ["/v1/posts", "/v1/posts?tag=test", "/v1/authors/ada/posts", "/v1/feed"];
    for list in lists {
        let joint = if list.contains('?') { '&' } else { '?' };
        for cursor in HOSTILE_CURSORS {
            let problem = ada.get(&format!("{list}{joint}cursor={cursor}")).await.expect_problem(422, "invalid_input");
            assert!(findings(&problem)[0].starts_with("cursor: "), "{list} {cursor}");
        }
        let cursor = |at: i64| URL_SAFE_NO_PAD.encode(format!("{at}.01JD9X8Z6Q4W7E2R5T1Y3V0P8A"));
        ada.get(&format!("{list}{joint}cursor={}", cursor(i64::MAX))).await.expect_problem(422, "invalid_input");
        // The last and the first moment that a time can be.
        for (at, length) in [(253_402_207_199_999, 1), (-62_135_596_800_000, 0)] {
            let cursor = cursor(at);
            assert_eq!(ada.titles(&format!("{list}{joint}cursor={cursor}")).await.len(), length, "{list} {at}");
        }
    }
}
