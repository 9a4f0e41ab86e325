//! Jobs on dead letters: what an operator ordered, and its progress.

use super::{Actor, DeadLetterFilter, JobId, Timestamp};

/// What happens to the dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// They become deliveries again.
    Redrive,
    /// They are deleted.
    Discard,
}

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It is running, on some node.
    Running,
    /// It is finished.
    Done,
    /// An operator stopped it; what was done until then stays done.
    Cancelled,
    /// It cannot continue.
    Failed,
}

/// A redrive or a discard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// Which dead letters it selects, among those that existed when it started.
    pub filter: DeadLetterFilter,
    /// The maximum number of dead letters per second.
    pub rate: u32,
    /// Its state.
    pub state: JobState,
    /// How many matched when it started.
    pub matched: u64,
    /// How many it has moved or deleted.
    pub done: u64,
    /// How many it has left in place because they could not be redriven.
    pub skipped: u64,
    /// Who ordered it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// When it last made progress or ended.
    pub updated_at: Timestamp,
    /// Why it skipped dead letters, or cannot continue.
    pub error: Option<String>,
}

macro_rules! words {
    ($kind:ident { $($name:ident = $word:literal),+ $(,)? }) => {
        impl $kind {
            /// The name on the wire and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// The value with that name.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

words! { JobKind { Redrive = "redrive", Discard = "discard" } }
words! { JobState { Running = "running", Done = "done", Cancelled = "cancelled", Failed = "failed" } }
