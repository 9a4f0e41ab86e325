//! The one rule for who may see a post. Every list, search, feed, mail, Atom document and direct read uses it.

use super::{AccountId, Moderation, Post, Status};

/// Who wants to see a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer {
    /// Anyone, signed in or not: what readers, mail and Atom documents get.
    Public,
    /// A signed-in account: also sees its own posts.
    Account(AccountId),
    /// A moderator: sees everything that is published, whatever the verdict, and their own drafts.
    Moderator(AccountId),
}

/// Whether `viewer` may know that `post` exists.
#[must_use]
pub fn may_see(post: &Post, viewer: Viewer) -> bool {
    let is_out = post.status == Status::Published;
    let is_public = is_out
        && match post.moderation {
            Moderation::Approved => true,
            // A rejected post waits for an approval, like every post of an author whose posts are held until approved.
            Moderation::Pending | Moderation::Review => !post.hold_until_approved && !post.is_withdrawn,
            Moderation::Rejected => false,
        };
    match viewer {
        Viewer::Public => is_public,
        Viewer::Account(me) => is_public || post.author == me,
        Viewer::Moderator(me) => is_out || post.author == me,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::post;

    /// Every input of the rule, with what the public may see.
    fn cases() -> impl Iterator<Item = Post> {
        let flags = [false, true];
        Moderation::ALL.into_iter().flat_map(move |moderation| {
            flags.into_iter().flat_map(move |hold| {
                flags.into_iter().map(move |is_withdrawn| Post {
                    moderation,
                    hold_until_approved: hold,
                    is_withdrawn,
                    ..post()
                })
            })
        })
    }

    #[test]
    fn strangers_see_what_is_approved_and_what_waits_unless_it_was_rejected_or_is_held() {
        for post in cases() {
            let waits = matches!(post.moderation, Moderation::Pending | Moderation::Review);
            let is_public =
                post.moderation == Moderation::Approved || (waits && !post.hold_until_approved && !post.is_withdrawn);
            for viewer in [Viewer::Public, Viewer::Account(AccountId::generate())] {
                assert_eq!(may_see(&post, viewer), is_public, "{viewer:?} {post:?}");
            }
            assert!(may_see(&post, Viewer::Account(post.author)), "authors see their own: {post:?}");
            assert!(may_see(&post, Viewer::Moderator(AccountId::generate())), "moderators see all: {post:?}");
        }
    }

    #[test]
    fn a_draft_is_its_author_s_alone() {
        for post in cases().map(|post| Post { status: Status::Draft, ..post }) {
            assert!(may_see(&post, Viewer::Account(post.author)) && may_see(&post, Viewer::Moderator(post.author)));
            let strangers = [Viewer::Public, Viewer::Account(AccountId::generate())];
            assert!(strangers.into_iter().all(|viewer| !may_see(&post, viewer)), "{post:?}");
            assert!(!may_see(&post, Viewer::Moderator(AccountId::generate())), "{post:?}");
        }
    }
}
