//! `GET /v1/feed`: what a reader gets, when they follow and unfollow, and where the stored rows end.

use std::time::Duration;

use broadsheet::{actors::workers, config::Config};
use serde_json::json;

use crate::support::{
    Person, TestApp,
    api::{REJECTED, numbered, path, sorted},
};

async fn with_feeds(length: usize, backfill: usize) -> TestApp {
    let change = move |config: &mut Config| (config.feed.length, config.feed.backfill) = (length, backfill);
    TestApp::spawn_with(change, workers::standard()).await
}

/// Publishes one post a day, from 2020 on.
async fn publish_daily(author: &Person, titles: &[String]) {
    let start: jiff::Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
    for (day, title) in titles.iter().enumerate() {
        let at = start + Duration::from_secs(86_400 * day as u64);
        author.publish_with(json!({"title": title, "published_at": at.to_string()})).await;
    }
}

fn newest_first(mut titles: Vec<String>) -> Vec<String> {
    titles.reverse();
    titles
}

#[actix_web::test]
async fn a_feed_has_the_followed_authors_and_ones_own_posts_newest_first() {
    let app = TestApp::spawn().await;
    let (ada, bob, eve) = (app.person("ada").await, app.person("bob").await, app.person("eve").await);
    bob.follow(&ada).await;
    app.settle().await;
    for (author, title) in [(&ada, "One"), (&bob, "Two"), (&eve, "Not followed"), (&ada, "Three")] {
        author.publish(title).await;
        app.pass(Duration::from_secs(1)).await;
    }
    assert_eq!(bob.titles("/v1/feed").await, ["Three", "Two", "One"]);
    assert_eq!(ada.titles("/v1/feed").await, ["Three", "One"]);
    assert_eq!(eve.titles("/v1/feed").await, ["Not followed"]);
    assert!(app.person("new").await.titles("/v1/feed").await.is_empty());
}

#[actix_web::test]
async fn who_follows_gets_the_newest_hundred_and_the_rest_by_reading_on() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let titles = numbered("Post", 130);
    publish_daily(&ada, &titles).await;
    bob.follow(&ada).await;
    app.settle().await;
    let pages = bob.pages("/v1/feed", 20).await;
    assert_eq!(pages.concat(), newest_first(titles));
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [20, 20, 20, 20, 20, 20, 10]);
    let long = bob.get("/v1/feed?limit=100").await.expect(200).json();
    assert_eq!(long["items"].as_array().unwrap().len(), 100);
}

#[actix_web::test]
async fn a_backfill_leaves_no_gap_before_another_authors_older_posts() {
    let app = with_feeds(50, 5).await;
    let (ada, eve, bob) = (app.person("ada").await, app.person("eve").await, app.person("bob").await);
    let titles = numbered("Post", 12);
    publish_daily(&ada, &titles).await;
    eve.publish_with(json!({"title": "Ancient", "published_at": "1990-01-01T00:00:00Z"})).await;
    bob.follow(&ada).await;
    bob.follow(&eve).await;
    app.settle().await;
    let whole: Vec<String> = newest_first(titles).into_iter().chain(["Ancient".to_owned()]).collect();
    assert_eq!(bob.all("/v1/feed").await, whole);
}

#[actix_web::test]
async fn a_trimmed_feed_pages_through_everything_by_pulling() {
    let app = with_feeds(20, 10).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    let titles = numbered("Post", 50);
    publish_daily(&ada, &titles).await;
    app.settle().await;
    app.app.clean_up().await.unwrap();
    for limit in [7, 20, 100] {
        assert_eq!(bob.pages("/v1/feed", limit).await.concat(), newest_first(titles.clone()), "limit {limit}");
    }
    bob.delete("/v1/authors/ada/follow").await.expect(204);
    app.settle().await;
    assert!(bob.all("/v1/feed").await.is_empty());
}

#[actix_web::test]
async fn posts_of_one_millisecond_survive_trimming() {
    let app = with_feeds(20, 10).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    let titles = numbered("Post", 45);
    ada.publish_all(&titles).await;
    app.settle().await;
    app.app.clean_up().await.unwrap();
    assert_eq!(sorted(bob.all("/v1/feed").await), titles);
}

#[actix_web::test]
async fn ones_own_posts_go_on_past_the_stored_rows_too() {
    let app = with_feeds(20, 10).await;
    let ada = app.person("ada").await;
    let titles = numbered("Post", 30);
    publish_daily(&ada, &titles).await;
    app.settle().await;
    app.app.clean_up().await.unwrap();
    assert_eq!(ada.all("/v1/feed").await, newest_first(titles));
}

