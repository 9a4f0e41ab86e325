//! More than the server can take at a time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use broadsheet::{
    actors::Command,
    domain::{AccountId, TraceContext},
};
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{TestApp, until};

/// More than may wait for the publisher.
const CROWD: usize = 3_000;

#[actix_web::test]
async fn a_full_queue_is_a_503_that_says_when_to_come_back() {
    let app = TestApp::spawn().await;
    let ada = app.person("ada").await;
    let is_over = Arc::new(AtomicBool::new(false));
    let (publisher, ends) = (app.app.publisher.clone(), Arc::clone(&is_over));
    let crowd = actix_web::rt::spawn(async move {
        join_all((0..CROWD).map(async |number| {
            let (reader, author) = (AccountId::generate(), AccountId::generate());
            while !ends.load(Ordering::Relaxed) {
                let trace = TraceContext::new(u128::try_from(number).unwrap() + 1, 1, 0);
                let _ = publisher.submit(Command::Unfollow { reader, author }, trace).await;
                actix_web::rt::task::yield_now().await;
            }
        }))
        .await;
    });
    let post = json!({"title": "a", "body": "b"});
    until("somebody is turned away", async || {
        let answer = ada.post("/v1/posts", &post).await;
        if answer.status == 201 {
            return false;
        }
        assert_eq!(answer.header("retry-after"), "1");
        answer.expect_problem(503, "busy");
        true
    })
    .await;
    is_over.store(true, Ordering::Relaxed);
    crowd.await.unwrap();
    ada.post("/v1/posts", &post).await.expect(201);
    // The moderation worker was turned away, too; it comes back by itself.
    until("everything is made up for", async || app.pass(Duration::from_secs(60)).await.is_empty()).await;
}
