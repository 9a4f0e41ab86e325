//! After the load: everything that was acknowledged is there, and every consequence has happened, once.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    load::Run,
    oracle::{Post, State, Which, Who, digest},
};
use crate::support::{Person, Smtpd};

/// How long the consequences may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many posts of each feed are looked at: more than are kept ready.
const FEED: usize = 1_500;
/// Every so many-th post is searched for.
const SEARCHED: usize = 10;

/// Holds the server against the record; answers what was looked at.
pub(super) async fn everything(run: &Run, smtpd: &Smtpd) -> String {
    let posts = run.room.inner.borrow().posts.clone();
    quiet(&run.room.person(0)).await;
    let mut looked = BTreeMap::<&str, usize>::new();
    for who in 0..run.room.len() {
        let person = run.room.person(who);
        *looked.entry("posts").or_default() += author(&person, who, &posts).await;
        *looked.entry("posts in feeds").or_default() += feed(run, &person, who, &posts).await;
        counters(run, &person, who, &posts).await;
    }
    for (which, post) in posts.iter().enumerate() {
        let person = run.room.person(post.author);
        if post.state == State::Gone {
            person.get(&format!("/v1/posts/{}", post.id)).await.expect(404);
            *looked.entry("deletions").or_default() += 1;
        }
        if which % SEARCHED == 0 {
            found(&person, post).await;
            *looked.entry("searches").or_default() += 1;
        }
    }
    looked.insert("mails", mailed(run, smtpd, &posts).await);
    looked.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}

/// Nothing is behind, nothing waits, nothing is dead.
pub(super) async fn quiet(admin: &Person) {
    let until = Instant::now() + PATIENCE;
    loop {
        let overview = admin.get("/v1/admin/overview").await.expect(200).json();
        let waits = |worker: &&Value| {
            let rows: u64 =
                ["ready", "leased", "held"].iter().map(|state| worker["waiting"][state].as_u64().unwrap()).sum();
            worker["state"] != "running" || worker["lag"] != 0 || rows > 0
        };
        let workers = overview["workers"].as_array().unwrap();
        let Some(worker) = workers.iter().find(waits) else { break };
        assert!(Instant::now() < until, "a worker is not through: {worker}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let dead = admin.get("/v1/admin/dead-letters").await.expect(200).json();
    assert_eq!(dead["items"].as_array().unwrap().first(), None, "a dead letter that nobody planted");
}

/// Every post of an author is there as it was acknowledged, approved, and nothing else is.
async fn author(person: &Person, who: Who, posts: &[Post]) -> usize {
    let mut wanted: HashMap<&str, u64> =
        live(posts).filter(|(_, post)| post.author == who).map(|(_, post)| (post.id.as_str(), post.digest)).collect();
    let count = wanted.len();
    let path = format!("/v1/posts?author={}&limit=100&include=body", person.handle);
    pages(person, &path, usize::MAX, |post| {
        let id = post["id"].as_str().unwrap();
        let known = wanted.remove(id).unwrap_or_else(|| panic!("{id} is listed, and nobody was told of it"));
        assert_eq!(digest(post), known, "the acknowledged text of {id} is gone: {post}");
        assert_eq!(post["moderation"], "approved", "{post}");
    })
    .await;
    assert!(wanted.is_empty(), "acknowledged and not there: {wanted:?}");
    count
}

/// A feed has every post of those whom its reader follows, in order.
async fn feed(run: &Run, person: &Person, who: Who, posts: &[Post]) -> usize {
    let mut wanted: Vec<&Post> = {
        let inner = run.room.inner.borrow();
        let shows = |post: &&Post| post.author == who || inner.follows.contains(&(who, post.author));
        live(posts).map(|(_, post)| post).filter(shows).collect()
    };
    wanted.sort_by(|one, other| other.published_at.cmp(&one.published_at).then_with(|| one.id.cmp(&other.id)));
    wanted.truncate(FEED);
    let mut shown = Vec::new();
    pages(person, "/v1/feed?limit=100", FEED, |post| shown.push(post["id"].as_str().unwrap().to_owned())).await;
    shown.truncate(FEED);
    let differs = (0..wanted.len().max(shown.len())).find(|at| shown.get(*at) != wanted.get(*at).map(|post| &post.id));
    if let Some(at) = differs {
        let author = wanted.get(at).map(|post| (post, run.room.handle(post.author)));
        panic!(
            "the feed of {} differs at {at} of {}: {:?} in place of {author:?}",
            person.handle,
            wanted.len(),
            shown.get(at)
        );
    }
    shown.len()
}

/// Counters agree with what was counted here.
async fn counters(run: &Run, person: &Person, who: Who, posts: &[Post]) {
    let mine: Vec<&Post> = live(posts).map(|(_, post)| post).filter(|post| post.author == who).collect();
    let words: usize = mine.iter().map(|post| post.words).sum();
    let followers = run.room.inner.borrow().follows.iter().filter(|(_, author)| *author == who).count();
    let stats = person.get("/v1/me/stats").await.expect(200).json();
    for (name, wanted) in [("posts", mine.len()), ("words", words), ("followers", followers)] {
        assert_eq!(stats[name], wanted, "{name} of {}", person.handle);
    }
}

/// Search finds a post by the word of its present version, and a deleted one not at all.
async fn found(person: &Person, post: &Post) {
    let page = person.get(&format!("/v1/search?q={}", post.word)).await.expect(200).json();
    let hits: Vec<&str> =
        page["items"].as_array().unwrap().iter().map(|hit| hit["post"]["id"].as_str().unwrap()).collect();
    let wanted: &[&str] = if post.state == State::Gone { &[] } else { &[&post.id] };
    assert_eq!(hits, wanted, "searching for {}", post.word);
}

/// The mail server took exactly the copies that the ledgers say were sent; nobody was sent two.
async fn mailed(run: &Run, smtpd: &Smtpd, posts: &[Post]) -> usize {
    let mut copies = BTreeMap::<String, usize>::new();
    let mut unique = BTreeSet::new();
    for mail in smtpd.accepted() {
        let id = mail["message_id"].as_str().unwrap().to_owned();
        if !id.starts_with("code.") {
            *copies.entry(id.split('.').next().unwrap().to_owned()).or_default() += 1;
            assert!(unique.insert(id.clone()), "two copies of {id}");
        }
    }
    for (_, post) in live(posts).filter(|(_, post)| post.is_mailed) {
        let path = format!("/v1/posts/{}/mailing", post.id);
        let mailing = run.room.person(post.author).get(&path).await.expect(200).json();
        let taken = copies.get(&post.id).copied().unwrap_or_default();
        assert_eq!(mailing["sent"], taken, "{mailing}");
        for state in ["waiting", "sending", "failed", "unknown"] {
            assert_eq!(mailing[state], 0, "{mailing}");
        }
    }
    unique.len()
}

fn live(posts: &[Post]) -> impl Iterator<Item = (Which, &Post)> {
    posts.iter().enumerate().filter(|(_, post)| post.state == State::Live)
}

/// Goes through a list until its end, or until so many items.
async fn pages(person: &Person, path: &str, most: usize, mut see: impl FnMut(&Value)) {
    let (mut cursor, mut seen) = (String::new(), 0);
    while seen < most {
        let page = person.get(&format!("{path}{cursor}")).await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        items.iter().for_each(&mut see);
        seen += items.len();
        let Some(next) = page["next_cursor"].as_str() else { return };
        cursor = format!("&cursor={next}");
    }
}
