//! The main job, once, from sign-up to every consequence.

use crate::support::TestApp;

#[actix_web::test]
async fn a_published_post_reaches_feed_search_mail_moderation_and_statistics() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    bob.follow(&ada).await;
    let post = ada.publish("Lovelace runs").await;
    app.settle().await;
    assert_eq!(bob.titles("/v1/feed").await, ["Lovelace runs"]);
    assert_eq!(bob.titles("/v1/search?q=running").await, ["Lovelace runs"]);
    assert_eq!(app.mails().iter().filter(|mail| mail.contains("Lovelace runs")).count(), 1);
    let seen = bob.get(&format!("/v1/posts/{}", post["id"].as_str().unwrap())).await.expect(200).json();
    assert_eq!(seen["moderation"], "approved");
    assert_eq!(ada.get("/v1/me/stats").await.expect(200).json()["posts"], 1);
    let receipt = ada.receipt(&post).await;
    assert_eq!(receipt, ["feed: done", "search: done", "email: done", "moderation: done", "analytics: done"]);
}
