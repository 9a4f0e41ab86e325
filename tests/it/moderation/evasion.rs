//! What was rejected stays hidden until a text of it is approved, however often its author edits it.

use serde_json::{Value, json};

use super::{
    decide,
    model::{Model, judged_by},
    moderator, spawn_with, standing, waiting,
};
use crate::support::{Person, TestApp, api::path, until};

const LISTS: [&str; 6] = [
    "/v1/feed",
    "/v1/posts",
    "/v1/posts?tag=seen",
    "/v1/posts?author=ada",
    "/v1/authors/ada/posts",
    "/v1/search?q=about",
];

async fn publish(author: &Person, title: &str) -> Value {
    author.publish_with(json!({"title": title, "body": "It is about tea.", "tags": ["seen"], "notify": true})).await
}

async fn retitle(author: &Person, post: &Value, title: &str) -> Value {
    author.patch(&path(post), &json!({"title": title})).await.expect(200).json()
}

/// Looks for a post wherever a stranger could see it, as a reader who follows its author.
async fn looks(stranger: &Person, post: &Value) -> Vec<String> {
    let mut seen = Vec::new();
    if stranger.get(&path(post)).await.status != 404 {
        seen.push("direct".to_owned());
    }
    for list in LISTS {
        if !stranger.titles(list).await.is_empty() {
            seen.push(list.to_owned());
        }
    }
    if stranger.get("/v1/authors/ada/atom.xml").await.expect(200).text.contains("<entry>") {
        seen.push("atom".to_owned());
    }
    seen
}

async fn assert_unseen(stranger: &Person, post: &Value) {
    let seen = looks(stranger, post).await;
    assert!(seen.is_empty(), "a stranger sees it: {seen:?}");
}

async fn assert_seen(stranger: &Person, post: &Value) {
    assert_eq!(looks(stranger, post).await.len(), LISTS.len() + 2);
}

/// Ada, who writes; Bob, who follows her; a server whose model is asked, and answers as the test lets it.
async fn scene(model: &std::sync::Arc<Model>) -> (TestApp, Person, Person) {
    let app = spawn_with(judged_by(model)).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    (app, ada, bob)
}

#[actix_web::test]
async fn an_author_who_edits_a_rejected_text_again_and_again_is_never_seen() {
    let model = Model::new(0);
    let (app, ada, bob) = scene(&model).await;
    let post = publish(&ada, "Unfit 0").await;
    model.judge_all(&app).await;
    assert_unseen(&bob, &post).await;
    for number in 1..=20 {
        let edited = retitle(&ada, &post, &format!("Unfit {number}")).await;
        assert_eq!(edited["moderation"], "pending", "its author is told how it stands");
        assert_unseen(&bob, &post).await;
        if number % 4 == 0 {
            model.judge_all(&app).await;
            assert_eq!(standing(&ada, &post).await, "rejected");
            assert_unseen(&bob, &post).await;
        }
    }
    retitle(&ada, &post, "Fit").await;
    assert_unseen(&bob, &post).await;
    model.judge_all(&app).await;
    assert_eq!(standing(&ada, &post).await, "approved");
    assert_seen(&bob, &post).await;
    let mails = app.mails().into_iter().filter(|mail| mail.contains("Unfit")).count();
    assert_eq!(mails, 0, "nobody was mailed a rejected text");
}

#[actix_web::test]
async fn a_rejected_post_whose_new_text_needs_a_person_stays_hidden_until_the_person_approves() {
    let model = Model::new(0);
    let (app, ada, bob) = scene(&model).await;
    let mia = moderator(&app, "mia").await;
    let post = publish(&ada, "Unfit").await;
    model.judge_all(&app).await;
    retitle(&ada, &post, "Doubtful").await;
    model.judge_all(&app).await;
    assert_eq!((standing(&ada, &post).await.as_str(), waiting(&mia, "review").await.len()), ("review", 1));
    assert_unseen(&bob, &post).await;
    let edited = retitle(&ada, &post, "Doubtful still").await;
    assert_eq!(edited["moderation"], "pending");
    assert_unseen(&bob, &post).await;
    assert_eq!(standing(&mia, &post).await, "pending", "moderators see it");
    model.judge_all(&app).await;
    assert_unseen(&bob, &post).await;
    decide(&mia, &post, "approved", "Fine with me.").await.expect(200);
    app.settle().await;
    assert_seen(&bob, &post).await;
}

#[actix_web::test]
async fn whoever_edits_a_text_away_before_its_rejection_comes_is_hidden_until_the_new_one_is_approved() {
    let model = Model::new(0);
    let (app, ada, bob) = scene(&model).await;
    let post = publish(&ada, "Fit").await;
    model.judge_all(&app).await;
    assert_seen(&bob, &post).await;
    retitle(&ada, &post, "Unfit").await;
    until("the model is asked about it", async || model.asked() == 2).await;
    retitle(&ada, &post, "Fit again").await;
    model.answers.add_permits(1);
    until("the model is asked about the new text", async || model.asked() == 3).await;
    assert_eq!(standing(&ada, &post).await, "pending", "the rejection was of another text");
    assert_unseen(&bob, &post).await;
    model.answers.add_permits(1);
    app.settle().await;
    assert_eq!(
        (standing(&ada, &post).await.as_str(), model.titles().last().unwrap().as_str()),
        ("approved", "Fit again")
    );
    assert_seen(&bob, &post).await;
}

#[actix_web::test]
async fn an_edit_shows_nothing_of_an_author_whose_posts_are_held_until_they_are_approved() {
    let model = Model::new(0);
    let (app, ada, bob) = scene(&model).await;
    app.expect_exceptions();
    ada.patch("/v1/me", &json!({"hold_until_approved": true})).await.expect(200);
    let post = publish(&ada, "Doubtful").await;
    assert_unseen(&bob, &post).await;
    model.judge_all(&app).await;
    assert_eq!(standing(&ada, &post).await, "review");
    for title in ["Doubtful 2", "Fit"] {
        retitle(&ada, &post, title).await;
        assert_unseen(&bob, &post).await;
    }
    model.judge_all(&app).await;
    assert_seen(&bob, &post).await;
}

#[actix_web::test]
async fn a_post_that_waits_for_a_person_is_as_visible_after_an_edit_as_before() {
    let model = Model::new(0);
    let (app, ada, bob) = scene(&model).await;
    app.expect_exceptions();
    let post = publish(&ada, "Doubtful").await;
    until("it is everywhere", async || looks(&bob, &post).await.len() == LISTS.len() + 2).await;
    model.judge_all(&app).await;
    assert_eq!(standing(&ada, &post).await, "review");
    assert_seen(&bob, &post).await;
    retitle(&ada, &post, "Doubtful still").await;
    assert_seen(&bob, &post).await;
    model.judge_all(&app).await;
}
