//! Where a worker begins: its own cursors, those it takes over, and the logs it has no cursor on yet.

use std::{collections::BTreeMap, time::Duration};

use actix::prelude::*;

use super::{
    Worker,
    actor::{Phase, WorkerActor},
    claiming::LONGEST_WAIT,
    outcome::Error,
    window::LogWindow,
};
use crate::domain::{Epoch, Timestamp};

/// How long after a failure the cursors are read again.
const PAUSE: Duration = Duration::from_secs(1);

/// What is known when a worker begins.
struct Loaded {
    cursors: Vec<(Epoch, u64, bool)>,
    /// The ends of the logs that this process does not write, so that a backlog is known before it is read.
    log_ends: Vec<(Epoch, u64)>,
    next_due: Option<Timestamp>,
    has_held: bool,
    isolated: usize,
}

impl<W: Worker> WorkerActor<W> {
    /// Reads the cursors and begins.
    pub(super) fn load(&mut self, ctx: &mut Context<Self>) {
        if self.phase != Phase::Starting {
            return;
        }
        let loading = self.loading();
        ctx.spawn(loading.into_actor(self).map(|loaded, actor, ctx| match loaded {
            Ok(loaded) => {
                actor.add_windows(loaded.cursors);
                for (epoch, head) in loaded.log_ends {
                    if let Some(window) = actor.windows.get_mut(&epoch) {
                        window.reaches(head);
                    }
                }
                actor.next_due = loaded.next_due;
                actor.isolation.count = loaded.isolated;
                actor.holds.has_older_rows = loaded.has_held || !actor.engine.is_alone;
                if actor.phase == Phase::Starting {
                    actor.phase = Phase::Running;
                }
                actor.drive(ctx);
            }
            Err(error) => {
                actor.record_error("cannot read the worker's cursors; trying again", &error);
                ctx.run_later(PAUSE, Self::load);
            }
        }));
    }

    /// Among nodes: takes over what has lost its owner, and finds the logs of new nodes.
    pub(super) fn look_for_logs(&mut self, ctx: &mut Context<Self>) {
        let cursors = self.cursors();
        ctx.spawn(cursors.into_actor(self).map(|cursors, actor, ctx| match cursors {
            Ok(cursors) => {
                actor.add_windows(cursors);
                actor.drive(ctx);
            }
            Err(error) => actor.record_error("cannot look for other nodes' logs", &error),
        }));
    }

    fn add_windows(&mut self, cursors: Vec<(Epoch, u64, bool)>) {
        let own = self.engine.log_ends.all();
        let intake = self.intake();
        for (epoch, settled, is_stuck) in cursors {
            // A log that this very process writes is not stuck: its worker was merely restarted.
            let is_stuck = is_stuck && !own.contains_key(&epoch);
            self.windows.entry(epoch).or_insert_with(|| LogWindow::new(epoch, settled, is_stuck, intake));
        }
    }

    fn loading(&self) -> impl Future<Output = Result<Loaded, Error>> + use<W> {
        let (cursors, deliveries) = (self.cursors(), self.deliveries.clone());
        let (now, is_alone) = (self.engine.clock.now(), self.engine.is_alone);
        let (log, own) = (self.log.clone(), self.engine.log_ends.all());
        async move {
            let cursors = cursors.await?;
            let isolated = deliveries.count_isolated(is_alone).await?;
            if is_alone {
                deliveries.free_leases(now).await?;
            }
            deliveries.recall(now, now.plus(LONGEST_WAIT)).await?;
            let mut log_ends = Vec::new();
            for (epoch, ..) in cursors.iter().filter(|(epoch, ..)| !own.contains_key(epoch)) {
                log_ends.push((*epoch, log.head(*epoch).await?));
            }
            let (next_due, has_held) = (deliveries.next_due(Timestamp::default()).await?, deliveries.has_held().await?);
            Ok(Loaded { cursors, log_ends, next_due, has_held, isolated })
        }
    }

    fn cursors(&self) -> impl Future<Output = Result<Vec<(Epoch, u64, bool)>, Error>> + use<W> {
        let (log, checkpoint, engine) = (self.log.clone(), self.checkpoint.clone(), self.engine.clone());
        let begins_at_the_beginning = self.settings.begins_at_the_beginning;
        async move {
            let now = engine.clock.now();
            if let Some(checkpoint) = checkpoint {
                let load = engine.store.runtime().spawn_blocking(move || checkpoint.load());
                let kept: BTreeMap<Epoch, u64> =
                    load.await.map_err(|error| Error::Fault(error.to_string()))?.map_err(Error::Fault)?;
                let cursor = |epoch: Epoch| (epoch, kept.get(&epoch).copied().unwrap_or(0), false);
                return Ok(log.epochs().await?.into_iter().map(cursor).collect());
            }
            let known = log.known_epochs().await?;
            for epoch in log.epochs().await?.into_iter().filter(|epoch| !known.contains(epoch)) {
                let settled = if begins_at_the_beginning { log.gone(epoch).await? } else { log.head(epoch).await? };
                log.begin(epoch, settled, now.plus(engine.lease)).await?;
            }
            let taken = log.take_over(now, engine.lease, engine.is_alone).await?;
            Ok(taken.into_iter().map(|cursor| (cursor.epoch, cursor.settled, cursor.is_stuck)).collect())
        }
    }
}
