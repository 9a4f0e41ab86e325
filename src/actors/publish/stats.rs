//! The publisher's stats: how many commands came to what.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use super::command::Answer;
use crate::actors::Error;

/// How many commands there were, by name and outcome: `done`, `refused`, `busy`, `stopping` or `unavailable`.
pub type CommandCounts = BTreeMap<(&'static str, &'static str), u64>;

/// Counts commands since the process began.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<CommandCounts>);

impl Counts {
    pub(super) fn add(&self, command: &'static str, answer: &Result<Answer, Error>) {
        let outcome = match answer {
            Ok(_) => "done",
            Err(Error::Busy) => "busy",
            Err(Error::Stopping) => "stopping",
            Err(Error::Unavailable(_)) => "unavailable",
            // Whatever else there may be is about the command itself.
            Err(_) => "refused",
        };
        *self.0.lock().entry((command, outcome)).or_default() += 1;
    }

    pub(super) fn all(&self) -> CommandCounts {
        self.0.lock().clone()
    }
}
