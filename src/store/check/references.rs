//! What leads from row to row leads there, and back.

use std::collections::{HashMap, HashSet};

use surrealdb::types::{RecordId, SurrealValue, Value};

use super::{
    Report,
    logs::Logs,
    pages::{Pages, of_each},
    shown,
};
use crate::{
    domain::{Account, AccountId, Post, PostId},
    store::{
        Result, Store, accounts,
        accounts::AccountRow,
        follows,
        keys::{self, Parts, parts},
        listings,
        posts::{self, PostRow},
        reviews,
    },
};

pub(super) async fn check(store: &Store, report: &mut Report, logs: &Logs) -> Result<()> {
    from_posts(store, report).await?;
    from_accounts(store, report).await?;
    to_posts(store, report, "slug").await?;
    to_posts(store, report, "listing").await?;
    to_posts(store, report, "review").await?;
    if logs.is_settled("feed") {
        to_posts(store, report, "feed").await?;
    } else {
        report
            .left_out
            .push("rows of feeds, because the feed worker has something to do yet, or dead letters".to_owned());
    }
    to_accounts(store, report, "handle", |account| account.handle.as_str().to_owned()).await?;
    to_accounts(store, report, "email", |account| account.email.as_str().to_owned()).await?;
    both_ways(store, report, "following").await?;
    both_ways(store, report, "follower").await
}

/// Everything that a post stands in.
async fn from_posts(store: &Store, report: &mut Report) -> Result<()> {
    let mut pages = Pages::of(store, "post");
    loop {
        let rows = pages.next(None).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut wanted = Vec::new();
        for (id, row) in rows {
            let Some(post) = post_of(row) else { continue };
            let slug = keys::record("slug", parts![post.author, post.slug.as_str()]);
            let keys = listings::keys_of(&post).into_iter().chain(reviews::keys_of(&post));
            wanted.extend(keys.chain([slug, accounts::id(post.author)]).map(|wanted| (id.clone(), wanted)));
        }
        missing(store, report, wanted).await?;
    }
}

/// An account's handle and address lead to it.
async fn from_accounts(store: &Store, report: &mut Report) -> Result<()> {
    let mut pages = Pages::of(store, "account");
    loop {
        let rows = pages.next(None).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut wanted = Vec::new();
        for (id, row) in rows {
            let Some(account) = account_of(row) else { continue };
            wanted.push((id.clone(), keys::named("handle", account.handle.as_str())));
            wanted.push((id, keys::named("email", account.email.as_str())));
        }
        missing(store, report, wanted).await?;
    }
}

/// A key row of a post: the post is there, and stands in it.
async fn to_posts(store: &Store, report: &mut Report, table: &'static str) -> Result<()> {
    let mut pages = Pages::of(store, table);
    loop {
        let rows = pages.next(None).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let rows: Vec<(RecordId, PostId)> =
            rows.into_iter().filter_map(|(id, row)| Some((id.clone(), post_named(id, &row)?))).collect();
        let there = posts_among(store, report, rows.iter().map(|(_, post)| *post)).await?;
        for (id, post) in rows {
            match there.get(&post) {
                None if report.unreadable.contains(&posts::id(post)) => {}
                None => report.found(&format!("{} leads to the post {post}, which is not there", shown(&id))),
                Some(post) if !stands_in(post, &id) => {
                    report.found(&format!("{} leads to the post {}, which does not belong there", shown(&id), post.id));
                }
                Some(_) => {}
            }
        }
    }
}

fn stands_in(post: &Post, id: &RecordId) -> bool {
    match id.table.as_str() {
        "slug" => *id == keys::record("slug", parts![post.author, post.slug.as_str()]),
        "listing" => listings::keys_of(post).contains(id),
        "review" => reviews::keys_of(post).contains(id),
        _ => true,
    }
}

