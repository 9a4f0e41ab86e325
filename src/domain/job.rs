//! Jobs on dead letters: what an operator has ordered, and how far it is.

use super::{Actor, DeadLetterFilter, JobId, Timestamp};

/// What happens to the dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// They become deliveries again.
    Redrive,
    /// They are deleted.
    Discard,
}

/// How a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It goes on, on some node.
    Running,
    /// Everything that it was to do is done.
    Done,
    /// Somebody stopped it; what was done until then stays done.
    Cancelled,
    /// It cannot go on.
    Failed,
}

/// A redrive or a discard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// To which dead letters; only to those that were dead when it began.
    pub filter: DeadLetterFilter,
    /// To how many a second, at most.
    pub rate: u32,
    /// How it is.
    pub state: JobState,
    /// How many there were when it began.
    pub matched: u64,
    /// How many it has moved or deleted.
    pub done: u64,
    /// How many it has left where they are, because they could not be redriven.
    pub skipped: u64,
    /// Who ordered it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// When it went on or ended last.
    pub updated_at: Timestamp,
    /// Why it left something where it is, or cannot go on.
    pub error: Option<String>,
}

macro_rules! words {
    ($kind:ident { $($name:ident = $word:literal),+ $(,)? }) => {
        impl $kind {
            /// The word on the wire and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// What the word stands for.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

words! { JobKind { Redrive = "redrive", Discard = "discard" } }
words! { JobState { Running = "running", Done = "done", Cancelled = "cancelled", Failed = "failed" } }
