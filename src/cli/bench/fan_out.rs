//! Fan-out: how long a post takes to reach the last follower, and how many feed rows are written per second.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{
    Cast, FOLLOWERS, Scale,
    client::{Connection, text, write_request},
    load::{self, Latencies, Load},
    node::Node,
    people::{self, Person},
    prose::Prose,
    publishing::posts,
    report::{Row, Table, grouped},
    step,
};
use crate::domain::{AccountId, PostId};

/// Audiences, with the number of posts that are timed for each.
const AUDIENCES: [(usize, usize); 3] = [(FOLLOWERS, 50), (1_000, 20), (100_000, 3)];
/// The audience and the number of posts that are published at the same time.
const CROWDED: (usize, usize) = (1_000, 200);
const CROWD: usize = 16;
/// The numbers in titles start here, so that no author has two posts with the same title.
const FIRST_ALONE: usize = 1_000_000;
const FIRST_CROWDED: usize = 2_000_000;
/// How long the last follower may wait.
const PATIENCE: Duration = Duration::from_secs(180);

/// Publishes to small, medium and large audiences.
pub(super) async fn measure(node: &Node, cast: &Cast, scale: Scale, table: &mut Table) -> anyhow::Result<()> {
    let prose = Arc::new(Prose::new()?);
    for (followers, count) in AUDIENCES {
        step(&format!("publishing to {} followers", grouped(followers as f64)));
        let own = if followers == FOLLOWERS { None } else { Some(author_with(node, followers).await?) };
        let author = own.as_ref().unwrap_or(&cast.author);
        one_by_one(node, author, followers, scale.of(count), &prose, table).await?;
        if followers == CROWDED.0 {
            side_by_side(node, author, scale.of(CROWDED.1), &prose, table).await?;
        }
    }
    Ok(())
}

async fn author_with(node: &Node, followers: usize) -> anyhow::Result<Person> {
    let author = people::sign_up(node, &format!("author-{followers}")).await?;
    node.seeding().add_followers(author.id, followers, node.now()).await?;
    Ok(author)
}

/// Each post waits until the previous one has been settled by all workers.
async fn one_by_one(
    node: &Node,
    author: &Person,
    followers: usize,
    count: usize,
    prose: &Prose,
    table: &mut Table,
) -> anyhow::Result<()> {
    let last = node.seeding().last_follower(author.id).await?.context("the author has no followers")?;
    let mut connection = Connection::open(node.address).await?;
    let mut latencies = Latencies::new()?;
    for number in 0..count {
        node.settle(None).await?;
        let began = Instant::now();
        let post = publish(&mut connection, author, &prose.json(FIRST_ALONE + number)).await?;
        wait_for(node, last, post, followers).await?;
        latencies.add(began.elapsed());
    }
    node.settle(None).await?;
    let what = format!("to the last of {} followers, one post at a time", grouped(followers as f64));
    let rate = followers as f64 / latencies.quantile(0.5).as_secs_f64();
    let aim = if followers >= 100_000 { "40,000 rows/s" } else { "" };
    table.push(Row::rate(what, rate, "rows/s").latencies(&latencies).aim(aim));
    Ok(())
}

async fn publish(connection: &mut Connection, author: &Person, json: &str) -> anyhow::Result<PostId> {
    let mut request = Vec::new();
    write_request(&mut request, "POST", "/v1/posts", &author.token, json.as_bytes());
    let status = connection.send(&request).await?;
    ensure!(status == 201, "a post was answered {status}: {}", String::from_utf8_lossy(connection.body()));
    let post: Value = serde_json::from_slice(connection.body())?;
    Ok(text(&post, "id")?.parse()?)
}

/// Polls, but not so often that it slows down writing.
async fn wait_for(node: &Node, reader: AccountId, post: PostId, followers: usize) -> anyhow::Result<()> {
    let pause = Duration::from_millis(if followers > 1_000 { 10 } else { 1 });
    let began = Instant::now();
    loop {
        let newest = node.feed_rows().rows_of(reader, None, 1).await?;
        if newest.first().is_some_and(|position| position.post == post) {
            return Ok(());
        }
        ensure!(began.elapsed() < PATIENCE, "a feed row has not arrived within {} s", PATIENCE.as_secs());
        tokio::time::sleep(pause).await;
    }
}

/// Many posts at once, until the feed worker has written the last row.
async fn side_by_side(
    node: &Node,
    author: &Person,
    count: usize,
    prose: &Arc<Prose>,
    table: &mut Table,
) -> anyhow::Result<()> {
    step("publishing at the same time to 1,000 followers");
    let make = posts(&author.token, prose, FIRST_CROWDED);
    let measured = load::run(node.address, Load { clients: CROWD, requests: count, status: 201 }, make).await?;
    let settled = node.settle(Some("feed")).await?;
    let seconds = settled.at.saturating_duration_since(measured.began).as_secs_f64();
    // The author's own feed gets the post as well.
    let rows = count * (CROWDED.0 + 1);
    let what = format!("feed rows, {} posts to 1,000 followers at the same time", grouped(count as f64));
    table.push(Row::rate(what, rows as f64 / seconds, "rows/s").aim("40,000 rows/s"));
    node.settle(None).await.map(drop)
}
