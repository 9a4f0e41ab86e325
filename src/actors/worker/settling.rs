//! Committing what is finished: cursors, effects and new rows of the retry queue, at most every 100 ms.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::prelude::*;
use tokio::runtime::Handle;

use super::{
    Checkpoint, Worker,
    actor::{Phase, WorkerActor},
    window::{LogWindow, Prefix},
};
use crate::{
    domain::{Epoch, Timestamp},
    store::{Error, EventLog, NewDelivery, Settlement},
};

/// The least time between two commits, unless so many rows wait.
const PAUSE: Duration = Duration::from_millis(100);
const ROWS: usize = 1_000;
/// How long after a failed commit the same one is tried again.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// The state of the commits.
#[derive(Default)]
pub(super) struct Settling {
    is_running: bool,
    /// A commit that failed and must be made before any other.
    failed: Option<Settlement>,
    not_before: Option<Instant>,
}

impl Settling {
    /// Whether a commit runs or waits for another try.
    pub(super) fn is_busy(&self) -> bool {
        self.is_running || self.failed.is_some()
    }
}

/// Commits a worker's own result with its cursors, and before it the rows that belong to them. What the worker has read must be on disk
/// before its result is.
async fn commit_result(
    log: EventLog,
    deliveries: Vec<NewDelivery>,
    checkpoint: Arc<dyn Checkpoint>,
    cursors: BTreeMap<Epoch, u64>,
    runtime: Handle,
) -> Result<(), String> {
    let written = match deliveries.is_empty() {
        true => log.make_durable().await,
        false => log.enqueue(deliveries).await,
    };
    written.map_err(|error| error.to_string())?;
    let commit = runtime.spawn_blocking(move || checkpoint.commit(&cursors));
    commit.await.map_err(|error| error.to_string())?
}

/// When the first of some new rows is due.
fn earliest(deliveries: &[NewDelivery]) -> Option<Timestamp> {
    deliveries.iter().map(|delivery| delivery.due).min()
}

impl<W: Worker> WorkerActor<W> {
    /// Commits a finished prefix, if it is time.
    pub(super) fn settle(&mut self, ctx: &mut Context<Self>) {
        let is_early = self.settling.not_before.is_some_and(|at| Instant::now() < at);
        if self.settling.is_running || (is_early && !self.has_many_rows()) {
            return;
        }
        if let Some(checkpoint) = self.checkpoint.clone() {
            return self.settle_locally(checkpoint, ctx);
        }
        let Some(settlement) = self.settling.failed.take().or_else(|| self.next_settlement()) else { return };
        self.settling.is_running = true;
        self.settling.not_before = Some(Instant::now() + PAUSE);
        let log = self.log.clone();
        let due = earliest(&settlement.deliveries);
        let settling = async move {
            let settled = log.settle(&settlement).await;
            (settlement, settled)
        };
        ctx.spawn(settling.into_actor(self).map(move |(settlement, settled), actor, ctx| {
            actor.settling.is_running = false;
            match settled {
                Ok(()) => {
                    actor.has_settled(settlement.epoch, settlement.settled);
                    due.into_iter().for_each(|due| actor.due_at(due));
                    actor.drive(ctx);
                }
                Err(Error::Refused(_)) => actor.start_over(ctx),
                Err(error) => {
                    actor.record_error("cannot commit a worker's cursor; trying again", &error);
                    actor.settling.failed = Some(settlement);
                    actor.settling.not_before = Some(Instant::now() + AFTER_FAILURE);
                }
            }
        }));
    }

    fn next_settlement(&mut self) -> Option<Settlement> {
        let lease_until = self.engine.clock.now().plus(self.engine.lease);
        let (epoch, prefix) =
            self.windows.values_mut().find_map(|window| Some((window.epoch, window.prefix(ROWS)?)))?;
        let Prefix { from, to, effects, deliveries } = prefix;
        Some(Settlement { epoch, from, settled: to, lease_until, deliveries, effects })
    }

    /// For a worker that keeps its cursors with its own result: first the rows, then the result with all cursors. A crash
    /// between the two repeats events whose rows are there already, which changes nothing.
    fn settle_locally(&mut self, checkpoint: Arc<dyn Checkpoint>, ctx: &mut Context<Self>) {
        let mut deliveries = Vec::new();
        let mut reached = BTreeMap::new();
        for window in self.windows.values_mut() {
            if let Some(prefix) = window.prefix(usize::MAX) {
                reached.insert(window.epoch, prefix.to);
                deliveries.extend(prefix.deliveries);
            }
        }
        if reached.is_empty() {
            return;
        }
        let mut cursors: BTreeMap<Epoch, u64> =
            self.windows.values().map(|window| (window.epoch, window.settled())).collect();
        cursors.extend(&reached);
        let due = earliest(&deliveries);
        self.settling.is_running = true;
        let began = Instant::now();
        let (log, runtime) = (self.log.clone(), self.runtime.clone());
        let settling = commit_result(log, deliveries, checkpoint, cursors, runtime);
        ctx.spawn(settling.into_actor(self).map(move |settled: Result<(), String>, actor, ctx| {
            actor.settling.is_running = false;
            // Commits that are slow come seldom: at most a sixth of the time goes into them.
            actor.settling.not_before = Some(Instant::now() + PAUSE.max(began.elapsed() * 5));
            match settled {
                Ok(()) => {
                    for (epoch, to) in reached {
                        actor.has_settled(epoch, to);
                    }
                    due.into_iter().for_each(|due| actor.due_at(due));
                    actor.drive(ctx);
                }
                Err(error) => {
                    actor.record_error("cannot commit a worker's result; starting over from its last one", &error);
                    actor.start_over(ctx);
                }
            }
        }));
    }

    /// Commits a worker's own result as it is now, if it has one: before the row goes that would do it again after a crash.
    pub(super) fn keep_result(&self) -> Option<impl Future<Output = Result<(), String>> + use<W>> {
        let checkpoint = self.checkpoint.clone()?;
        let cursors = self.windows.values().map(|window| (window.epoch, window.settled())).collect();
        Some(commit_result(self.log.clone(), Vec::new(), checkpoint, cursors, self.runtime.clone()))
    }

    /// Whether a worker's own result is about to be rolled back to its last commit.
    pub(super) fn rolls_back(&self) -> bool {
        self.checkpoint.is_some() && self.starts_over
    }

    fn has_settled(&mut self, epoch: Epoch, to: u64) {
        if let Some(window) = self.windows.get_mut(&epoch) {
            window.settle(to);
        }
    }

    /// The cursor is not where it was thought to be: the database knows better. Runs from the log that still run end for nothing; what
    /// they do is idempotent. Those that have a lease are finished first, or it would be lost and spend a receive.
    pub(super) fn start_over(&mut self, ctx: &mut Context<Self>) {
        if self.phase == Phase::Running {
            self.phase = Phase::Restarting;
            self.starts_over = true;
        }
        self.settling.failed = None;
        self.windows.clear();
        self.drive(ctx);
    }

    fn has_many_rows(&self) -> bool {
        self.windows.values().any(LogWindow::has_many_waiting_rows)
            || self.windows.values().map(LogWindow::finished_rows).sum::<usize>() >= ROWS
    }
}
