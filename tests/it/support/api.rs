//! Words for the tests of the HTTP API: texts that moderators dislike, collections read to their ends, what a problem names.

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{Answer, Client, Person, send};

/// A text that the built-in rules reject.
pub(crate) const REJECTED: &str = "kys";

/// Cursors that no server made.
pub(crate) const HOSTILE_CURSORS: [&str; 8] =
    ["", "x", "AAAA", "Li4u", "%F0%9F%A6%80", "..%2F..%2Fetc", "%27%20OR%201%3D1", "%ff"];

/// A text that the built-in rules leave to a person: a threat, once, in three hundred words that all differ.
pub(crate) fn doubtful() -> String {
    let first = "stone river wood field hill moon star snow rain wind sand gold iron glass salt lake sea sun fire oak";
    let second = "bridge town gate yard stone side view land ward mark path fall house bank shore";
    let pairs = second.split(' ').flat_map(|second| first.split(' ').map(move |first| format!("{first}{second}")));
    let words: Vec<String> = pairs.collect();
    format!("{} kys {}", words[..150].join(" "), words[150..].join(" "))
}

/// Where a post is.
pub(crate) fn path(post: &Value) -> String {
    format!("/v1/posts/{}", post["id"].as_str().unwrap())
}

/// What a problem says of each field, in the order of the fields.
pub(crate) fn findings(problem: &Value) -> Vec<String> {
    let finding = |error: &Value| format!("{}: {}", error["field"].as_str().unwrap(), error["code"].as_str().unwrap());
    let mut findings: Vec<String> = problem["errors"].as_array().unwrap().iter().map(finding).collect();
    findings.sort();
    findings
}

/// The titles of the posts on a page.
pub(crate) fn titles(page: &Value) -> Vec<String> {
    let title = |item: &Value| item["title"].as_str().or(item["post"]["title"].as_str()).unwrap().to_owned();
    page["items"].as_array().unwrap().iter().map(title).collect()
}

/// The same titles in the order of the alphabet, for comparing sets.
pub(crate) fn sorted(mut titles: Vec<String>) -> Vec<String> {
    titles.sort();
    titles
}

/// `prefix 1` to `prefix n`, with as many digits as the last one, so that the alphabet's order is the numbers'.
pub(crate) fn numbered(prefix: &str, count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("{prefix} {number:03}")).collect()
}

impl Client {
    /// A request without a body by its method's name.
    pub(crate) async fn call(&self, method: &str, path: &str) -> Answer {
        send(self.request(Method::from_bytes(method.as_bytes()).unwrap(), path)).await
    }
}

impl Person {
    /// Publishes what these fields say; a title and a body are there unless they say otherwise.
    pub(crate) async fn publish_with(&self, fields: Value) -> Value {
        let mut body = json!({"title": "A title", "body": "A body.", "notify": false});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.post("/v1/posts", &body).await.expect(201).json()
    }

    /// Publishes one post per title, in this order, without mail.
    pub(crate) async fn publish_all(&self, titles: &[String]) {
        for title in titles {
            self.publish_with(json!({"title": title})).await;
        }
    }

    /// The whole of a collection of posts, page by page; every page but the last is full.
    pub(crate) async fn pages(&self, path: &str, limit: usize) -> Vec<Vec<String>> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut pages = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{path}{joint}limit={limit}{cursor}")).await.expect(200).json();
            pages.push(titles(&page));
            let Some(next) = page["next_cursor"].as_str() else { return pages };
            assert_eq!(pages.last().unwrap().len(), limit, "a page that is not the last one is full");
            assert!(pages.len() < 500, "{path} does not end");
            cursor = format!("&cursor={next}");
        }
    }

    /// The whole of a collection of posts.
    pub(crate) async fn all(&self, path: &str) -> Vec<String> {
        self.pages(path, 20).await.concat()
    }

    /// `GET` with one more header.
    pub(crate) async fn get_with(&self, path: &str, header: &str, value: &str) -> Answer {
        send(self.request(Method::GET, path).header(header, value)).await
    }
}
