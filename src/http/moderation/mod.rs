//! `/v1/moderation`: what moderators work with. Who may see a post, and who may decide on which, is `domain`'s.

pub mod decide;
pub mod queue;
pub mod view;

use super::{
    auth::Principal,
    problem::{Code, Problem, Result},
};
use crate::domain::{Actor, Viewer};

/// The caller as somebody who acts, if they are a moderator; the scope alone does not make one.
///
/// # Errors
/// `forbidden` without the role moderator or admin.
fn moderator(principal: &Principal) -> Result<Actor> {
    match principal.viewer() {
        Viewer::Moderator(account) => Ok(Actor { account, handle: principal.handle.clone() }),
        Viewer::Public | Viewer::Account(_) => {
            Err(Problem::new(Code::Forbidden).detail("this needs the role moderator or admin"))
        }
    }
}
