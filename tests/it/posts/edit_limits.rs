//! How often posts can be edited: an account's edits of one published post, and of all of them.

use broadsheet::{actors::workers, config::Config};
use serde_json::json;

use crate::support::{Answer, Person, TestApp, api::path};

async fn spawn(per_post: u32, in_all: u32) -> TestApp {
    let set = |config: &mut Config| {
        config.rate_limit.enabled = true;
        config.rate_limit.identity_per_minute = 1_000;
        config.rate_limit.edits_per_post_per_hour = per_post;
        config.rate_limit.edits_per_hour = in_all;
    };
    TestApp::spawn_with(set, workers::standard()).await
}

async fn edit(author: &Person, post: &serde_json::Value, title: &str) -> Answer {
    author.patch(&path(post), &json!({"title": title})).await
}

fn expect_limited(answer: Answer, limit: &str, policy: &str) {
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=3_600).contains(&seconds), "{seconds}");
    assert_eq!(answer.header("ratelimit-policy"), policy);
    assert!(answer.header("ratelimit").starts_with(&format!("\"{limit}\";r=0;t=")), "{answer:?}");
    answer.expect_problem(429, "rate_limited");
}

#[actix_web::test]
async fn a_post_that_is_edited_too_often_is_left_as_it_is_and_its_author_is_told_when_to_come_back() {
    let app = spawn(2, 100).await;
    let ada = app.person("ada").await;
    let (post, other) = (ada.publish("One").await, ada.publish("Another").await);
    for left in [1, 0] {
        let answer = edit(&ada, &post, &format!("One {left}")).await.expect(200);
        assert_eq!(answer.header("ratelimit-policy"), r#""edits-of-post";q=2;w=3600, "edits";q=100;w=3600"#);
        let standing = answer.header("ratelimit");
        assert!(standing.starts_with(&format!(r#""edits-of-post";r={left};t=1800, "edits";r="#)), "{standing}");
    }
    expect_limited(edit(&ada, &post, "One too many").await, "edits-of-post", r#""edits-of-post";q=2;w=3600"#);
    edit(&ada, &other, "Another one").await.expect(200);
    app.settle().await;
    assert_eq!(ada.get(&path(&post)).await.expect(200).json()["title"], "One 0");
}

#[actix_web::test]
async fn an_account_that_edits_too_much_is_told_so_and_others_are_not_kept_waiting() {
    let app = spawn(100, 3).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let mut posts = Vec::new();
    for number in 0..4 {
        posts.push(ada.publish(&format!("Post {number}")).await);
    }
    for post in &posts[..3] {
        edit(&ada, post, "Edited").await.expect(200);
    }
    expect_limited(edit(&ada, &posts[3], "Edited").await, "edits", r#""edits";q=3;w=3600"#);
    let own = bob.publish("Mine").await;
    edit(&bob, &own, "Mine again").await.expect(200);
    ada.publish("A new post is no edit").await;
    ada.delete(&path(&posts[0])).await.expect(204);
    app.settle().await;
}

#[actix_web::test]
async fn what_strangers_try_does_not_use_up_an_author_s_edits() {
    let app = spawn(2, 100).await;
    let (ada, eve) = (app.person("ada").await, app.person("eve").await);
    let post = ada.publish("Mine").await;
    for _ in 0..2 {
        edit(&eve, &post, "Yours").await.expect_problem(403, "forbidden");
    }
    expect_limited(edit(&eve, &post, "Yours").await, "edits-of-post", r#""edits-of-post";q=2;w=3600"#);
    edit(&ada, &post, "Mine again").await.expect(200);
    app.settle().await;
}

#[actix_web::test]
async fn drafts_are_edited_without_end() {
    let app = spawn(1, 2).await;
    let ada = app.person("ada").await;
    let draft = ada.publish_with(json!({"title": "Draft", "status": "draft"})).await;
    for number in 0..10 {
        let answer = edit(&ada, &draft, &format!("Draft {number}")).await.expect(200);
        assert!(!answer.headers.contains_key("ratelimit"));
    }
}

#[actix_web::test]
async fn without_limits_nobody_who_edits_is_refused() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let post = ada.publish("Again").await;
    for number in 0..100 {
        let answer = edit(&ada, &post, &format!("Again {number}")).await.expect(200);
        assert!(!answer.headers.contains_key("ratelimit"));
    }
    app.settle().await;
}
