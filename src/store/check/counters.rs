//! Counters agree with what they count: posts, tags and followers of every author.

use std::collections::BTreeMap;

use surrealdb::types::{RecordId, SurrealValue, Value};

use super::{Report, logs::Logs, pages::Pages};
use crate::{
    domain::{AccountId, Post, Status, Viewer, may_see},
    store::{Result, Store, keys::Parts, posts::PostRow, stats},
};

/// How often, by subject and metric.
type Counts = BTreeMap<(String, String), i64>;

#[derive(SurrealValue)]
struct Counter {
    id: RecordId,
    n: i64,
}

pub(super) async fn check(store: &Store, report: &mut Report, logs: &Logs) -> Result<()> {
    if !logs.is_settled("analytics") {
        let why = "counters, because the analytics worker has something to do yet, or dead letters";
        report.left_out.push(why.to_owned());
        return Ok(());
    }
    if report.is_torn {
        report.left_out.push("counters, because not everything that they count can be read".to_owned());
        return Ok(());
    }
    let mut counted = Counts::new();
    each(store, "post", |_, row| count_post(&mut counted, row)).await?;
    each(store, "follower", |id, _| count_follower(&mut counted, id)).await?;
    let mut kept = Counts::new();
    each(store, "stat", |_, row| add_counter(&mut kept, row)).await?;
    let all: std::collections::BTreeSet<_> = counted.keys().chain(kept.keys()).cloned().collect();
    for key in all {
        let (kept, counted) = (kept.get(&key).copied().unwrap_or(0), counted.get(&key).copied().unwrap_or(0));
        if kept != counted {
            let (subject, metric) = key;
            report.found(&format!("the counter {metric} of {subject} says {kept}, and there are {counted}"));
        }
    }
    Ok(())
}

async fn each(store: &Store, table: &'static str, mut take: impl FnMut(RecordId, Value) -> Option<()>) -> Result<()> {
    let mut pages = Pages::of(store, table);
    loop {
        let rows = pages.next(None).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for (id, row) in rows {
            // What does not read was told already.
            let _ = take(id, row);
        }
    }
}

fn count_post(counted: &mut Counts, row: Value) -> Option<()> {
    let post = Post::try_from(PostRow::from_value(row).ok()?).ok()?;
    if post.status == Status::Published {
        let author = stats::of_author(post.author);
        *counted.entry((author.clone(), "posts".to_owned())).or_default() += 1;
        if !may_see(&post, Viewer::Public) {
            *counted.entry((author.clone(), "hidden".to_owned())).or_default() += 1;
        }
        for tag in &post.tags {
            *counted.entry((author.clone(), format!("tag:{}", tag.as_str()))).or_default() += 1;
        }
    }
    Some(())
}

fn count_follower(counted: &mut Counts, id: RecordId) -> Option<()> {
    let author: AccountId = Parts::of(id).ok()?.parsed().ok()?;
    *counted.entry((stats::of_author(author), "followers".to_owned())).or_default() += 1;
    Some(())
}

fn add_counter(kept: &mut Counts, row: Value) -> Option<()> {
    let Counter { id, n } = Counter::from_value(row).ok()?;
    let mut parts = Parts::of(id).ok()?;
    let (subject, metric) = (parts.text().ok()?, parts.text().ok()?);
    let is_counted = matches!(metric.as_str(), "posts" | "hidden" | "followers") || metric.starts_with("tag:");
    if subject.starts_with("author:") && is_counted {
        *kept.entry((subject, metric)).or_default() += n;
    }
    Some(())
}
