//! What operators and moderators have done.

use std::{fmt, str::FromStr};

use ulid::Ulid;

use super::{AccountId, Invalid, Timestamp};

/// An action's position in the trail: `<milliseconds>-<ulid>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditId {
    /// When the action was recorded.
    pub at: Timestamp,
    /// Distinguishes it from others at the same time.
    pub ulid: Ulid,
}

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

impl fmt::Display for AuditId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.at.as_millis(), self.ulid)
    }
}

impl FromStr for AuditId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let wrong = || Invalid::new("id", "invalid_id", "must be an id of an act");
        let (at, ulid) = text.rsplit_once('-').ok_or_else(wrong)?;
        let at = Timestamp::from_millis(at.parse().map_err(|_| wrong())?);
        Ok(Self { at, ulid: Ulid::from_string(ulid).map_err(|_| wrong())? })
    }
}
