//! Two servers in one process, and one server after another on the same folder.

use broadsheet::actors::workers;
use reqwest::Method;
use serde_json::{Value, json};

use super::{folder, on_disk, pair, restart};
use crate::support::{Answer, Person, TestApp, send};

#[actix_web::test]
async fn two_apps_in_one_process_do_not_meet() {
    let (one, other) = (TestApp::spawn().await, TestApp::spawn().await);
    let (ada, bob) = pair(&one).await;
    let (other_ada, other_bob) = pair(&other).await;
    let post = ada.publish("Here").await;
    other_ada.publish("There").await;
    one.settle().await;
    other.settle().await;
    assert_eq!(bob.titles("/v1/feed").await, ["Here"]);
    assert_eq!(other_bob.titles("/v1/feed").await, ["There"]);
    assert_eq!(bob.titles("/v1/search?q=words").await, ["Here"]);
    assert_eq!(other_bob.titles("/v1/search?q=words").await, ["There"]);
    assert!(!other.mails().iter().any(|mail| mail.contains("Here")));
    assert_eq!(other_ada.get("/v1/me/stats").await.expect(200).json()["posts"], 1);
    let path = format!("/v1/posts/{}", post["id"].as_str().unwrap());
    other_bob.get(&path).await.expect_problem(404, "not_found");
    let stranger = Person { client: other.client.clone(), ..ada };
    stranger.get("/v1/feed").await.expect(401);
}

async fn publish_with_key(author: &Person, body: &Value) -> Answer {
    let request = author.request(Method::POST, "/v1/posts").header("Idempotency-Key", "the-first-one").json(body);
    send(request).await
}

#[actix_web::test]
async fn an_idempotency_key_gives_the_same_post_after_a_restart() {
    let app = TestApp::spawn_in(folder(), on_disk, workers::standard()).await;
    let (mut ada, mut bob) = pair(&app).await;
    let body = json!({"title": "Single", "body": "A few words."});
    let first = publish_with_key(&ada, &body).await.expect(201).json();
    app.settle().await;
    let app = restart(app, on_disk, workers::standard(), &mut [&mut ada, &mut bob]).await;
    let again = publish_with_key(&ada, &body).await.expect(201).json();
    assert_eq!(again["id"], first["id"]);
    let other = json!({"title": "Another", "body": "A few words."});
    publish_with_key(&ada, &other).await.expect_problem(422, "idempotency_mismatch");
    app.settle().await;
    assert_eq!(bob.titles("/v1/feed").await, ["Single"]);
    assert_eq!(ada.get("/v1/me/stats").await.expect(200).json()["posts"], 1);
}
