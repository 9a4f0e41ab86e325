//! `/v1/admin`: what operators see and do. Parse, authorize, one call, a view, as in `http::api`; every act is audited by
//! whoever carries it out.

pub mod accounts;
pub mod audit;
pub mod backup;
pub mod dead_letters;
pub mod jobs;
pub mod suppressions;
pub mod tickets;
pub mod watch;
mod watcher;
pub mod workers;

use crate::{domain::Actor, http::auth::Principal};

/// Who acts, for the audit trail.
fn actor(principal: &Principal) -> Actor {
    Actor { account: principal.account, handle: principal.handle.clone() }
}
