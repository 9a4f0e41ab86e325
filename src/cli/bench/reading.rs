//! Reading: feed pages, posts and searches, with warm caches, by one client and by many.

use std::sync::Arc;

use anyhow::ensure;
use serde_json::Value;

use super::{
    Cast, Scale,
    client::{self, Connection, text, write_request},
    load::{self, Load, Make},
    node::Node,
    people::Person,
    prose::TOPICS,
    report::{Row, Table},
    step,
};

const CROWD: usize = 32;
/// How many posts are read in turn.
const POSTS: usize = 1_000;

/// One kind of request.
struct Kind {
    what: &'static str,
    paths: Vec<String>,
    alone: usize,
    crowded: usize,
    aim: &'static str,
}

/// Reads as a follower of the author.
pub(super) async fn measure(node: &Node, cast: &Cast, scale: Scale, table: &mut Table) -> anyhow::Result<()> {
    let posts = newest(node, &cast.reader, scale.of(POSTS)).await?;
    let kinds = [
        Kind {
            what: "feed page of 20",
            paths: vec!["/v1/feed".to_owned()],
            alone: 2_000,
            crowded: 20_000,
            aim: "p50 < 1 ms",
        },
        Kind {
            what: "one post",
            paths: posts.iter().map(|id| format!("/v1/posts/{id}")).collect(),
            alone: 5_000,
            crowded: 50_000,
            aim: "",
        },
        Kind {
            what: "search for a word in a fifth of the posts",
            paths: TOPICS.iter().map(|word| format!("/v1/search?q={word}")).collect(),
            alone: 1_000,
            crowded: 10_000,
            aim: "p50 < 5 ms",
        },
    ];
    for kind in kinds {
        step(&format!("reading: {}", kind.what));
        read(node, &cast.reader, scale, table, &kind).await?;
    }
    Ok(())
}

async fn read(node: &Node, reader: &Person, scale: Scale, table: &mut Table, kind: &Kind) -> anyhow::Result<()> {
    let make = gets(&reader.token, &kind.paths);
    let warm_up = Load { clients: 1, requests: kind.paths.len().max(100), status: 200 };
    load::run(node.address, warm_up, Arc::clone(&make)).await?;
    for (clients, requests, aim) in [(1, kind.alone, kind.aim), (CROWD, kind.crowded, "")] {
        let load = Load { clients, requests: scale.of(requests), status: 200 };
        let measured = load::run(node.address, load, Arc::clone(&make)).await?;
        let plural = if clients == 1 { "" } else { "s" };
        let what = format!("{}, {clients} client{plural}", kind.what);
        table.push(Row::rate(what, measured.rate(), "requests/s").latencies(measured.latencies()).aim(aim));
    }
    Ok(())
}

/// Requests for these paths in turn, generated once.
fn gets(token: &str, paths: &[String]) -> Make {
    let request = |path: &String| {
        let mut request = Vec::new();
        write_request(&mut request, "GET", path, token, b"");
        request
    };
    let requests: Vec<Vec<u8>> = paths.iter().map(request).collect();
    Arc::new(move |number: usize, into: &mut Vec<u8>| {
        into.clear();
        into.extend_from_slice(requests.get(number % requests.len().max(1)).map(Vec::as_slice).unwrap_or_default());
    })
}

/// The ids of the newest posts. Hidden posts would make every figure look better than it is.
async fn newest(node: &Node, reader: &Person, count: usize) -> anyhow::Result<Vec<String>> {
    let mut connection = Connection::open(node.address).await?;
    let mut ids = Vec::new();
    let mut path = "/v1/posts?limit=100".to_owned();
    loop {
        let page = client::call(&mut connection, "GET", &path, &reader.token, &Value::Null).await?;
        for post in page.get("items").and_then(Value::as_array).into_iter().flatten() {
            let (id, verdict) = (text(post, "id")?, text(post, "moderation")?);
            ensure!(verdict == "approved", "post {id} is {verdict}, not approved");
            ids.push(id.to_owned());
        }
        let next = page.get("next_cursor").and_then(Value::as_str);
        match next.filter(|_| ids.len() < count) {
            Some(cursor) => path = format!("/v1/posts?limit=100&cursor={cursor}"),
            None => return Ok(ids.into_iter().take(count).collect()),
        }
    }
}
