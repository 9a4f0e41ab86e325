//! Holding the server against the record. Consequences take their time, so each look is repeated until it is right; what never
//! becomes right is a finding.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::record::{Inner, Record, Who};
use crate::support::{Person, Process, mails_in};

/// How long the consequences of one life may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much of a feed is looked at when not everything is.
const TOP: usize = 200;

/// Looks at everything, or at what the last life touched.
pub(super) async fn everything(people: &[Person], record: &Record, process: &Process, is_full: bool) {
    for (who, person) in people.iter().enumerate() {
        patiently(process, async || author(person, who, record, is_full).await).await;
    }
    patiently(process, async || receipts(people, record).await).await;
    for (who, person) in people.iter().enumerate() {
        patiently(process, async || feed(person, who, record, is_full).await).await;
        patiently(process, async || counters(person, who, record).await).await;
    }
    patiently(process, async || found(&people[0], record).await).await;
    patiently(process, async || mailed(record, process)).await;
    patiently(process, async || quiet(&people[0]).await).await;
}

/// Every acknowledged post is there as it was acknowledged, and nothing else is.
async fn author(person: &Person, who: Who, record: &Record, is_full: bool) -> Result<(), String> {
    let touched = |id: &String, inner: &Inner| is_full || inner.touched.contains(id);
    let posts = record.with(|inner| {
        let mine = inner.posts.iter().filter(|(id, post)| post.author == who && touched(id, inner));
        mine.map(|(id, post)| (id.clone(), post.clone())).collect::<BTreeMap<_, _>>()
    });
    for (id, known) in &posts {
        let answer = person.get(&format!("/v1/posts/{id}")).await;
        match (answer.status.as_u16(), known.is_deleted) {
            (404, true) => {}
            (200, false) => {
                let title = answer.json()["title"].as_str().unwrap().to_owned();
                if title != format!("About {}", known.word) {
                    return Err(format!("the acknowledged text of {id} is gone: {title}"));
                }
            }
            (status, is_deleted) => return Err(format!("{id} answers {status}, deleted: {is_deleted}")),
        }
    }
    let (count, mut wanted) = record.with(|inner| {
        let mine = inner.live_of(who);
        (mine.len(), mine.into_iter().map(|(id, _)| id.clone()).collect::<Vec<_>>())
    });
    if !is_full {
        return Ok(());
    }
    let listed = all(person, &format!("/v1/posts?author={}&limit=100", person.handle)).await;
    let mut listed: Vec<String> = listed.iter().map(id_of).collect();
    listed.sort();
    wanted.sort();
    if listed == wanted { Ok(()) } else { Err(format!("{} posts listed, {count} acknowledged", listed.len())) }
}

/// Every delivery of what was touched is done.
async fn receipts(people: &[Person], record: &Record) -> Result<(), String> {
    let touched = record.with(|inner| {
        let live = inner.touched.iter().filter(|id| !inner.posts[*id].is_deleted);
        live.map(|id| (id.clone(), inner.posts[id].author)).collect::<Vec<_>>()
    });
    for (id, who) in touched {
        let receipt = people[who].get(&format!("/v1/posts/{id}/deliveries")).await.expect(200).json();
        let lines = receipt["deliveries"].as_array().unwrap();
        if let Some(line) = lines.iter().find(|line| line["state"] != "done") {
            return Err(format!("a delivery of {id} is not done: {line}"));
        }
    }
    Ok(())
}

/// Every post of those one follows, once and in order, and nothing else.
async fn feed(person: &Person, who: Who, record: &Record, is_full: bool) -> Result<(), String> {
    let mut wanted = record.with(|inner| inner.feed_of(who));
    let mut shown = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = person.get(&format!("/v1/feed?limit=100{cursor}")).await.expect(200).json();
        shown.extend(page["items"].as_array().unwrap().iter().map(id_of));
        match page["next_cursor"].as_str() {
            Some(next) if is_full || shown.len() < TOP => cursor = format!("&cursor={next}"),
            _ => break,
        }
    }
    if !is_full {
        wanted.truncate(shown.len().max(TOP).min(wanted.len()));
        shown.truncate(wanted.len().max(TOP));
        wanted.truncate(shown.len().max(TOP));
    }
    if shown == wanted {
        return Ok(());
    }
    let missing: Vec<&String> = wanted.iter().filter(|id| !shown.contains(id)).take(5).collect();
    let extra: Vec<String> = shown.iter().filter(|id| !wanted.contains(id)).take(5).cloned().collect();
    let extra: Vec<String> = record.with(|inner| extra.iter().map(|id| inner.describe(id, who)).collect());
    Err(format!(
        "the feed of {}: {} shown, {} expected, missing {missing:?}, too many {extra:?} (neither: twice or out of order)",
        person.handle,
        shown.len(),
        wanted.len()
    ))
}