#[actix_web::test]
async fn who_unfollows_loses_that_authors_posts_only() {
    let app = TestApp::spawn().await;
    let (ada, eve, bob) = (app.person("ada").await, app.person("eve").await, app.person("bob").await);
    bob.follow(&ada).await;
    bob.follow(&eve).await;
    ada.publish_all(&numbered("Ada", 3)).await;
    eve.publish_all(&numbered("Eve", 3)).await;
    bob.publish("Own").await;
    app.settle().await;
    bob.delete("/v1/authors/ada/follow").await.expect(204);
    app.settle().await;
    assert_eq!(sorted(bob.all("/v1/feed").await), ["Eve 001", "Eve 002", "Eve 003", "Own"]);
    ada.publish("Ada later").await;
    app.settle().await;
    assert_eq!(bob.all("/v1/feed").await.len(), 4);
    bob.follow(&ada).await;
    app.settle().await;
    assert_eq!(bob.all("/v1/feed").await.len(), 8, "following again brings everything back");
}

#[actix_web::test]
async fn a_feed_shows_an_edited_post_where_it_was() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    let first = ada.publish("First").await;
    app.pass(Duration::from_secs(1)).await;
    ada.publish("Second").await;
    app.settle().await;
    ada.patch(&path(&first), &json!({"title": "First, edited"})).await.expect(200);
    app.settle().await;
    assert_eq!(bob.titles("/v1/feed").await, ["Second", "First, edited"]);
}

#[actix_web::test]
async fn wrong_parameters_of_a_feed_are_refused() {
    let app = TestApp::spawn().await;
    let bob = app.person("bob").await;
    for query in ["limit=0", "limit=101", "limit=abc", "page=2"] {
        bob.get(&format!("/v1/feed?{query}")).await.expect_problem(422, "invalid_input");
    }
}

#[actix_web::test]
async fn a_feed_has_no_gaps_behind_a_backfill_that_was_cut_off() {
    let app = with_feeds(800, 2).await;
    let (ada, grace, bob) = (app.person("ada").await, app.person("grace").await, app.person("bob").await);
    let (older, newer) = (numbered("Older", 2), numbered("Newer", 5));
    publish_daily(&grace, &older).await;
    for title in &newer {
        app.clock.advance(Duration::from_secs(1));
        ada.publish_with(json!({"title": title})).await;
    }
    app.settle().await;
    bob.follow(&grace).await;
    bob.follow(&ada).await;
    app.settle().await;
    let all = newest_first([older, newer].concat());
    for limit in [1, 2, 3, 20] {
        assert_eq!(bob.pages("/v1/feed", limit).await.concat(), all, "pages of {limit}");
    }
}

#[actix_web::test]
async fn a_trimmed_feed_has_no_gap_above_what_a_later_follow_brings() {
    let app = with_feeds(10, 5).await;
    let (ada, dan, eve, bob) =
        (app.person("ada").await, app.person("dan").await, app.person("eve").await, app.person("bob").await);
    // Before there is anything to backfill: every row comes by fan-out.
    bob.follow(&ada).await;
    bob.follow(&dan).await;
    let titles = numbered("Post", 30);
    publish_daily(&ada, &titles).await;
    eve.publish_with(json!({"title": "Post 010 a", "published_at": "2020-01-10T12:00:00Z"})).await;
    for day in 1..=6 {
        dan.publish_with(json!({"title": "Newer", "published_at": format!("2021-01-0{day}T00:00:00Z")})).await;
    }
    app.settle().await;
    app.app.clean_up().await.unwrap();
    // Ten rows were kept, six of which go now; there is room for hers, deep below.
    bob.delete("/v1/authors/dan/follow").await.expect(204);
    bob.follow(&eve).await;
    app.settle().await;
    let mut all = titles;
    all.insert(10, "Post 010 a".to_owned());
    for limit in [3, 20] {
        assert_eq!(bob.pages("/v1/feed", limit).await.concat(), newest_first(all.clone()), "pages of {limit}");
    }
}

/// How many rows a person's feed has, whether anybody may see their posts or not.
async fn rows_of(app: &TestApp, person: &Person) -> usize {
    let me = person.get("/v1/me").await.expect(200).json();
    let reader = me["id"].as_str().unwrap().parse().unwrap();
    app.app.repositories.feed().rows_of(reader, None, 1_000).await.unwrap().len()
}

#[actix_web::test]
async fn a_post_that_goes_at_once_leaves_no_row_behind() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    app.settle().await;
    for round in 0..10 {
        let post = ada.publish(&format!("Regretted {round}")).await;
        ada.publish_with(json!({"title": "Unfit", "body": REJECTED})).await;
        ada.delete(&path(&post)).await.expect(204);
    }
    app.settle().await;
    assert_eq!((rows_of(&app, &ada).await, rows_of(&app, &bob).await), (0, 0));
    ada.publish("Kept").await;
    app.settle().await;
    assert_eq!((rows_of(&app, &ada).await, rows_of(&app, &bob).await), (1, 1));
}
