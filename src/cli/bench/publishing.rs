//! Publishing: how many posts are accepted over HTTP, and how fast the workers process them.

use std::sync::Arc;

use super::{
    Cast, FOLLOWERS, Scale,
    client::write_request,
    load::{self, Load, Make, Measured},
    node::{Node, Settled},
    prose::Prose,
    report::{Row, Table, grouped},
    step,
};

/// The number of posts by one client, and by many.
const ALONE: usize = 2_000;
const CROWDED: usize = 20_000;
const CROWD: usize = 64;
/// Posts before the measurement, so that files, caches and threads exist.
const WARM_UP: usize = 100;

/// Publishes, and waits for the workers.
pub(super) async fn measure(node: &Node, cast: &Cast, scale: Scale, table: &mut Table) -> anyhow::Result<()> {
    let prose = Arc::new(Prose::new()?);
    let make = |first: usize| posts(&cast.author.token, &prose, first);
    let load = |clients: usize, requests: usize| Load { clients, requests, status: 201 };
    load::run(node.address, load(1, WARM_UP), make(0)).await?;
    node.settle(None).await?;

    step("publishing with 1 client");
    let alone = load::run(node.address, load(1, scale.of(ALONE)), make(WARM_UP)).await?;
    accepted(table, 1, &alone, "");
    let before = node.settle(None).await?;

    step(&format!("publishing with {CROWD} clients"));
    let first = WARM_UP + alone.requests;
    let crowded = load::run(node.address, load(CROWD, scale.of(CROWDED)), make(first)).await?;
    accepted(table, CROWD, &crowded, "5,000 posts/s");
    step("waiting for the workers");
    let after = node.settle(None).await?;
    end_to_end(table, &crowded, before, after);
    Ok(())
}

/// Requests that publish posts with increasing numbers, from `first`.
pub(super) fn posts(token: &str, prose: &Arc<Prose>, first: usize) -> Make {
    let (token, prose) = (token.to_owned(), Arc::clone(prose));
    Arc::new(move |number: usize, request: &mut Vec<u8>| {
        write_request(request, "POST", "/v1/posts", &token, prose.json(first + number).as_bytes());
    })
}

fn accepted(table: &mut Table, clients: usize, measured: &Measured, aim: &'static str) {
    let plural = if clients == 1 { "" } else { "s" };
    let what = format!("accepted over HTTP, {clients} client{plural}, {} posts", grouped(measured.requests as f64));
    table.push(Row::rate(what, measured.rate(), "posts/s").latencies(measured.latencies()).aim(aim));
}

/// From the first request until every worker reached the end of the log.
fn end_to_end(table: &mut Table, crowded: &Measured, before: Settled, after: Settled) {
    let seconds = after.at.saturating_duration_since(crowded.began).as_secs_f64();
    let posts = crowded.requests as f64 / seconds;
    let what = format!("through all five workers, {FOLLOWERS} followers");
    table.push(Row::rate(what.clone(), posts, "posts/s").aim("800 posts/s"));
    let events = after.head.saturating_sub(before.head) as f64 / seconds;
    table.push(Row::rate(format!("{what}, with verdicts"), events, "events/s"));
}
