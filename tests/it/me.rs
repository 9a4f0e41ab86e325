//! `/v1/me` and `/v1/me/stats`: one's own account and numbers.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    TestApp,
    api::{findings, path},
};

#[actix_web::test]
async fn one_reads_everything_about_oneself_but_no_secret() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let answer = ada.get("/v1/me").await.expect(200);
    let mut me = answer.json();
    let object = me.as_object_mut().unwrap();
    assert_eq!(object.remove("id").unwrap().as_str().unwrap().len(), 26);
    assert!(object.remove("created_at").unwrap().as_str().unwrap().ends_with('Z'));
    assert!(object.remove("roles").unwrap().is_array());
    let expected = json!({
        "handle": "ada", "name": "ada the Author", "bio": "", "email": "ada@example.com",
        "mail": {"new_posts": true}, "hold_until_approved": false,
    });
    assert_eq!(me, expected);
    ada.get_with("/v1/me", "if-none-match", answer.header("etag")).await.expect(304);
}

#[actix_web::test]
async fn a_change_keeps_what_it_does_not_name_and_shows_everywhere_at_once() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let post = ada.publish("One").await;
    app.settle().await;
    bob.get(&path(&post)).await.expect(200);
    let me = ada.patch("/v1/me", &json!({"name": " Ada L. "})).await.expect(200).json();
    assert_eq!((&me["name"], &me["bio"]), (&json!("Ada L."), &json!("")));
    let me = ada.patch("/v1/me", &json!({"bio": "Two\r\nlines"})).await.expect(200).json();
    assert_eq!((&me["name"], &me["bio"]), (&json!("Ada L."), &json!("Two\nlines")));
    assert_eq!(ada.get("/v1/me").await.expect(200).json(), me);
    assert_eq!(bob.get(&path(&post)).await.expect(200).json()["author"]["name"], "Ada L.");
    assert_eq!(bob.get("/v1/authors/ada").await.expect(200).json()["bio"], "Two\nlines");
}

#[actix_web::test]
async fn wrong_changes_are_named_and_change_nothing() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    for (body, expected) in [
        (json!({}), &[": empty"][..]),
        (json!({"mail": {}}), &[": empty"]),
        (json!({"name": "", "bio": "x".repeat(501)}), &["bio: too_long", "name: empty"]),
        (json!({"name": "x".repeat(81)}), &["name: too_long"]),
        (json!({"name": "a\u{202e}b"}), &["name: control_characters"]),
        (json!({"handle": "eve"}), &["handle: unknown_field"]),
        (json!({"roles": ["admin"]}), &["roles: unknown_field"]),
        (json!({"email": "eve@example.com"}), &["email: unknown_field"]),
        (json!({"mail": {"new_posts": "no"}}), &["mail.new_posts: wrong_type"]),
        (json!({"mail": {"spam": true}}), &["mail.spam: unknown_field"]),
    ] {
        let problem = ada.patch("/v1/me", &body).await.expect_problem(422, "invalid_input");
        assert_eq!(findings(&problem), expected, "{body}");
    }
    let me = ada.get("/v1/me").await.expect(200).json();
    assert_eq!((&me["name"], &me["bio"]), (&json!("ada the Author"), &json!("")));
    ada.patch("/v1/me", &json!({"name": "x".repeat(80), "bio": "é".repeat(500)})).await.expect(200);
}

#[actix_web::test]
async fn who_wants_no_mail_gets_none() {
    let app = TestApp::spawn().await;
    let (ada, bob, eve) = (app.person("ada").await, app.person("bob").await, app.person("eve").await);
    bob.follow(&ada).await;
    eve.follow(&ada).await;
    let me = bob.patch("/v1/me", &json!({"mail": {"new_posts": false}})).await.expect(200).json();
    assert_eq!(me["mail"], json!({"new_posts": false}));
    ada.publish("Newsletter").await;
    app.settle().await;
    let sent: Vec<String> = app.mails().into_iter().filter(|mail| mail.contains("Newsletter")).collect();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].contains("<eve@example.com>"), "{}", sent[0]);
}

#[actix_web::test]
async fn numbers_follow_posts_edits_and_followers() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    let first = ada.publish_with(json!({"body": "one two three", "tags": ["tea", "cup"]})).await;
    app.pass(Duration::from_secs(1)).await;
    let second = ada.publish_with(json!({"body": "four five", "tags": ["tea"]})).await;
    app.settle().await;
    let stats = ada.get("/v1/me/stats").await.expect(200).json();
    assert_eq!((&stats["posts"], &stats["words"], &stats["followers"]), (&json!(2), &json!(5), &json!(1)));
    assert_eq!(stats["tags"], json!([{"tag": "tea", "posts": 2}, {"tag": "cup", "posts": 1}]));
    let posts: i64 = stats["by_day"].as_array().unwrap().iter().map(|day| day["posts"].as_i64().unwrap()).sum();
    assert_eq!(posts, 2);
    ada.patch(&path(&first), &json!({"body": "one", "tags": ["cup"]})).await.expect(200);
    ada.delete(&path(&second)).await.expect(204);
    app.settle().await;
    let stats = ada.get("/v1/me/stats").await.expect(200).json();
    assert_eq!((&stats["posts"], &stats["words"]), (&json!(1), &json!(1)));
    assert_eq!(stats["tags"], json!([{"tag": "cup", "posts": 1}]));
    let empty = bob.get("/v1/me/stats").await.expect(200).json();
    assert_eq!((&empty["posts"], &empty["views"], &empty["tags"]), (&json!(0), &json!(0), &json!([])));
}
