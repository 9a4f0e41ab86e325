//! One life of the server: everybody does one thing after another until it is gone. What was asked and not answered is settled after
//! the restart: the server may have done it or not, but nothing else.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    contend,
    plan::{Plan, Step},
    record::{Kind, Post, Record, Who},
};
use crate::support::{Answer, Person, send};

/// A request that the server took and never answered.
#[derive(Debug)]
pub(super) enum Unanswered {
    Create { who: Who, word: String, body: Value, key: String },
    Publish { id: String, who: Who, word: String },
    Edit { id: String, word: String },
    Delete { id: String },
    Follow { pair: (Who, Who) },
    Unfollow { pair: (Who, Who) },
    Contended(contend::Open),
}

/// Lets everybody live until the server is gone, or their time is.
pub(super) async fn live(people: &[Person], plans: Vec<Plan>, record: &Record, until: Instant) -> Vec<Unanswered> {
    let lives = people.iter().zip(plans).enumerate().map(async |(who, (person, mut plan))| {
        while Instant::now() < until + Duration::from_secs(5) {
            let step = plan.next();
            if let Err(unanswered) = act(person, who, step, &mut plan, record).await {
                return unanswered;
            }
            tokio::time::sleep(Duration::from_millis(plan.pause())).await;
        }
        panic!("the server outlived its kill");
    });
    futures_util::future::join_all(lives).await.into_iter().flatten().collect()
}

/// Does one thing; an error is the end of the server, with what it left open.
async fn act(
    person: &Person,
    who: Who,
    step: Step,
    plan: &mut Plan,
    record: &Record,
) -> Result<(), Option<Unanswered>> {
    match step {
        Step::Create => create(person, who, plan.subject(), "published", record).await.map(drop),
        Step::CreateAndPublish => {
            let (id, word) = create(person, who, plan.subject(), "draft", record).await?;
            let path = format!("/v1/posts/{id}/publish");
            let open = || Some(Unanswered::Publish { id, who, word: word.clone() });
            let answer = ask(person, Method::POST, &path, None, None).await.ok_or_else(open)?;
            created(record, who, &word, &answer.expect(200).json());
            Ok(())
        }
        Step::Edit => {
            let Some(id) = one_of_mine(who, plan, record, |post| post.kind == Kind::Fine) else { return Ok(()) };
            let word = record.new_word();
            let (path, open) = (format!("/v1/posts/{id}"), Unanswered::Edit { id: id.clone(), word: word.clone() });
            let answer =
                ask(person, Method::PATCH, &path, Some(body(&word, "torture", None)), None).await.ok_or(Some(open))?;
            edited(record, &id, &word, &answer.expect(200).json());
            Ok(())
        }
        Step::Delete => {
            let Some(id) = one_of_mine(who, plan, record, |_| true) else { return Ok(()) };
            let open = || Some(Unanswered::Delete { id: id.clone() });
            ask(person, Method::DELETE, &format!("/v1/posts/{id}"), None, None).await.ok_or_else(open)?.expect(204);
            deleted(record, &id);
            Ok(())
        }
        Step::Follow | Step::Unfollow => {
            let pair = (who, (who + 1 + plan.one_of(super::PEOPLE.len() - 1).unwrap()) % super::PEOPLE.len());
            let path = format!("/v1/authors/{}/follow", super::PEOPLE[pair.1]);
            let is_follow = step == Step::Follow;
            let method = if is_follow { Method::PUT } else { Method::DELETE };
            let open = || Some(if is_follow { Unanswered::Follow { pair } } else { Unanswered::Unfollow { pair } });
            record.with(|inner| inner.wavering.insert(pair));
            ask(person, method, &path, None, None).await.ok_or_else(open)?.expect(204);
            record.with(|inner| {
                inner.set_follow(pair, is_follow);
                inner.count(if is_follow { "follows" } else { "unfollows" });
            });
            Ok(())
        }
        Step::SamePost | Step::SameFollow | Step::SameProfile | Step::SameSlug => {
            let open = contend::act(person, who, step, plan, record).await;
            open.map_or(Ok(()), |open| Err(Some(Unanswered::Contended(open))))
        }
        Step::ReadFeed => {
            let page = ask(person, Method::GET, "/v1/feed?limit=50", None, None).await.ok_or(None)?.expect(200).json();
            let mut ids: Vec<&str> = page["items"].as_array().unwrap().iter().map(id).collect();
            let shown = ids.len();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), shown, "a post stands twice on a page of the feed of {}", person.handle);
            Ok(())
        }
        Step::Search => {
            let answer = ask(person, Method::GET, "/v1/search?q=torture", None, None).await.ok_or(None)?;
            answer.expect(200);
            Ok(())
        }
    }
}

async fn create(
    person: &Person,
    who: Who,
    subject: &str,
    status: &str,
    record: &Record,
) -> Result<(String, String), Option<Unanswered>> {
    let word = record.new_word();
    let (body, key) = (body(&word, subject, Some(status)), format!("key-{word}"));
    let answer = ask(person, Method::POST, "/v1/posts", Some(body.clone()), Some(&key)).await;
    let open = || Unanswered::Create { who, word: word.clone(), body, key: key.clone() };
    let post = answer.ok_or_else(|| Some(open()))?.expect(201).json();
    if status == "published" {
        created(record, who, &word, &post);
    }
    Ok((id(&post).to_owned(), word))
}

