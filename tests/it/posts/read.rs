//! `GET /v1/posts/{id}` and what reading leaves behind in the statistics.

use reqwest::Method;
use serde_json::json;

use crate::support::{TestApp, api::path, client::send};

#[actix_web::test]
async fn a_copy_that_is_current_is_not_sent_again() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let post = ada.publish("One").await;
    app.settle().await;
    let tag = bob.get(&path(&post)).await.expect(200).header("etag").to_owned();
    for tags in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let answer = bob.get_with(&path(&post), "if-none-match", &tags).await.expect(304);
        assert_eq!((answer.header("etag"), answer.text.as_str()), (tag.as_str(), ""));
    }
    bob.get_with(&path(&post), "if-none-match", "\"v1\"").await.expect(200);
    bob.get_with(&path(&post), "if-none-match", "nonsense").await.expect(200);
    ada.patch(&path(&post), &json!({"title": "Two"})).await.expect(200);
    let answer = bob.get_with(&path(&post), "if-none-match", &tag).await.expect(200);
    assert_eq!(answer.json()["title"], "Two");
    app.settle().await;
}

#[actix_web::test]
async fn what_is_not_there_is_404_however_it_is_written() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let long = "a".repeat(5_000);
    for id in ["01JD9X8Z6Q4W7E2R5T1Y3V0P8A", "x", "%20", "%ff", "-1", "post:1", "01JD9X8Z6Q4W7E2R5T1Y3V0P8A'", &long] {
        for tail in ["", "/deliveries", "/stats"] {
            ada.get(&format!("/v1/posts/{id}{tail}")).await.expect_problem(404, "not_found");
        }
    }
}

#[actix_web::test]
async fn views_are_counted_by_day_and_the_authors_own_are_not() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let post = ada.publish("Read me").await;
    app.settle().await;
    bob.get(&path(&post)).await.expect(200);
    bob.get_with(&path(&post), "if-none-match", "*").await.expect(304);
    send(bob.request(Method::HEAD, &path(&post))).await.expect(200);
    ada.get(&path(&post)).await.expect(200);
    bob.get("/v1/posts").await.expect(200);
    app.app.clean_up().await.unwrap();
    let stats = ada.get(&format!("{}/stats", path(&post))).await.expect(200).json();
    let day = &post["published_at"].as_str().unwrap()[..10];
    assert_eq!(stats, json!({"post": post["id"], "views": 2, "by_day": [{"day": day, "views": 2}]}));
    let mine = ada.get("/v1/me/stats").await.expect(200).json();
    assert_eq!((&mine["views"], &mine["by_day"][0]["views"]), (&json!(2), &json!(2)));
    app.app.clean_up().await.unwrap();
    let again = ada.get(&format!("{}/stats", path(&post))).await.expect(200).json();
    assert_eq!(again["views"], 2, "nothing is folded twice");
}

#[actix_web::test]
async fn what_stands_behind_a_post_is_its_authors_business() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let post = ada.publish("Mine").await;
    app.settle().await;
    for tail in ["/deliveries", "/stats"] {
        let behind = format!("{}{tail}", path(&post));
        bob.get(&behind).await.expect_problem(403, "forbidden");
        assert_eq!(ada.get(&behind).await.expect(200).json()["post"], post["id"]);
    }
}
