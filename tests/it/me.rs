//! `/v1/me` and `/v1/me/stats`: one's own account and numbers.

use std::time::Duration;

use broadsheet::{
    actors::workers,
    domain::{Account, AccountId, PostId},
};
use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::support::{
    Person, TestApp,
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

/// A server whose requests run on several threads.
async fn with_threads() -> TestApp {
    TestApp::spawn_with(|config| config.http.workers = 4, workers::standard()).await
}

/// An account as its row says, whatever any cache does.
async fn row(app: &TestApp, account: AccountId) -> Account {
    app.app.repositories.mail().reader(account).await.unwrap().unwrap().account
}

async fn id_of(person: &Person) -> AccountId {
    person.get("/v1/me").await.expect(200).json()["id"].as_str().unwrap().parse().unwrap()
}

#[actix_web::test]
async fn after_concurrent_changes_everybody_reads_what_the_database_says() {
    let app = with_threads().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let id = id_of(&ada).await;
    for round in 0..40 {
        let change = |number: u32| {
            let name = format!("Ada {round}.{number}");
            let body = json!({"name": name, "hold_until_approved": number == 1});
            let ada = &ada;
            async move {
                let me = ada.patch("/v1/me", &body).await.expect(200).json();
                assert_eq!((&me["name"], &me["hold_until_approved"]), (&body["name"], &body["hold_until_approved"]));
            }
        };
        let looks = (0..6).map(|_| bob.get("/v1/authors/ada"));
        let (_, looks) = join(join_all((0..3).map(change)), join_all(looks)).await;
        looks.into_iter().for_each(|look| drop(look.expect(200)));
        let row = row(&app, id).await;
        let me = ada.get("/v1/me").await.expect(200).json();
        let seen = (me["name"].as_str(), me["hold_until_approved"].as_bool());
        assert_eq!(seen, (Some(row.name.as_str()), Some(row.hold_until_approved)), "round {round}");
        assert_eq!(bob.get("/v1/authors/ada").await.expect(200).json()["name"], row.name.as_str(), "round {round}");
    }
}

#[actix_web::test]
async fn a_post_that_is_published_after_the_answer_is_held_as_the_answer_said() {
    let app = with_threads().await;
    let ada = app.person("ada").await;
    for round in 0..40 {
        let wanted = round % 2 == 0;
        let hold = async {
            ada.patch("/v1/me", &json!({"hold_until_approved": wanted})).await.expect(200);
            ada.publish_with(json!({"title": "After"})).await
        };
        let rename = |number: u32| {
            let (ada, body) = (&ada, json!({"name": format!("Ada {round}.{number}")}));
            async move { drop(ada.patch("/v1/me", &body).await.expect(200)) }
        };
        let publish = (0..4).map(|_| ada.publish_with(json!({"title": "Meanwhile"})));
        let others = join(join_all((0..2).map(rename)), join_all(publish));
        let (after, _) = join(hold, others).await;
        let last = ada.publish_with(json!({"title": "Last"})).await;
        for post in [after, last] {
            assert_eq!(is_held(&app, &post).await, wanted, "round {round}: {}", post["title"]);
        }
    }
    app.settle().await;
}

async fn is_held(app: &TestApp, post: &Value) -> bool {
    let id: PostId = post["id"].as_str().unwrap().parse().unwrap();
    app.app.repositories.posts().get(id).await.unwrap().unwrap().hold_until_approved
}
