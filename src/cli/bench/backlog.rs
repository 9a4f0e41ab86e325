//! Backlogs: how fast a large number of rows is drained, and whether the last tenth is as fast as the first. Rows are
//! written directly to the database, as an outage of a day would leave them, and drained as usual.

use std::time::{Duration, Instant};

use anyhow::bail;

use super::{
    Scale,
    node::Node,
    report::{Row, Table, grouped},
    step,
};
use crate::{actors::worker::Ending, store::Pass};

/// The number of rows.
const ROWS: usize = 300_000;
/// The number of parts whose rates are compared.
const PARTS: usize = 10;
/// How often the worker is checked.
const LOOK: Duration = Duration::from_millis(5);
/// A worker that finishes nothing for this long is stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// Drains a backlog.
pub(super) async fn measure(node: &Node, scale: Scale, table: &mut Table) -> anyhow::Result<()> {
    let rows = scale.of(ROWS);
    deliveries(node, rows, table).await?;
    sessions(node, rows, table).await?;
    events(node, rows, table).await
}

/// How many rows housekeeping removes at once.
const ROUND: usize = 500;

/// Sessions that expired while the server was down, say; removed as housekeeping does.
async fn sessions(node: &Node, rows: usize, table: &mut Table) -> anyhow::Result<()> {
    step(&format!("writing {} sessions that have expired", grouped(rows as f64)));
    let first = node.now().minus(Duration::from_secs(24 * 60 * 60));
    node.seeding().add_sessions(rows, first).await?;
    step("removing them");
    let (access, mut pass, mut parts) = (node.housekeeping(), Pass::default(), Parts::begin(rows));
    loop {
        let removed = access.delete_expired(&mut pass, node.now(), Duration::from_secs(60 * 60), ROUND).await?;
        parts.add(removed);
        if removed < ROUND {
            break;
        }
    }
    parts.report(table, "expired sessions, removed by housekeeping");
    Ok(())
}

/// A log that is past its retention.
async fn events(node: &Node, rows: usize, table: &mut Table) -> anyhow::Result<()> {
    step(&format!("writing {} events that are past their retention", grouped(rows as f64)));
    let epoch = node.seeding().add_events(rows, node.now().minus(Duration::from_secs(24 * 60 * 60))).await?;
    step("removing them");
    let (access, mut from, mut parts) = (node.housekeeping(), 0, Parts::begin(rows));
    while let Some(next) = access.delete_events(epoch, from, u64::try_from(rows)?, node.now(), ROUND).await? {
        parts.add(usize::try_from(next - from)?);
        from = next;
    }
    parts.add(rows);
    parts.report(table, "events past their retention, removed by housekeeping");
    Ok(())
}

/// Deliveries that have waited, for example for a mail server, and are due now.
async fn deliveries(node: &Node, rows: usize, table: &mut Table) -> anyhow::Result<()> {
    const WORKER: &str = "email";
    step(&format!("writing {} deliveries that are due", grouped(rows as f64)));
    let first = node.now().minus(Duration::from_secs(24 * 60 * 60));
    node.seeding().add_deliveries(WORKER, rows, first).await?;
    step("draining them");
    let before = node.ended(WORKER, Ending::Done);
    let mut parts = Parts::begin(rows);
    // What is due since yesterday lies below what the worker has looked through; a start looks at everything.
    node.restart(WORKER);
    let mut moved = Instant::now();
    while let Some(wanted) = parts.next() {
        let done = usize::try_from(node.ended(WORKER, Ending::Done).saturating_sub(before)).unwrap_or(usize::MAX);
        if done >= wanted {
            parts.end();
            moved = Instant::now();
        } else if moved.elapsed() > PATIENCE {
            bail!("worker {WORKER} has stopped after {done} of {rows} deliveries");
        }
        tokio::time::sleep(LOOK).await;
    }
    parts.report(table, "due deliveries, by a worker that does nothing");
    Ok(())
}

/// The time at which each part of a backlog was drained.
struct Parts {
    rows: usize,
    done: usize,
    began: Instant,
    ends: Vec<Duration>,
}

impl Parts {
    fn begin(rows: usize) -> Self {
        Self { rows, done: 0, began: Instant::now(), ends: Vec::new() }
    }

    /// How many rows are drained when the current part is; `None` when all are.
    fn next(&self) -> Option<usize> {
        let part = self.ends.len() + 1;
        (part <= PARTS).then(|| self.rows * part / PARTS)
    }

    /// So many more rows are drained.
    fn add(&mut self, rows: usize) {
        self.done = (self.done + rows).min(self.rows);
        while self.next().is_some_and(|wanted| self.done >= wanted) {
            self.end();
        }
    }

    fn end(&mut self) {
        self.ends.push(self.began.elapsed());
    }

    /// Rows per second, by part.
    fn rates(&self) -> Vec<f64> {
        let begins = std::iter::once(Duration::ZERO).chain(self.ends.iter().copied());
        let took = begins.zip(&self.ends).map(|(begin, end)| end.saturating_sub(begin).as_secs_f64());
        took.map(|seconds| (self.rows / PARTS) as f64 / seconds.max(f64::EPSILON)).collect()
    }

    fn report(&self, table: &mut Table, what: &str) {
        let whole = self.ends.last().map_or(f64::EPSILON, Duration::as_secs_f64);
        let what = format!("drained: {} {what}", grouped(self.rows as f64));
        table.push(Row::rate(what, self.rows as f64 / whole, "rows/s"));
        let rates: Vec<String> = self.rates().into_iter().map(grouped).collect();
        table.figure("  by tenths, rows/s", rates.join(" "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_that_slows_down_shows_it() {
        let ends = (1..=10).map(|part| Duration::from_secs(part * part)).collect();
        let parts = Parts { rows: 1_000, done: 0, began: Instant::now(), ends };
        let rates = parts.rates();
        assert_eq!((rates.len(), rates[0].round(), rates[9].round()), (10, 100.0, 5.0));
        assert_eq!(parts.next(), None);
    }
}
