//! Accounts of people who write, read, or both.

use super::{AccountId, Bio, Email, Handle, Name, Role, Timestamp};

/// A person's account. The password's hash is not part of it: only `store::identity` sees that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The account's id.
    pub id: AccountId,
    /// The e-mail address; never shown to others, never logged.
    pub email: Email,
    /// The public name used in links; unique.
    pub handle: Handle,
    /// The display name.
    pub name: Name,
    /// A few words about the person.
    pub bio: Bio,
    /// The roles, which allow more than managing one's own posts.
    pub roles: Vec<Role>,
    /// Which mails the person wants.
    pub mail: MailPreferences,
    /// Whether this author's posts stay hidden from others until a moderator or model approves them.
    pub hold_until_approved: bool,
    /// When the account signed up.
    pub created_at: Timestamp,
}

/// Which mails a person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailPreferences {
    /// Whether to send a mail for each new post of a followed author.
    pub new_posts: bool,
}

impl Default for MailPreferences {
    fn default() -> Self {
        Self { new_posts: true }
    }
}
