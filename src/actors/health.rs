//! Readiness: why a node should get no requests now.

use std::sync::Arc;

use futures_util::FutureExt;

use super::{
    probe::Probe,
    worker::{State, Status},
};
use crate::store::Store;

/// Asks the database and the workers how they are. The database writes a row to answer, so it is asked at most once a second,
/// whoever asks, and everybody is told the same.
#[derive(Clone)]
pub struct Health {
    store: Store,
    database: Probe,
    workers: Vec<Arc<Status>>,
}

impl Health {
    /// Watches a database and some workers.
    #[must_use]
    pub fn new(store: &Store, workers: Vec<Arc<Status>>) -> Self {
        let runtime = store.runtime().clone();
        let asked = store.clone();
        let database = Probe::new(runtime, move || {
            let store = asked.clone();
            async move { answers(&store).await }.boxed()
        });
        Self { store: store.clone(), database, workers }
    }

    /// Why the node is not ready; empty when it is. A worker whose breaker is open is not a reason: it will go on by itself.
    pub async fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if !self.database.ask(self.store.is_troubled()).await {
            reasons.push(self.store.symptom());
        }
        if let Some(file) = self.store.damage() {
            reasons.push(format!("{file} of the database is damaged; some reads fail; restore a backup"));
        }
        for worker in &self.workers {
            match worker.snapshot().state {
                State::Degraded => reasons.push(format!(
                    "worker {} was restarted too often and is parked; its backlog is safe; look at the log, then restart it with broadsheet workers restart {}",
                    worker.name, worker.name
                )),
                State::Stopped => reasons.push(format!("worker {} has stopped", worker.name)),
                State::Starting | State::Running | State::Paused | State::BreakerOpen => {}
            }
        }
        reasons
    }
}

async fn answers(store: &Store) -> bool {
    match store.ping().await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(%error, "the database does not answer");
            false
        }
    }
}
