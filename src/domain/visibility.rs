//! The one rule that says who may see a post. Every list, search, feed, mail, Atom document and direct read asks it.

use super::{AccountId, Moderation, Post, Status};

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer {
    /// Anybody, signed in or not: what readers, mail and Atom documents get.
    Public,
    /// A signed-in account: additionally sees its own posts.
    Account(AccountId),
    /// A moderator: sees everything that is published, whatever the verdict, and own drafts.
    Moderator(AccountId),
}

/// Whether `viewer` may know that `post` exists.
#[must_use]
pub fn may_see(post: &Post, viewer: Viewer) -> bool {
    let is_out = post.status == Status::Published;
    let is_public = is_out
        && match post.moderation {
            Moderation::Approved => true,
            Moderation::Pending | Moderation::Review => !post.hold_until_approved,
            Moderation::Rejected => false,
        };
    match viewer {
        Viewer::Public => is_public,
        Viewer::Account(me) => is_public || post.author == me,
        Viewer::Moderator(me) => is_out || post.author == me,
    }
}
