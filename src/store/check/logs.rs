//! The event logs have no gaps, and no cursor stands behind its log's end.

use std::collections::{BTreeMap, HashSet};

use surrealdb::types::{RecordId, SurrealValue};

use super::{Report, pages::Pages, shown};
use crate::{
    domain::Epoch,
    store::{Result, Store, keys::Parts, query::Query},
};

/// What is known of the logs.
pub(super) struct Logs {
    /// Workers that have something to do yet, or have given something up: what they keep does not agree with the posts.
    unsettled: HashSet<String>,
}

impl Logs {
    /// Whether a worker has dealt with everything.
    pub(super) fn is_settled(&self, worker: &str) -> bool {
        !self.unsettled.contains(worker)
    }
}

#[derive(SurrealValue)]
struct Cursor {
    id: RecordId,
    settled: i64,
}

pub(super) async fn check(store: &Store, report: &mut Report) -> Result<Logs> {
    let log_ends = log_ends(store, report).await?;
    let mut cursors: BTreeMap<String, HashSet<Epoch>> = BTreeMap::new();
    let mut unsettled = HashSet::new();
    let mut pages = Pages::of(store, "cursor");
    loop {
        let rows = pages.next(None).await?;
        if rows.is_empty() {
            break;
        }
        for (_, row) in rows {
            // What does not read was told already.
            let Ok(Cursor { id, settled }) = Cursor::from_value(row) else { continue };
            let Ok((worker, epoch)) = parts(id.clone()) else { continue };
            let head = log_ends.get(&epoch).copied();
            if head.is_some_and(|head| settled > head) {
                let head = head.unwrap_or(0);
                report.found(&format!("{} is settled up to {settled}, and its log ends at {head}", shown(&id)));
            }
            if head.is_some_and(|head| settled < head) {
                unsettled.insert(worker.clone());
            }
            cursors.entry(worker).or_default().insert(epoch);
        }
    }
    for worker in ["feed", "analytics"] {
        let own = cursors.get(worker);
        let is_missing = |epoch: &Epoch| own.is_none_or(|own| !own.contains(epoch));
        if log_ends.keys().any(is_missing) {
            unsettled.insert(worker.to_owned());
        }
    }
    for table in ["delivery", "dead_letter", "abandoned"] {
        let text = format!("SELECT VALUE id[0] FROM {table}");
        let workers: Vec<String> = store.read(Query::new(text)).await?.rows(0)?;
        unsettled.extend(workers);
    }
    Ok(Logs { unsettled })
}

/// The last place in every log that has events.
async fn log_ends(store: &Store, report: &mut Report) -> Result<BTreeMap<Epoch, i64>> {
    let mut log_ends: BTreeMap<Epoch, i64> = BTreeMap::new();
    let mut pages = Pages::of(store, "event");
    loop {
        let rows = pages.next(None).await?;
        if rows.is_empty() {
            return Ok(log_ends);
        }
        for (id, _) in rows {
            let Ok((epoch, seq)) = place(id.clone()) else { continue };
            if let Some(last) = log_ends.insert(epoch, seq)
                && seq != last + 1
            {
                report.found(&format!("{} comes behind number {last}: events are missing between them", shown(&id)));
            }
        }
    }
}

fn place(id: RecordId) -> Result<(Epoch, i64)> {
    let mut parts = Parts::of(id)?;
    Ok((parts.parsed()?, parts.int()?))
}

fn parts(id: RecordId) -> Result<(String, Epoch)> {
    let mut parts = Parts::of(id)?;
    Ok((parts.text()?, parts.parsed()?))
}