pub(super) fn body(word: &str, subject: &str, status: Option<&str>) -> Value {
    let text = format!("{word} is a word of *{subject}* and nothing else.");
    let mut body = json!({"title": format!("About {word}"), "body": text, "tags": ["torture"]});
    if let Some(status) = status {
        body["status"] = json!(status);
    }
    body
}

pub(super) fn one_of_mine(
    who: Who,
    plan: &mut Plan,
    record: &Record,
    is_fit: impl Fn(&Post) -> bool,
) -> Option<String> {
    record.with(|inner| {
        let mut mine = inner.live_of(who);
        mine.retain(|(_, post)| is_fit(post));
        plan.one_of(mine.len()).map(|index| mine[index].0.clone())
    })
}

/// Sends a request; nothing when the server went away before it answered, or refused it because it is going.
pub(super) async fn ask(
    person: &Person,
    method: Method,
    path: &str,
    body: Option<Value>,
    key: Option<&str>,
) -> Option<Answer> {
    let mut request = person.request(method, path);
    if let Some(body) = body {
        request = request.json(&body);
    }
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let response = request.send().await.ok()?;
    let (status, headers) = (response.status(), response.headers().clone());
    let answer = Answer { status, headers, text: response.text().await.ok()? };
    Some(answer).filter(|answer| answer.status != 503)
}

pub(super) fn created(record: &Record, who: Who, word: &str, post: &Value) {
    record.with(|inner| {
        inner.count("posts");
        inner.touched.insert(id(post).to_owned());
        let known = Post {
            author: who,
            kind: Kind::of(post["body"].as_str().unwrap()),
            word: word.to_owned(),
            words: words(post),
            published_at: post["published_at"].as_str().unwrap().to_owned(),
            life: inner.life,
            is_deleted: false,
            old_words: Vec::new(),
            tags: tags(post),
        };
        let before = inner.posts.insert(id(post).to_owned(), known);
        assert!(before.is_none(), "the server gave an id twice");
    });
}

pub(super) fn edited(record: &Record, id: &str, word: &str, post: &Value) {
    record.with(|inner| {
        inner.count("edits");
        inner.touched.insert(id.to_owned());
        let known = inner.posts.get_mut(id).unwrap();
        let old = std::mem::replace(&mut known.word, word.to_owned());
        if old != word {
            known.old_words.push(old);
        }
        known.words = words(post);
        known.tags = tags(post);
    });
}

pub(super) fn deleted(record: &Record, id: &str) {
    record.with(|inner| {
        inner.count("deletions");
        inner.touched.insert(id.to_owned());
        inner.posts.get_mut(id).unwrap().is_deleted = true;
    });
}

/// Finds out what became of the requests that were not answered. The server may have done each of them or not; a creation is sent
/// again with its idempotency key, as a client would.
pub(super) async fn resolve(people: &[Person], record: &Record, unanswered: Vec<Unanswered>) {
    for open in unanswered {
        match open {
            Unanswered::Create { who, word, body, key } => {
                let request = people[who].request(Method::POST, "/v1/posts").json(&body);
                let post = send(request.header("idempotency-key", key)).await.expect(201).json();
                if body["status"] == "published" {
                    created(record, who, &word, &post);
                }
            }
            Unanswered::Publish { id, who, word } => {
                let post = people[who].get(&format!("/v1/posts/{id}")).await.expect(200).json();
                match post["status"].as_str().unwrap() {
                    "published" => created(record, who, &word, &post),
                    "draft" => {}
                    other => panic!("the post is {other}"),
                }
            }
            Unanswered::Edit { id, word } => {
                let post = people[author_of(record, &id)].get(&format!("/v1/posts/{id}")).await.expect(200).json();
                let known = record.with(|inner| inner.posts[&id].word.clone());
                let title = post["title"].as_str().unwrap();
                if title == format!("About {word}") {
                    edited(record, &id, &word, &post);
                } else {
                    assert_eq!(title, format!("About {known}"), "neither the old nor the new text");
                }
            }
            Unanswered::Delete { id } => {
                match people[author_of(record, &id)].get(&format!("/v1/posts/{id}")).await.status.as_u16() {
                    200 => {}
                    404 => deleted(record, &id),
                    other => panic!("{other} for a post that may have been deleted"),
                }
            }
            Unanswered::Contended(open) => open.resolve(people, record).await,
            Unanswered::Follow { pair } | Unanswered::Unfollow { pair } => {
                let follows = super::verify::all(&people[pair.0], "/v1/me/following?limit=100").await;
                let follows = follows.iter().any(|author| author["handle"] == super::PEOPLE[pair.1]);
                record.with(|inner| inner.set_follow(pair, follows));
            }
        }
    }
}

fn author_of(record: &Record, id: &str) -> Who {
    record.with(|inner| inner.posts[id].author)
}

fn id(post: &Value) -> &str {
    post["id"].as_str().unwrap()
}

pub(super) fn tags(post: &Value) -> BTreeSet<String> {
    post["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()).collect()
}

fn words(post: &Value) -> usize {
    post["body"].as_str().unwrap().split_whitespace().count()
}
