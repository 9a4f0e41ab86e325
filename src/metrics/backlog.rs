//! Samples of the database: the retry queue, the dead letters, and whether the node is ready. A separate task takes
//! them regularly; a scrape only reads the last sample, so that a slow database never blocks it.

use std::{fmt, sync::Arc};

use parking_lot::RwLock;

use super::families::Families;
use crate::{actors::worker::Running, domain::Timestamp, store::Backlog};

const STATES: [&str; 3] = ["ready", "leased", "held"];

/// The last samples. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Standing(Arc<RwLock<Samples>>);

#[derive(Debug, Default)]
struct Samples {
    backlog: Option<(Timestamp, Backlog)>,
    is_ready: Option<bool>,
}

impl Standing {
    /// What was in the database at that time.
    pub fn set_backlog(&self, at: Timestamp, backlog: Backlog) {
        self.0.write().backlog = Some((at, backlog));
    }

    /// Whether the node is ready.
    pub fn set_ready(&self, is_ready: bool) {
        self.0.write().is_ready = Some(is_ready);
    }

    /// Writes the sampled families; those without a sample yet are omitted. The workers that run on this node are
    /// included even if they have no rows.
    pub(super) fn encode(&self, families: &mut Families<'_>, workers: &[Running]) -> fmt::Result {
        let samples = self.0.read();
        if let Some(is_ready) = samples.is_ready {
            let help = "Whether the node is ready, according to /readyz; sampled every ten seconds.";
            families.gauge("broadsheet_ready", help, [(Vec::new(), f64::from(u8::from(is_ready)))])?;
        }
        let Some((at, backlog)) = &samples.backlog else { return Ok(()) };
        let names: Vec<&str> = workers.iter().map(|running| running.status.name).collect();
        deliveries(families, backlog, &names)?;
        dead_letters(families, backlog, &names)?;
        let help = "When the retry queue and the dead letters were last counted.";
        families.gauge("broadsheet_backlog_sampled_timestamp_seconds", help, [(Vec::new(), seconds(*at))])
    }
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

fn dead_letters(families: &mut Families<'_>, backlog: &Backlog, workers: &[&str]) -> fmt::Result {
    let known = workers.iter().filter(|name| backlog.dead_letters.iter().all(|row| row.worker != **name));
    let known: Vec<(&str, u64, u64)> = known.map(|name| (*name, 0, 0)).collect();
    let counted = backlog.dead_letters.iter().map(|row| (row.worker.as_str(), row.count, row.expiring));
    let rows: Vec<(&str, u64, u64)> = known.into_iter().chain(counted).collect();
    let help = "Dead letters, on all nodes of this database.";
    let samples = rows.iter().map(|(worker, count, _)| (vec![("worker", *worker)], *count as f64));
    families.gauge("broadsheet_dead_letters", help, samples)?;
    let help = "Dead letters that will be deleted within two days, because their retention ends.";
    let samples = rows.iter().map(|(worker, _, expiring)| (vec![("worker", *worker)], *expiring as f64));
    families.gauge("broadsheet_dead_letters_expiring", help, samples)
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1_000.0
}