/// A handle or an address leads to the account that has it.
async fn to_accounts(
    store: &Store,
    report: &mut Report,
    table: &'static str,
    of: fn(&Account) -> String,
) -> Result<()> {
    let mut pages = Pages::of(store, table);
    loop {
        let rows = pages.next(None).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let named = |(id, row): (RecordId, Value)| {
            let account = field(&row, "account")?.parse::<AccountId>().ok()?;
            Some((keys::text_key(id).ok()?, account))
        };
        let rows: Vec<(String, AccountId)> = rows.into_iter().filter_map(named).collect();
        let there = accounts_among(store, report, rows.iter().map(|(_, account)| *account)).await?;
        for (text, id) in rows {
            // Not the address itself: it is nobody's business.
            let what = if table == "email" { "an address".to_owned() } else { format!("the {table} {text}") };
            match there.get(&id) {
                None if report.unreadable.contains(&accounts::id(id)) => {}
                None => report.found(&format!("{what} leads to the account {id}, which is not there")),
                Some(account) if of(account) != text => {
                    report.found(&format!("{what} leads to the account {id}, which has another one"));
                }
                Some(_) => {}
            }
        }
    }
}

/// Who follows whom stands in both tables.
async fn both_ways(store: &Store, report: &mut Report, table: &'static str) -> Result<()> {
    let mut pages = Pages::of(store, table);
    loop {
        let rows = pages.next(None).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let wanted = rows.into_iter().filter_map(|(id, _)| {
            let mut parts = Parts::of(id.clone()).ok()?;
            let first: AccountId = parts.parsed().ok()?;
            let other = if table == "following" {
                follows::follower_id(parts.parsed().ok()?, first)
            } else {
                parts.int().ok()?;
                follows::following_id(parts.parsed().ok()?, first)
            };
            Some((id, other))
        });
        missing(store, report, wanted.collect()).await?;
    }
}

/// Tells which of the rows that others need are not there.
async fn missing(store: &Store, report: &mut Report, wanted: Vec<(RecordId, RecordId)>) -> Result<()> {
    let ids: Vec<RecordId> = wanted.iter().map(|(_, wanted)| wanted.clone()).collect();
    let there: Vec<RecordId> = of_each(store, report, "SELECT VALUE id FROM $ids", ids).await?;
    let mut there: HashSet<RecordId> = there.into_iter().collect();
    there.extend(report.unreadable.iter().cloned());
    for (id, wanted) in wanted.iter().filter(|(_, wanted)| !there.contains(wanted)) {
        // An address stays out of what is printed.
        let wanted = if wanted.table.as_str() == "email" { "its address".to_owned() } else { shown(wanted) };
        report.found(&format!("{} lacks {wanted}", shown(id)));
    }
    Ok(())
}

async fn posts_among(
    store: &Store,
    report: &mut Report,
    posts: impl Iterator<Item = PostId>,
) -> Result<HashMap<PostId, Post>> {
    let ids: HashSet<RecordId> = posts.map(posts::id).collect();
    // Without the texts: nothing here looks at them, and a page of a list names many posts.
    let text = "SELECT *, '' AS body FROM $ids";
    let rows: Vec<Value> = of_each(store, report, text, ids.into_iter().collect()).await?;
    Ok(rows.into_iter().filter_map(post_of).map(|post| (post.id, post)).collect())
}

async fn accounts_among(
    store: &Store,
    report: &mut Report,
    accounts: impl Iterator<Item = AccountId>,
) -> Result<HashMap<AccountId, Account>> {
    let rows: Vec<Value> = of_each(store, report, "SELECT * FROM $ids", accounts.map(accounts::id).collect()).await?;
    Ok(rows.into_iter().filter_map(account_of).map(|account| (account.id, account)).collect())
}

/// The post that a key row leads to.
fn post_named(id: RecordId, row: &Value) -> Option<PostId> {
    if id.table.as_str() == "slug" { field(row, "post")?.parse().ok() } else { Some(keys::position(id).ok()?.post) }
}

fn post_of(row: Value) -> Option<Post> {
    Post::try_from(PostRow::from_value(row).ok()?).ok()
}

fn account_of(row: Value) -> Option<Account> {
    Account::try_from(AccountRow::from_value(row).ok()?).ok()
}

fn field(row: &Value, name: &str) -> Option<String> {
    match row {
        Value::Object(row) => match row.get(name)? {
            Value::String(text) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}
