//! What operators do to workers. Every act leaves a row in the audit trail before it takes effect.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::Mutex;

use super::{
    Error,
    worker::{Control, Running},
};
use crate::{
    clock::SharedClock,
    domain::{Actor, Audit},
    store::{AuditTrail, Controls},
};

/// The handle on this node's workers for operators.
#[derive(Clone)]
pub struct Operations {
    workers: Arc<Vec<Running>>,
    controls: Controls,
    trail: AuditTrail,
    clock: SharedClock,
    /// What the workers were told last. Held while something is wanted and told, so that an older wish read meanwhile does not
    /// undo a newer one.
    told: Arc<Mutex<BTreeMap<&'static str, bool>>>,
}

impl Operations {
    /// Over the workers that run on this node.
    #[must_use]
    pub fn new(workers: Vec<Running>, controls: Controls, trail: AuditTrail, clock: SharedClock) -> Self {
        Self { workers: Arc::new(workers), controls, trail, clock, told: Arc::default() }
    }

    /// This node's workers, in the order of their registration.
    #[must_use]
    pub fn workers(&self) -> &[Running] {
        &self.workers
    }

    /// Pauses, resumes or restarts a worker. Pausing and resuming hold on every node and are kept over restarts; restarting
    /// concerns this node alone.
    ///
    /// # Errors
    /// [`Error::NotFound`] when no such worker runs here, or when the database does not answer; nothing happens then.
    pub async fn control(&self, worker: &str, control: Control, by: Actor) -> Result<(), Error> {
        let running = self.workers.iter().find(|running| running.status.name == worker).ok_or(Error::NotFound)?;
        let verb = match control {
            Control::Pause => "pause",
            Control::Resume => "resume",
            Control::Restart => "restart",
        };
        let (at, target) = (self.clock.now(), worker.to_owned());
        let audit = Audit { at, by, act: format!("worker.{verb}"), target, detail: serde_json::Value::Null };
        let mut told = self.told.lock().await;
        match control {
            Control::Pause => self.controls.pause(worker, true, &audit).await?,
            Control::Resume => self.controls.pause(worker, false, &audit).await?,
            Control::Restart => self.trail.add(&audit).await?,
        }
        tracing::info!(worker, act = audit.act, "an operator acts on a worker");
        if running.control(control) && control != Control::Restart {
            told.insert(running.status.name, control == Control::Pause);
        }
        Ok(())
    }

    /// Makes the workers do what operators have wanted on other nodes, or before this node began.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn follow(&self) -> Result<BTreeMap<String, bool>, Error> {
        let mut told = self.told.lock().await;
        let wanted = self.controls.paused().await?;
        for running in self.workers.iter() {
            let name = running.status.name;
            let Some(is_paused) = wanted.get(name).copied().filter(|wanted| told.get(name) != Some(wanted)) else {
                continue;
            };
            if running.control(if is_paused { Control::Pause } else { Control::Resume }) {
                told.insert(name, is_paused);
            }
        }
        Ok(wanted)
    }

    /// Tells a worker that something in its retry queue has become due; `subscription` is the name its rows carry.
    pub fn wake(&self, subscription: &str) {
        self.workers.iter().filter(|running| running.status.subscription == subscription).for_each(Running::wake);
    }
}
