//! What operators and moderators have done.

use super::{AccountId, Timestamp};

/// Who acted: an account, and its handle at that time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The account.
    pub account: AccountId,
    /// Its public name.
    pub handle: String,
}

/// One action; written once and never changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
    /// What was done, as `noun.verb`: `worker.pause`, `dead_letters.redrive`, `post.reject`, `roles.set`.
    pub act: String,
    /// The target: a worker's name, a post's id, a job's id, a handle.
    pub target: String,
    /// Further details: filters, reasons, old and new values. Never secrets or addresses.
    pub detail: serde_json::Value,
}