/// Counters agree with what was counted here.
async fn counters(person: &Person, who: Who, record: &Record) -> Result<(), String> {
    let stats = person.get("/v1/me/stats").await.expect(200).json();
    let (posts, words, followers) = record.with(|inner| {
        let mine = inner.live_of(who);
        let words: usize = mine.iter().map(|(_, post)| post.words).sum();
        (mine.len(), words, inner.follows.iter().filter(|(_, author)| *author == who).count())
    });
    for (name, wanted) in [("posts", posts), ("words", words), ("followers", followers)] {
        if stats[name] != wanted {
            return Err(format!("{} of {}: counted {}, expected {wanted}", name, person.handle, stats[name]));
        }
    }
    Ok(())
}

/// Search finds what was touched by its present word and not by its former one.
async fn found(person: &Person, record: &Record) -> Result<(), String> {
    let touched = record.with(|inner| {
        let posts = inner.touched.iter().map(|id| (id.clone(), inner.posts[id].clone()));
        posts.collect::<Vec<_>>()
    });
    for (id, post) in touched {
        let hits = |word: String| async move {
            let page = person.get(&format!("/v1/search?q={word}")).await.expect(200).json();
            page["items"].as_array().unwrap().iter().map(|hit| id_of(&hit["post"])).collect::<Vec<_>>()
        };
        let wanted = if post.is_deleted { vec![] } else { vec![id.clone()] };
        let present = hits(post.word.clone()).await;
        if present != wanted {
            return Err(format!("searching for the word of {id} finds {present:?}"));
        }
        if let Some(old) = post.old_word
            && !hits(old).await.is_empty()
        {
            return Err(format!("search still finds the former text of {id}"));
        }
    }
    Ok(())
}

/// Whoever followed all the time got one mail about each post of this life; nobody got two; strangers got none.
fn mailed(record: &Record, process: &Process) -> Result<(), String> {
    let copies = mails_in(&process.mail_folder()).into_iter().filter_map(|mail| message_of(&mail));
    let mut counted: BTreeMap<(String, String), usize> = BTreeMap::new();
    for copy in copies {
        *counted.entry(copy).or_default() += 1;
    }
    if let Some((copy, count)) = counted.iter().find(|(_, count)| **count > 1) {
        return Err(format!("{count} mails for {copy:?}"));
    }
    record.with(|inner| {
        if let Some(copy) = counted.keys().find(|copy| inner.mailed.contains(*copy)) {
            return Err(format!("a second mail for {copy:?}, in a later life"));
        }
        for (id, post) in inner.posts.iter().filter(|(_, post)| post.life == inner.life) {
            for (reader, account) in inner.accounts.iter().enumerate() {
                let pair = (reader, post.author);
                let has_mail = counted.contains_key(&(id.clone(), account.clone()));
                let is_steady = !inner.wavering.contains(&pair);
                let follows = inner.followed.contains(&pair);
                if is_steady && follows && !post.is_deleted && !has_mail {
                    return Err(format!("no mail about {id} to person {reader}"));
                }
                if is_steady && !follows && has_mail {
                    return Err(format!("a mail about {id} to person {reader}, who does not follow"));
                }
            }
        }
        Ok(())
    })
}

/// Clears the mail folder, so that a second copy in a later life would show.
pub(super) fn put_mails_away(record: &Record, process: &Process) {
    for entry in std::fs::read_dir(process.mail_folder()).unwrap() {
        let path = entry.unwrap().path();
        if let Some(copy) = std::fs::read_to_string(&path).ok().and_then(|mail| message_of(&mail)) {
            std::fs::remove_file(&path).unwrap();
            record.with(|inner| inner.mailed.insert(copy));
        }
    }
}

/// Nothing is behind, nothing waits, nothing is dead.
async fn quiet(admin: &Person) -> Result<(), String> {
    let workers = admin.get("/v1/admin/workers").await.expect(200).json();
    for worker in workers["items"].as_array().unwrap() {
        let waiting = &worker["waiting"];
        let waits: u64 = ["ready", "leased", "held"].iter().map(|state| waiting[state].as_u64().unwrap()).sum();
        if worker["state"] != "running" || worker["lag"] != 0 || waits > 0 {
            return Err(format!("a worker is not through: {worker}"));
        }
    }
    let dead = admin.get("/v1/admin/dead-letters").await.expect(200).json();
    match dead["items"].as_array().unwrap().first() {
        Some(letter) => Err(format!("a dead letter that nobody planted: {letter}")),
        None => Ok(()),
    }
}

/// Looks again until it is right.
async fn patiently(process: &Process, look: impl AsyncFn() -> Result<(), String>) {
    let until = Instant::now() + PATIENCE;
    while let Err(finding) = look().await {
        assert!(Instant::now() < until, "{finding}\n{}", end_of(&process.log()));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// All items of a list.
pub(super) async fn all(person: &Person, path: &str) -> Vec<Value> {
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

/// The post and the recipient in a mail's Message-ID; nothing for mails with codes.
fn message_of(mail: &str) -> Option<(String, String)> {
    let id = mail.lines().find_map(|line| line.strip_prefix("Message-ID: <"))?;
    let (post, recipient) = id.split_once('@')?.0.split_once('.')?;
    (post.len() == 26 && recipient.len() == 26).then(|| (post.to_owned(), recipient.to_owned()))
}

fn id_of(post: &Value) -> String {
    post["id"].as_str().unwrap().to_owned()
}

fn end_of(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
