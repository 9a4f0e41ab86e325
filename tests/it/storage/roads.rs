//! `database.records` may be changed at any start: both roads read what the other has written.

use serde_json::Value;

use super::{printed, publish_long, run, settled};
use crate::support::{Person, Process};

/// What a reader sees of these posts and of the feed.
async fn seen(bob: &Person, posts: &[Value]) -> Vec<Value> {
    let mut seen = Vec::new();
    for post in posts {
        seen.push(bob.get(&format!("/v1/posts/{}", post["id"].as_str().unwrap())).await.expect(200).json());
    }
    let feed = bob.get("/v1/feed?limit=100").await.expect(200).json();
    seen.extend(feed["items"].as_array().unwrap().iter().cloned());
    // A server has another address after each start.
    seen.iter_mut().for_each(|post| drop(post.as_object_mut().unwrap().remove("url")));
    seen
}

#[actix_web::test]
async fn what_one_road_has_written_the_other_reads_and_carries_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut posts: Vec<Value> = Vec::new();
    let mut people: Option<(Person, Person)> = None;
    let mut before: Vec<Value> = Vec::new();
    for (life, records) in ["true", "false", "true", "false"].into_iter().enumerate() {
        let process = Process::start(folder.path(), &[("DATABASE__RECORDS", records)]).await;
        let (ada, bob) = match people.take() {
            None => {
                let (ada, bob) = (process.person("ada").await, process.person("bob").await);
                bob.follow(&ada).await;
                (ada, bob)
            }
            Some((ada, bob)) => (process.again(&ada).await, process.again(&bob).await),
        };
        if life > 0 {
            assert!(seen(&bob, &posts).await == before, "life {life}");
        }
        let post = publish_long(&ada, &format!("Life {life}")).await;
        settled(&ada, &post).await;
        posts.push(post);
        before = seen(&bob, &posts).await;
        assert_eq!(before.len(), 2 * posts.len(), "the feed has them all");
        people = Some((ada, bob));
        assert!(process.terminate().await.0.success());
        let said = printed(&run(folder.path(), &["check"]).await, 0);
        assert!(said.contains("no problems found: "), "life {life}: {said}");
    }
}
