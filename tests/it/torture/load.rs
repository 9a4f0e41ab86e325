//! Publishing under load while something is wrong: every request has a word and an idempotency key of its own, and is sent again
//! until it is answered with success. Then everything must be there once, with all its consequences.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Person, Process, mails_in, until};

/// How long everything may take to be done.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was published, by its word, and what was asked for and not answered with success.
#[derive(Default)]
pub(super) struct Load {
    pub(super) posts: BTreeMap<String, Value>,
    pub(super) open: Vec<String>,
}

impl Load {
    /// Publishes with eight writers at once until it is over or the server is gone. `name` is new each time.
    pub(super) async fn publish(&mut self, author: &Person, name: &str, is_over: &AtomicBool) {
        let writers = (0..8).map(async |writer| {
            let mut written = Self::default();
            for number in 0.. {
                if is_over.load(Ordering::Relaxed)
                    || !written.one(author, format!("zqx{name}x{writer}x{number}x")).await
                {
                    break;
                }
            }
            written
        });
        for written in futures_util::future::join_all(writers).await {
            self.posts.extend(written.posts);
            self.open.extend(written.open);
        }
    }

    /// Publishes for so long.
    pub(super) async fn publish_for(&mut self, author: &Person, name: &str, duration: Duration) {
        let is_over = AtomicBool::new(false);
        let end = async {
            tokio::time::sleep(duration).await;
            is_over.store(true, Ordering::Relaxed);
        };
        futures_util::future::join(self.publish(author, name, &is_over), end).await;
    }

    /// Asks once; says whether the server is still there.
    async fn one(&mut self, author: &Person, word: String) -> bool {
        match ask(author, &word).await {
            Some(answer) if answer.status == 201 => {
                self.posts.insert(word, answer.json());
            }
            Some(answer) => {
                refused(&answer);
                self.open.push(word);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            None => {
                self.open.push(word);
                return false;
            }
        }
        true
    }

    /// Sends again what was not answered with success, until it is: the server may have done it or not.
    pub(super) async fn insist(&mut self, author: &Person) {
        for word in std::mem::take(&mut self.open) {
            let mut post = None;
            until("it is published after all", async || {
                let answer = ask(author, &word).await.expect("the server is there");
                if answer.status != 201 {
                    refused(&answer);
                    return false;
                }
                post = Some(answer.json());
                true
            })
            .await;
            self.posts.insert(word, post.unwrap());
        }
    }

    /// Everything is there once, and every consequence has come once.
    pub(super) async fn verify(&self, process: &Process, author: &Person, reader: &Person) {
        assert!(self.open.is_empty());
        let mut words: Vec<&String> = self.posts.keys().collect();
        words.sort();
        let listed = author.all(&format!("/v1/posts?author={}", author.handle)).await;
        let mut sorted: Vec<&String> = listed.iter().collect();
        sorted.sort();
        assert_eq!(sorted, words, "every post is listed once");
        for post in self.posts.values() {
            let kept = author.get(&format!("/v1/posts/{}", post["id"].as_str().unwrap())).await.expect(200).json();
            assert_eq!((&kept["title"], &kept["published_at"]), (&post["title"], &post["published_at"]));
            all_done(author, post).await;
        }
        let stats = async |name: &str| author.get("/v1/me/stats").await.expect(200).json()[name].clone();
        until("the counters agree", async || stats("posts").await == words.len()).await;
        assert_eq!(reader.all("/v1/feed").await, listed, "the feed has every post once and in order");
        for word in words.iter().step_by(words.len() / 50 + 1) {
            assert_eq!(author.titles(&format!("/v1/search?q={word}")).await, [word.as_str()]);
        }
        let mails = mails_in(&process.mail_folder());
        for word in &words {
            let line = |mail: &str, name: &str, part: &str| {
                mail.lines().any(|line| line.starts_with(name) && line.contains(part))
            };
            let is_about = |mail: &&String| line(mail, "To: ", &reader.email) && line(mail, "Subject: ", word);
            let id = self.posts[*word]["id"].as_str().unwrap();
            let ledger = author.get(&format!("/v1/posts/{id}/mailing")).await.expect(200).text;
            assert_eq!(mails.iter().filter(is_about).count(), 1, "mails about {word}: {ledger}");
        }
    }
}

/// Waits until every delivery of a post is done.
async fn all_done(author: &Person, post: &Value) {
    let end = Instant::now() + PATIENCE;
    loop {
        let lines = author.receipt(post).await;
        if lines.iter().all(|line| line.ends_with(": done")) {
            return;
        }
        assert!(Instant::now() < end, "{} is not through: {lines:?}", post["title"]);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A refusal says when to come again, or that the token has run out.
fn refused(answer: &Answer) {
    let is_in_time = answer.status == 503 && answer.headers.contains_key("retry-after");
    assert!(is_in_time || answer.status == 401, "{answer:?}");
}

/// Publishes a post about a word; nothing when the server goes away.
async fn ask(author: &Person, word: &str) -> Option<Answer> {
    let body = json!({"title": word, "body": format!("{word} is a word of its own."), "tags": ["torture"]});
    let request = author.request(Method::POST, "/v1/posts").header("idempotency-key", word).json(&body);
    let response = request.send().await.ok()?;
    let (status, headers) = (response.status(), response.headers().clone());
    Some(Answer { status, headers, text: response.text().await.ok()? })
}

/// The same person on a server that listens elsewhere now.
pub(super) fn on(process: &Process, person: &Person) -> Person {
    Person { client: process.client.clone(), ..person.clone() }
}

/// Settings that suit: an administrator, and tokens that outlive a restart.
pub(super) const VARIABLES: [(&str, &str); 4] = [
    ("IDENTITY__BOOTSTRAP_ADMIN_EMAIL", "ada@example.com"),
    ("IDENTITY__ISSUER", "http://issuer.test"),
    ("IDENTITY__ACCESS_TOKEN_TTL", "1d"),
    ("LOG__LEVEL", "info"),
];
