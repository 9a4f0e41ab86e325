//! What the server's answers look like, as far as a terminal shows them. What is missing is empty, and what is new is passed over:
//! a server of another version is still of use. The operators' figures are the monitor's own structs.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A collection.
#[derive(Debug, Deserialize)]
pub(super) struct Items<T> {
    /// What this page holds.
    pub(super) items: Vec<T>,
}

/// A dead letter; its attempts only where it is asked for alone.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DeadLetter {
    /// Its id.
    pub(super) id: String,
    /// Whose it is.
    pub(super) worker: String,
    /// Id of the cause; dead letters with the same cause share it.
    pub(super) cause: String,
    /// The kind of error.
    pub(super) class: String,
    /// What the last attempt ended with.
    pub(super) message: String,
    /// What was delivered.
    pub(super) event: Event,
    /// How often it was received.
    pub(super) receives: u64,
    /// When it failed first.
    pub(super) first_failed_at: Option<String>,
    /// When it was given up.
    pub(super) dead_at: String,
    /// When it will be deleted.
    pub(super) expires_at: Option<String>,
    /// The trace of the request that began it.
    pub(super) trace_id: Option<String>,
    /// Every attempt, oldest first.
    pub(super) attempts: Vec<Attempt>,
}

/// What was delivered.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event {
    /// What happened.
    pub(super) kind: String,
    /// When.
    pub(super) at: Option<String>,
    /// The post it is about.
    pub(super) post: Option<String>,
}

/// One receive that failed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attempt {
    /// Attempt number, starting at 1.
    pub(super) receive: u64,
    /// When.
    pub(super) at: String,
    /// The kind of error.
    pub(super) class: String,
    /// What went wrong.
    pub(super) message: String,
}

/// Dead letters of one cause.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Cause {
    /// What they are known by.
    pub(super) cause: String,
    /// Whose they are.
    pub(super) worker: String,
    /// The kind of error.
    pub(super) class: String,
    /// What went wrong, of one of them.
    pub(super) message: String,
    /// How many there are.
    pub(super) count: u64,
    /// When the first one died.
    pub(super) first_at: Option<String>,
    /// When the last one died.
    pub(super) last_at: Option<String>,
    /// The id of one of them.
    pub(super) example: Option<String>,
}

/// Which dead letters, and what to do: the body of `redrive` and `discard`.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Choice {
    /// These.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) ids: Vec<String>,
    /// Those of a worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) worker: Option<String>,
    /// Those of a cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cause: Option<String>,
    /// Those about a post.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) post: Option<String>,
    /// All.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) all: bool,
    /// Only count them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) dry_run: bool,
    /// How many in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rate: Option<u32>,
}

/// How many dead letters were meant.
#[derive(Debug, Deserialize)]
pub(super) struct Matched {
    /// So many.
    pub(super) matched: u64,
}

/// A redrive or a discard that runs, or has run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Job {
    /// Its id.
    pub(super) id: String,
    /// `redrive` or `discard`.
    pub(super) kind: String,
    /// `running`, `done`, `cancelled` or `failed`.
    pub(super) state: String,
    /// How many dead letters it is about.
    pub(super) matched: u64,
    /// How many it is done with.
    pub(super) done: u64,
    /// How many it left where they are, because they cannot be redriven.
    pub(super) skipped: u64,
    /// How many in a second, at most.
    pub(super) rate: Option<f64>,
    /// When it was ordered.
    pub(super) created_at: String,
    /// When it last got further, or ended.
    pub(super) updated_at: String,
}

/// Something that somebody has done.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Act {
    /// When.
    pub(super) at: String,
    /// Who.
    pub(super) by: By,
    /// What, as `noun.verb`.
    pub(super) act: String,
    /// To what.
    pub(super) target: String,
    /// What else matters.
    pub(super) detail: Value,
}

/// Who did something.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct By {
    /// The handle that the account had then.
    pub(super) handle: String,
}

/// An account, as operators see it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Account {
    /// Its public name.
    pub(super) handle: String,
    /// What it may do beyond its own things.
    pub(super) roles: Vec<String>,
}

/// The body that sets roles.
#[derive(Debug, Serialize)]
pub(super) struct Roles<'a> {
    /// All that the account is to have.
    pub(super) roles: &'a [String],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_says_only_what_was_chosen() {
        let choice = Choice { worker: Some("email".to_owned()), dry_run: true, ..Choice::default() };
        assert_eq!(serde_json::to_string(&choice).unwrap(), r#"{"worker":"email","dry_run":true}"#);
    }
}
