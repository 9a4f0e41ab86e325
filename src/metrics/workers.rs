//! The workers' stats, read from the engine. Reading holds each worker's lock only while it copies a few hundred
//! numbers, so scraping costs the workers nothing measurable.

use std::fmt;

use super::families::{Families, Labels};
use crate::actors::worker::{Ending, Running, Snapshot, State, Totals};

const STATES: [State; 6] =
    [State::Starting, State::Running, State::Paused, State::BreakerOpen, State::Degraded, State::Stopped];
/// The classes of failures. All are exported from the start, so that the first failure is visible as a change.
const CLASSES: [&str; 6] = ["error", "transient", "timeout", "panic", "lost", "rejected"];

/// One worker at one moment.
struct Worker<'a> {
    running: &'a Running,
    name: &'static str,
    snapshot: Snapshot,
    totals: Totals,
}

impl<'a> Worker<'a> {
    fn look(running: &'a Running) -> Self {
        let status = &running.status;
        Self { running, name: status.name, snapshot: status.snapshot(), totals: status.stats.totals() }
    }

    fn labels(&self) -> Labels<'static> {
        vec![("worker", self.name)]
    }

    /// The labels of OpenTelemetry's conventions for messaging: the worker's queue is the destination.
    fn messaging(&self) -> Labels<'static> {
        vec![("messaging_system", "broadsheet"), ("messaging_destination_name", self.name)]
    }
}

/// Writes the families of all workers.
pub(super) fn encode(families: &mut Families<'_>, workers: &[Running]) -> fmt::Result {
    let workers: Vec<Worker<'_>> = workers.iter().map(Worker::look).collect();
    durations(families, &workers)?;
    counters(families, &workers)?;
    gauges(families, &workers)
}

fn durations(families: &mut Families<'_>, workers: &[Worker<'_>]) -> fmt::Result {
    families.histogram(
        "messaging_process_duration_seconds",
        "How long one run of a delivery took.",
        workers.iter().map(|worker| (worker.messaging(), &worker.totals.run)),
    )?;
    families.histogram(
        "broadsheet_worker_wait_seconds",
        "From the event to the start of its first run.",
        workers.iter().map(|worker| (worker.labels(), &worker.totals.wait)),
    )?;
    families.histogram(
        "broadsheet_worker_end_to_end_seconds",
        "From the event to the end of its last run.",
        workers.iter().map(|worker| (worker.labels(), &worker.totals.end_to_end)),
    )
}

fn counters(families: &mut Families<'_>, workers: &[Worker<'_>]) -> fmt::Result {
    let endings = || workers.iter().flat_map(|worker| Ending::ALL.map(|ending| (worker, ending)));
    let ended = |worker: &Worker<'_>, ending| worker.totals.endings.get(&ending).copied().unwrap_or(0);
    let consumed = |(worker, ending): (&Worker<'_>, Ending)| {
        ([worker.messaging(), vec![("outcome", ending.as_str())]].concat(), ended(worker, ending))
    };
    let help = "Runs of deliveries by outcome, in the terms of OpenTelemetry's conventions.";
    families.counter("messaging_client_consumed_messages", help, endings().map(consumed))?;
    let by_ending = |(worker, ending): (&Worker<'_>, Ending)| {
        (vec![("worker", worker.name), ("ending", ending.as_str())], ended(worker, ending))
    };
    let help = "Runs of deliveries by outcome: done, continued and snoozed are not failures.";
    families.counter("broadsheet_worker_endings", help, endings().map(by_ending))?;
    let failures = workers.iter().flat_map(|worker| {
        let failed = |class| worker.totals.failures.get(class).copied().unwrap_or(0);
        CLASSES.map(|class| (vec![("worker", worker.name), ("class", class)], failed(class)))
    });
    families.counter("broadsheet_worker_failures", "Failed runs by class of failure.", failures)?;
    let restarts = workers.iter().map(|worker| (worker.labels(), u64::from(worker.snapshot.restarts)));
    families.counter("broadsheet_worker_restarts", "How often a worker was restarted after a panic.", restarts)
}

fn gauges(families: &mut Families<'_>, workers: &[Worker<'_>]) -> fmt::Result {
    let states = workers.iter().flat_map(|worker| {
        let is = |state| if worker.snapshot.state == state { 1.0 } else { 0.0 };
        STATES.map(|state| (vec![("worker", worker.name), ("state", state.as_str())], is(state)))
    });
    families.gauge("broadsheet_worker_state", "1 for the state that a worker is in, 0 for the others.", states)?;
    let mut gauge = |name: &str, help: &str, value: fn(&Worker<'_>) -> f64| {
        families.gauge(name, help, workers.iter().map(|worker| (worker.labels(), value(worker))))
    };
    gauge("broadsheet_worker_running", "Running deliveries.", |worker| worker.snapshot.running as f64)?;
    gauge("broadsheet_worker_batch", "How many deliveries may run at the same time.", |worker| {
        worker.running.status.batch as f64
    })?;
    gauge("broadsheet_worker_mailbox_used", "Events in memory that are waiting for the worker.", |worker| {
        worker.running.mailbox.used() as f64
    })?;
    gauge("broadsheet_worker_mailbox_capacity", "How many events may wait in memory.", |worker| {
        worker.running.mailbox.capacity() as f64
    })?;
    gauge("broadsheet_worker_lag_events", "Events that the worker has not settled yet.", |worker| {
        worker.snapshot.lag as f64
    })
}
