//! Holding the server against the record. Consequences take their time, so each look is repeated until it is right; what never
//! becomes right is a finding.

mod counts;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::Value;

use self::counts::{counters, followers, profile, tagged};
use super::{
    life::tags,
    record::{Inner, Kind, Post, Record, Who},
    world::World,
};
use crate::support::{Person, Process};

/// How long the consequences of one life may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much of a feed is looked at when not everything is.
const TOP: usize = 200;

/// Looks at everything, or at what the last life touched.
pub(super) async fn everything(people: &[Person], record: &Record, process: &Process, world: &World, is_full: bool) {
    for (who, person) in people.iter().enumerate() {
        patiently(process, async || author(person, who, record, is_full).await).await;
    }
    patiently(process, async || receipts(people, record).await).await;
    for (who, person) in people.iter().enumerate() {
        patiently(process, async || feed(person, who, record, is_full).await).await;
        patiently(process, async || counters(person, who, record).await).await;
        patiently(process, async || followers(person, who, record).await).await;
        patiently(process, async || profile(person, who, record).await).await;
    }
    patiently(process, async || tagged(&people[super::ADMIN], record, is_full).await).await;
    patiently(process, async || found(people, record).await).await;
    patiently(process, async || mailed(people, record, world).await).await;
    patiently(process, async || quiet(&people[super::ADMIN], record).await).await;
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
                let post = answer.json();
                let is_known = post["title"] == format!("About {}", known.word) && tags(&post) == known.tags;
                if !is_known {
                    let told = record.with(|inner| inner.told(&format!("post {id}")));
                    return Err(format!("acknowledged was {known:?}; true is {post}{told}"));
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

/// Every delivery of what was touched is where it ends.
async fn receipts(people: &[Person], record: &Record) -> Result<(), String> {
    let touched = record.with(|inner| {
        let live = inner.touched.iter().filter(|id| !inner.posts[*id].is_deleted);
        live.map(|id| (id.clone(), inner.posts[id].author, inner.posts[id].kind)).collect::<Vec<_>>()
    });
    for (id, who, kind) in touched {
        let receipt = people[who].get(&format!("/v1/posts/{id}/deliveries")).await.expect(200).json();
        let lines = receipt["deliveries"].as_array().unwrap();
        let wanted = |worker: &str| match (kind, worker) {
            (Kind::Poison, "moderation") => "dead",
            (Kind::Poison, "email") => "held",
            (Kind::Vile, "email") => "skipped",
            _ => "done",
        };
        if let Some(line) = lines.iter().find(|line| line["state"] != wanted(line["worker"].as_str().unwrap())) {
            return Err(format!("a delivery of {id}, which is {kind:?}: {line}"));
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
    record.with(|inner| shown.retain(|id| !inner.is_in_doubt(id, who)));
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

/// Search finds what was touched by its present word and not by its former one.
async fn found(people: &[Person], record: &Record) -> Result<(), String> {
    let touched = record.with(|inner| {
        let posts = inner.touched.iter().map(|id| (id.clone(), inner.posts[id].clone()));
        posts.collect::<Vec<_>>()
    });
    for (id, post) in touched {
        // Somebody who is neither the author nor in charge.
        let person = &people[if post.author == 1 { 2 } else { 1 }];
        let hits = |word: String| async move {
            let page = person.get(&format!("/v1/search?q={word}")).await.expect(200).json();
            page["items"].as_array().unwrap().iter().map(|hit| id_of(&hit["post"])).collect::<Vec<_>>()
        };
        let is_shown = !post.is_deleted && post.kind != Kind::Vile;
        let wanted = if is_shown { vec![id.clone()] } else { vec![] };
        let present = hits(post.word.clone()).await;
        if present != wanted {
            let told = record.with(|inner| inner.told(&format!("post {id}")));
            return Err(format!("searching for the word of {id} finds {present:?}{told}"));
        }
        for old in &post.old_words {
            let found = hits(old.clone()).await;
            if !found.is_empty() {
                let told = record.with(|inner| inner.told(&format!("post {id}")));
                let word = &post.word;
                return Err(format!("the word of {id} is {word}, and a former one, {old}, finds {found:?}{told}"));
            }
        }
    }
    Ok(())
}

/// Nobody ever got two mails about one post. Whoever followed all the time got one about each fit post of this life, but for the
/// copies that the ledger calls unknown; strangers got none, and about unfit posts nobody did.
async fn mailed(people: &[Person], record: &Record, world: &World) -> Result<(), String> {
    let mails = world.mails();
    if let Some((copy, count)) = mails.iter().find(|(_, count)| **count > 1) {
        return Err(format!("{count} mails for {copy:?}"));
    }
    let (posts, accounts, wavering, followed) = record.with(|inner| {
        let posts = inner.posts.iter().filter(|(_, post)| post.life == inner.life);
        let posts: Vec<_> = posts.map(|(id, post)| (id.clone(), post.clone())).collect();
        (posts, inner.accounts.clone(), inner.wavering.clone(), inner.followed.clone())
    });
    for (id, post) in posts {
        let has_mail = |account: &String| mails.contains_key(&(id.clone(), account.clone()));
        if post.kind != Kind::Fine {
            if accounts.iter().any(has_mail) {
                return Err(format!("a mail about {id}, which is {:?}", post.kind));
            }
            continue;
        }
        let pairs = || accounts.iter().enumerate().map(|(reader, account)| ((reader, post.author), account));
        let clock_monitor = || pairs().filter(|(pair, _)| !wavering.contains(pair));
        if let Some((pair, _)) = clock_monitor().find(|(pair, account)| !followed.contains(pair) && has_mail(account)) {
            return Err(format!("a mail about {id} to person {}, who does not follow", pair.0));
        }
        if post.is_deleted {
            continue;
        }
        let ledger = people[post.author].get(&format!("/v1/posts/{id}/mailing")).await.expect(200).json();
        let of = |name: &str| ledger[name].as_u64().unwrap();
        let missing =
            clock_monitor().filter(|(pair, account)| followed.contains(pair) && !has_mail(account)).count() as u64;
        let wavered = pairs().count() as u64 - clock_monitor().count() as u64;
        let arrived = pairs().filter(|(_, account)| has_mail(account)).count() as u64;
        let is_whole = of("waiting") + of("sending") == 0 && of("failed") <= wavered && missing <= of("unknown");
        if !is_whole || arrived < of("sent") || arrived > of("sent") + of("unknown") {
            return Err(format!("the mails about {id}: {missing} missing, {arrived} arrived, {ledger}"));
        }
        record.with(|inner| inner.unknown.insert(id, of("unknown")));
    }
    Ok(())
}

/// Nothing is behind, nothing waits but the mail about posts without a verdict, and nothing is dead but what was planted.
async fn quiet(admin: &Person, record: &Record) -> Result<(), String> {
    let without_verdict = record.live_of_kind(Kind::Poison) as u64;
    let workers = admin.get("/v1/admin/workers").await.expect(200).json();
    for worker in workers["items"].as_array().unwrap() {
        let waiting = |state: &str| worker["waiting"][state].as_u64().unwrap();
        let held = if worker["name"] == "email" { without_verdict } else { 0 };
        let is_through = worker["lag"] == 0 && waiting("ready") + waiting("leased") == 0;
        if worker["state"] != "running" || !is_through || waiting("held") != held {
            return Err(format!("a worker is not through, where {held} should be held: {worker}"));
        }
    }
    let letters = all(admin, "/v1/admin/dead-letters?limit=100").await;
    let mut dead: Vec<&str> =
        letters.iter().map(|letter| letter["event"]["post"].as_str().unwrap_or_default()).collect();
    dead.sort_unstable();
    if let Some(twice) = dead.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("two dead letters about {}", twice[0]));
    }
    record.with(|inner| {
        let is_planted = |id: &str| inner.posts.get(id).is_some_and(|post| post.kind == Kind::Poison);
        let strange = |letter: &&Value| {
            letter["worker"] != "moderation" || !is_planted(letter["event"]["post"].as_str().unwrap())
        };
        if let Some(letter) = letters.iter().find(strange) {
            return Err(format!("a dead letter that nobody planted: {letter}"));
        }
        let is_missing =
            |id: &String, post: &Post| post.kind == Kind::Poison && !post.is_deleted && !dead.contains(&id.as_str());
        match inner.posts.iter().find(|(id, post)| is_missing(id, post)) {
            Some((id, _)) => Err(format!("no dead letter about the poison {id}")),
            None => Ok(()),
        }
    })
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

fn id_of(post: &Value) -> String {
    post["id"].as_str().unwrap().to_owned()
}

fn end_of(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
