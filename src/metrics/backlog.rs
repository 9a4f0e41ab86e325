//! Samples of the database: the retry queue, the dead letters, and whether the node is ready. The monitor takes them
//! regularly; a scrape only reads the last sample, so that a slow database never blocks it.

use std::{collections::BTreeMap, fmt};

use super::families::{Families, Labels};
use crate::{
    actors::{monitor::Sample, worker::Running},
    domain::Timestamp,
    store::Backlog,
};

const STATES: [&str; 3] = ["ready", "leased", "held"];

/// Writes the sampled families; those without a sample yet are omitted. The workers that run on this node are included
/// even if they have no rows.
pub(super) fn encode(families: &mut Families<'_>, sample: &Sample, workers: &[Running]) -> fmt::Result {
    if let Some(is_ready) = sample.is_ready {
        let help = "Whether the node is ready, according to /readyz; sampled every ten seconds.";
        families.gauge("broadsheet_ready", help, [(Vec::new(), f64::from(u8::from(is_ready)))])?;
    }
    let Some(at) = sample.counted_at else { return Ok(()) };
    let names: Vec<&str> = workers.iter().map(|running| running.status.name).collect();
    deliveries(families, &sample.backlog, &names)?;
    dead_letters(families, sample, &names)?;
    let help = "When the retry queue and the dead letters were last counted.";
    families.gauge("broadsheet_backlog_sampled_timestamp_seconds", help, [(Vec::new(), seconds(at))])
}

fn deliveries(families: &mut Families<'_>, backlog: &Backlog, workers: &[&str]) -> fmt::Result {
    let known = workers.iter().flat_map(|worker| STATES.map(|state| (*worker, state, 0)));
    let known = known.filter(|(worker, state, _)| backlog.of(worker, state).is_none());
    let counted = backlog.deliveries.iter().map(|row| (row.worker.as_str(), row.state.as_str(), row.count));
    let samples = known.chain(counted);
    let samples = samples.map(|(worker, state, count)| (vec![("worker", worker), ("state", state)], count as f64));
    let help = "Deliveries in the retry queue, on all nodes of this database: ready waits for its time, leased runs, held \
                waits for a verdict.";
    families.gauge("broadsheet_deliveries", help, samples)?;
    let oldest = backlog.deliveries.iter();
    let oldest =
        oldest.map(|row| (vec![("worker", row.worker.as_str()), ("state", row.state.as_str())], seconds(row.oldest)));
    let help = "When the oldest event in the retry queue happened; absent if the queue is empty.";
    families.gauge("broadsheet_delivery_oldest_timestamp_seconds", help, oldest)
}

fn dead_letters(families: &mut Families<'_>, sample: &Sample, workers: &[&str]) -> fmt::Result {
    let mut counts: BTreeMap<&str, u64> = workers.iter().map(|name| (*name, 0)).collect();
    let mut expiring = counts.clone();
    counts.extend(sample.dead_letters.workers());
    expiring.extend(counts.keys().map(|name| (*name, sample.backlog.expiring.get(*name).copied().unwrap_or(0))));
    families.gauge("broadsheet_dead_letters", "Dead letters, on all nodes of this database.", samples(&counts))?;
    let help = "Dead letters that will be deleted within two days, because their retention ends.";
    families.gauge("broadsheet_dead_letters_expiring", help, samples(&expiring))
}

fn samples<'a>(counts: &BTreeMap<&'a str, u64>) -> Vec<(Labels<'a>, f64)> {
    counts.iter().map(|(worker, count)| (vec![("worker", *worker)], *count as f64)).collect()
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1_000.0
}
