//! Accounts: somebody who writes, reads, or both.

use super::{AccountId, Bio, Email, Handle, Name, Role, Timestamp};

/// A person's account. The password's hash is not part of it: only `store::identity` sees that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Who it is.
    pub id: AccountId,
    /// Where mail goes; never shown to others, never logged.
    pub email: Email,
    /// The public name in links: unique.
    pub handle: Handle,
    /// The name people read.
    pub name: Name,
    /// A few words about the person.
    pub bio: Bio,
    /// What the account may do beyond its own things.
    pub roles: Vec<Role>,
    /// Which mail the person wants.
    pub mail: MailPreferences,
    /// Whether this author's posts stay hidden from others until a moderator or model approves them.
    pub hold_until_approved: bool,
    /// When the sign-up began.
    pub created_at: Timestamp,
}

/// Which mail a person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailPreferences {
    /// A mail for each new post of a followed author.
    pub new_posts: bool,
}

impl Default for MailPreferences {
    fn default() -> Self {
        Self { new_posts: true }
    }
}
