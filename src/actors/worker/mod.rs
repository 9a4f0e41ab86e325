//! The worker engine: everything that is the same for all workers. A worker says *what*; this module says *how*.

mod actor;
mod breaker;
mod claiming;
mod control;
mod disposition;
mod engine;
mod floor;
mod hold;
mod loading;
mod mailbox;
mod outcome;
mod returning;
mod run;
mod runs;
mod settings;
mod settling;
#[cfg(test)]
mod simulation;
mod stats;
mod status;
mod turns;
mod window;

use std::{collections::BTreeMap, future::Future, sync::Arc};

pub use actor::WorkerActor;
pub use control::Control;
pub use engine::{Engine, Running};
pub use mailbox::{LogEnds, Mailbox, Subscribers};
pub use outcome::{Error, Outcome};
pub use settings::Settings;
pub use stats::{BOUNDS, Buckets, Ending, Percentiles, Stats, Summary, Totals};
pub use status::{LastError, Snapshot, State, Status};
pub use turns::{Sharing, Turn};

use serde::de::DeserializeOwned;

use crate::domain::{Epoch, Event, EventKind};

/// A worker: its name, the events it subscribes to, and one thing that it does.
pub trait Worker: Send + Sync + 'static {
    /// The name of its config section, cursor, deliveries, dead letters and stats.
    const NAME: &'static str;
    /// Whether it holds a publication until the post is approved, unless the configuration says otherwise.
    const WAITS_FOR_APPROVAL: bool = false;

    /// What it does about events of this kind.
    fn interest(event: &EventKind) -> Interest;

    /// Does its work. May be called again for the same delivery, after a failure, a timeout or a crash: it says in its own
    /// documentation by what means that does no harm. [`Outcome`] has a table of what follows from each answer.
    fn perform(&self, delivery: &Delivery) -> impl Future<Output = Result<Outcome, Error>> + Send;

    /// For a worker that one author could have for themselves: how authors take turns. What cannot run yet waits in memory.
    fn sharing(&self) -> Option<Sharing> {
        None
    }

    /// For a worker whose result is local to a node: where its cursors are kept, together with the result.
    fn checkpoint(&self) -> Option<Arc<dyn Checkpoint>> {
        None
    }
}

/// What a worker does about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// The event does not concern it; no receipt mentions it.
    Ignore,
    /// The event concerns it and asks for nothing: the receipt reads `skipped`.
    Skip,
    /// It is performed.
    Handle,
}

impl Interest {
    /// [`Self::Handle`] if `is_wanted`, else [`Self::Ignore`].
    #[must_use]
    pub const fn handle_if(is_wanted: bool) -> Self {
        if is_wanted { Self::Handle } else { Self::Ignore }
    }
}

/// Cursors that are kept with a node's own result (the search index) instead of in the database.
pub trait Checkpoint: Send + Sync {
    /// The cursors of the last commit; empty when there was none.
    ///
    /// # Errors
    /// A sentence that says what is broken.
    fn load(&self) -> Result<BTreeMap<Epoch, u64>, String>;

    /// Commits everything done so far together with the cursors. Blocks.
    ///
    /// # Errors
    /// A sentence that says what is broken; what was done since the last commit is lost then and must be done again.
    fn commit(&self, cursors: &BTreeMap<Epoch, u64>) -> Result<(), String>;
}

/// One event on its way to one worker.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// What happened.
    pub event: Arc<Event>,
    /// Which receive this is, from 1.
    pub receive: u32,
    /// Where the last [`Outcome::Continue`] stopped; `None` at the beginning.
    pub progress: Option<serde_json::Value>,
}

impl Delivery {
    /// The progress as the worker's own type; `None` at the beginning.
    ///
    /// # Errors
    /// [`Error::Fault`] when the stored progress has another shape.
    pub fn progress<T: DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        self.progress.as_ref().map(T::deserialize).transpose().map_err(|error| Error::Fault(error.to_string()))
    }
}
