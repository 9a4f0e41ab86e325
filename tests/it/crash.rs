//! `kill -9` while several people publish: what was acknowledged is there afterwards, and every consequence once.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::support::{Person, Process, mails_in, until};

const ROUNDS: usize = 3;
const AUTHORS: [&str; 3] = ["ada", "grace", "hedy"];
const READERS: [&str; 2] = ["bob", "carl"];

#[actix_web::test]
async fn kill_9_loses_nothing_acknowledged_and_repeats_nothing() {
    let seed = std::env::var("BROADSHEET_CRASH_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    eprintln!("BROADSHEET_CRASH_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(folder.path(), &[]).await;
    let (mut authors, mut readers) = (Vec::new(), Vec::new());
    for handle in AUTHORS {
        authors.push(process.person(handle).await);
    }
    for handle in READERS {
        let reader = process.person(handle).await;
        for author in &authors {
            reader.follow(author).await;
        }
        readers.push(reader);
    }
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let life = Duration::from_millis(random.random_range(300..2_000));
        let publishing = futures_util::future::join_all(authors.iter().map(|author| publish_until_gone(author, round)));
        let kill = async {
            tokio::time::sleep(life).await;
            process.kill();
        };
        let (new, ()) = futures_util::future::join(publishing, kill).await;
        acknowledged.extend(new.into_iter().flatten());
        process = Process::start(folder.path(), &[]).await;
        for person in authors.iter_mut().chain(&mut readers) {
            *person = process.again(person).await;
        }
        let mut published = BTreeMap::new();
        for author in &authors {
            published.extend(check_author(author).await);
        }
        let titles: Vec<String> = published.keys().cloned().collect();
        let lost: Vec<&String> = acknowledged.iter().filter(|title| !published.contains_key(*title)).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        check_readers(&process, &readers, &titles).await;
    }
    assert!(acknowledged.len() > ROUNDS * AUTHORS.len(), "no load: {}", acknowledged.len());
    assert!(process.terminate().await.0.success());
}

/// Publishes one post after another until the server is gone; answers the titles that it acknowledged.
async fn publish_until_gone(author: &Person, round: usize) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let title = format!("Round {round} by {}, number {number}", author.handle);
        let body = json!({"title": title, "body": format!("A few words about {title}.")});
        let Ok(answer) = author.request(reqwest::Method::POST, "/v1/posts").json(&body).send().await else { break };
        assert_eq!(answer.status(), 201);
        acknowledged.push(title);
    }
    acknowledged
}

/// Waits until all deliveries of an author's posts are done; answers the posts by title.
async fn check_author(author: &Person) -> BTreeMap<String, Value> {
    let posts = all(author, &format!("/v1/posts?author={}&limit=100", author.handle)).await;
    let count = posts.len();
    for post in &posts {
        until("its deliveries are done", async || {
            let receipt = author.receipt(post).await;
            assert!(!receipt.iter().any(|line| line.ends_with(": dead")), "{receipt:?}");
            receipt.iter().all(|line| line.ends_with(": done"))
        })
        .await;
    }
    let counted = author.get("/v1/me/stats").await.expect(200).json();
    assert_eq!(counted["posts"], count, "{} has {count} posts", author.handle);
    let by_title: BTreeMap<_, _> = posts.into_iter().map(|post| (title_of(&post), post)).collect();
    assert_eq!(by_title.len(), count, "a post is there twice");
    by_title
}

/// Every reader has every post once in the feed and once in the mail, and finds it.
async fn check_readers(process: &Process, readers: &[Person], titles: &[String]) {
    let mails = mails_in(&process.mail_folder());
    for reader in readers {
        let mut feed: Vec<String> = all(reader, "/v1/feed?limit=100").await.iter().map(title_of).collect();
        feed.sort();
        assert_eq!(feed, titles, "the feed of {}", reader.handle);
        let to = format!("<{}>", reader.email);
        let own: Vec<&String> = mails.iter().filter(|mail| mail.contains(&to)).collect();
        for title in titles {
            let count = own.iter().filter(|mail| mail.lines().any(|line| line == title)).count();
            assert_eq!(count, 1, "mails about {title} to {}", reader.handle);
        }
    }
    for title in titles {
        let query: String = url::form_urlencoded::byte_serialize(format!("\"{title}\"").as_bytes()).collect();
        assert_eq!(readers[0].titles(&format!("/v1/search?q={query}")).await, [title.as_str()]);
    }
}

/// All items of a list.
async fn all(person: &Person, path: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = person.get(&format!("{path}{cursor}")).await.expect(200).json();
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

fn title_of(post: &Value) -> String {
    post["title"].as_str().unwrap().to_owned()
}
