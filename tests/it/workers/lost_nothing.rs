//! What was accepted arrives: through full mailboxes, restarts and a fan-out that was cut in half.

use broadsheet::{
    actors::{Command, workers},
    config::{Config, Span},
    domain::{Handle, TraceContext},
};
use futures_util::future::join_all;
use serde_json::Value;

use super::{all_titles, closed, folder, on_disk, pair, restart, tune};
use crate::support::{Fault, Person, Plan, TestApp, until, worker_names};

#[actix_web::test]
async fn publishing_to_full_mailboxes_answers_and_loses_nothing() {
    let paused = |config: &mut Config| {
        on_disk(config);
        for worker in worker_names() {
            tune(config, worker, |settings| (settings.paused, settings.mailbox) = (true, 1));
        }
    };
    let plan = Plan::default();
    let app = TestApp::spawn_in(folder(), paused, plan.registry()).await;
    let (mut ada, mut bob) = pair(&app).await;
    let titles: Vec<String> = (0..300).map(|number| format!("Flood {number:03}")).collect();
    let posts: Vec<Value> = join_all(titles.iter().map(|title| ada.publish(title))).await;
    assert!(ada.receipt(&posts[0]).await.iter().all(|line| line.ends_with(": pending")));
    let app = restart(app, on_disk, plan.registry(), &mut [&mut ada, &mut bob]).await;
    assert!(app.settle().await.is_empty());
    let subjects: Vec<String> = titles.iter().map(|title| format!("ada the Author: {title}")).collect();
    assert_eq!(all_titles(&bob, "/v1/feed").await, titles);
    assert_eq!(all_titles(&bob, "/v1/search?q=words").await, titles);
    assert_eq!(plan.sent(), subjects);
    assert_eq!(ada.get("/v1/me/stats").await.expect(200).json()["posts"], 300);
    for post in &posts {
        let receipt = ada.receipt(post).await;
        assert!(receipt.iter().all(|line| line.ends_with(": done")), "{receipt:?}");
    }
}

/// Signs up `count` people who follow the author.
async fn followers(app: &TestApp, author: &Person, count: usize) -> Vec<Person> {
    let handles: Vec<String> = (0..count).map(|number| format!("reader{number:02}")).collect();
    let people = join_all(handles.iter().map(|handle| app.person(handle))).await;
    let accounts = app.app.repositories.accounts();
    let id = async |handle: &str| accounts.by_handle(&Handle::parse(handle).unwrap()).await.unwrap().unwrap().id;
    let author = id(&author.handle).await;
    for handle in &handles {
        let command = Command::Follow { reader: id(handle).await, author };
        app.app.publisher.submit(command, TraceContext::new(1, 1, 1)).await.unwrap();
    }
    people
}

#[actix_web::test]
async fn a_fan_out_goes_on_in_the_middle_after_a_restart() {
    let in_chunks = |config: &mut Config| {
        on_disk(config);
        config.feed.chunk = 10;
        config.shutdown.grace = Span::from_millis(200);
    };
    let plan = Plan::default();
    let app = TestApp::spawn_in(folder(), in_chunks, plan.registry()).await;
    let mut ada = app.person("ada").await;
    let mut readers = followers(&app, &ada, 35).await;
    app.settle().await;
    plan.of("feed").next(&[Fault::Work, Fault::Work, Fault::Hang]);
    let post = ada.publish("Marathon").await;
    until("the third of four chunks", async || plan.of("feed").runs() == 3).await;
    let mut people: Vec<&mut Person> = readers.iter_mut().chain([&mut ada]).collect();
    let app = restart(app, in_chunks, plan.registry(), &mut people).await;
    app.settle().await;
    assert_eq!(plan.of("feed").runs(), 5, "the third chunk again and the fourth, not the first two");
    for person in readers.iter().chain([&ada]) {
        assert_eq!(person.titles("/v1/feed").await, ["Marathon"], "{}", person.handle);
    }
    assert_eq!(ada.receipt(&post).await[0], "feed: done");
}

#[actix_web::test]
async fn what_is_settled_is_not_done_again_after_a_restart() {
    let plan = Plan::default();
    let app = TestApp::spawn_in(folder(), on_disk, plan.registry()).await;
    let (mut ada, _) = pair(&app).await;
    ada.publish("Once").await;
    app.settle().await;
    let app = restart(app, on_disk, plan.registry(), &mut [&mut ada]).await;
    app.settle().await;
    for worker in worker_names() {
        assert_eq!(plan.of(worker).runs(), 1, "{worker}");
    }
    assert_eq!(ada.get("/v1/me/stats").await.expect(200).json()["posts"], 1);
}

#[actix_web::test]
async fn a_lost_search_index_is_built_anew() {
    let app = TestApp::spawn_in(folder(), on_disk, workers::standard()).await;
    let (mut ada, mut bob) = pair(&app).await;
    ada.publish("Phoenix").await;
    app.settle().await;
    let index = app.folder.path().join("search");
    let folder = closed(app).await;
    std::fs::remove_dir_all(index).unwrap();
    let app = TestApp::spawn_in(folder, on_disk, workers::standard()).await;
    (ada.client, bob.client) = (app.client.clone(), app.client.clone());
    assert_eq!(bob.titles("/v1/search?q=phoenix").await, ["Phoenix"]);
    ada.publish("Ashes").await;
    app.settle().await;
    assert_eq!(all_titles(&bob, "/v1/search?q=words").await, ["Ashes", "Phoenix"]);
}
