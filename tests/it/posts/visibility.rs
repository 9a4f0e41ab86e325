//! Who sees what moderators have judged: one rule for feeds, search, lists, Atom, mail and direct reads.

use broadsheet::actors::workers;
use serde_json::json;

use crate::support::{
    Person, TestApp,
    api::{REJECTED, doubtful, path},
};

const LISTS: [&str; 6] = [
    "/v1/feed",
    "/v1/posts",
    "/v1/posts?tag=seen",
    "/v1/posts?author=ada",
    "/v1/authors/ada/posts",
    "/v1/search?q=about",
];

async fn assert_shown(reader: &Person, titles: &[&str]) {
    for list in LISTS {
        assert_eq!(reader.titles(list).await, titles, "{list} as {}", reader.handle);
    }
    let atom = reader.get("/v1/authors/ada/atom.xml").await.expect(200).text;
    let entries = atom.matches("<entry>").count();
    assert!(entries == titles.len() && titles.iter().all(|title| atom.contains(title)), "{atom}");
}

#[actix_web::test]
async fn a_rejected_post_vanishes_for_all_but_its_author() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    ada.publish_with(json!({"title": "Fit", "body": "It is about tea.", "tags": ["seen"]})).await;
    let body = format!("It is about this: {REJECTED}");
    let unfit = ada.publish_with(json!({"title": "Unfit", "body": body, "tags": ["seen"], "notify": true})).await;
    app.settle().await;
    assert_shown(&bob, &["Fit"]).await;
    bob.get(&path(&unfit)).await.expect_problem(404, "not_found");
    assert!(!app.mails().iter().any(|mail| mail.contains("Unfit")), "mail waits for the approval");
    assert_eq!(ada.get(&path(&unfit)).await.expect(200).json()["moderation"], "rejected");
    assert!(ada.titles("/v1/authors/ada/posts").await.contains(&"Unfit".to_owned()));
    assert_eq!(ada.titles("/v1/feed").await, ["Fit"]);
    assert!(ada.receipt(&unfit).await.contains(&"moderation: done".to_owned()));
    let late = app.person("late").await;
    late.follow(&ada).await;
    app.settle().await;
    assert_eq!(late.titles("/v1/feed").await, ["Fit"], "nobody gets it afterwards");
}

#[actix_web::test]
async fn a_doubtful_post_is_shown_but_not_mailed_until_a_person_has_decided() {
    let app = TestApp::spawn().await;
    app.expect_exceptions();
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    let body = format!("It is about {}", doubtful());
    let post = ada.publish_with(json!({"title": "Doubtful", "body": body, "tags": ["seen"], "notify": true})).await;
    app.settle().await;
    assert_eq!(bob.get(&path(&post)).await.expect(200).json()["moderation"], "review");
    assert_shown(&bob, &["Doubtful"]).await;
    assert!(ada.receipt(&post).await.contains(&"email: held".to_owned()));
    assert!(!app.mails().iter().any(|mail| mail.contains("Doubtful")));
}

#[actix_web::test]
async fn an_author_can_have_posts_held_until_they_are_approved() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    let me = ada.patch("/v1/me", &json!({"hold_until_approved": true})).await.expect(200).json();
    assert_eq!(me["hold_until_approved"], true);
    let body = format!("It is about {}", doubtful());
    let post = ada.publish_with(json!({"title": "Held", "body": body, "tags": ["seen"]})).await;
    app.settle().await;
    assert_shown(&bob, &[]).await;
    bob.get(&path(&post)).await.expect_problem(404, "not_found");
    assert_eq!(ada.get(&path(&post)).await.expect(200).json()["moderation"], "review");
    assert_eq!(ada.titles("/v1/authors/ada/posts").await, ["Held"]);
    ada.patch(&path(&post), &json!({"body": "It is about tea."})).await.expect(200);
    app.settle().await;
    assert_shown(&bob, &["Held"]).await;
}

#[actix_web::test]
async fn a_moderator_sees_and_removes_what_others_may_not_see() {
    let change = |config: &mut broadsheet::config::Config| {
        config.identity.bootstrap_admin_email = "boss@example.com".into();
    };
    let app = TestApp::spawn_with(change, workers::standard()).await;
    let (boss, ada) = (app.person("boss").await, app.person("ada").await);
    let unfit = ada.publish_with(json!({"title": "Unfit", "body": REJECTED})).await;
    let draft = ada.publish_with(json!({"title": "Draft", "status": "draft"})).await;
    app.settle().await;
    assert_eq!(boss.get(&path(&unfit)).await.expect(200).json()["moderation"], "rejected");
    assert_eq!(boss.titles("/v1/posts?moderation=rejected").await, ["Unfit"]);
    boss.get(&format!("{}/deliveries", path(&unfit))).await.expect(200);
    boss.get(&path(&draft)).await.expect_problem(404, "not_found");
    let edited = boss.patch(&path(&unfit), &json!({"body": "Mended."})).await.expect(200).json();
    assert_eq!(edited["author"]["handle"], "ada");
    boss.delete(&path(&unfit)).await.expect(204);
    app.settle().await;
    ada.get(&path(&unfit)).await.expect_problem(404, "not_found");
}
