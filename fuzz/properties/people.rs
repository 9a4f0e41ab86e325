//! A test account.

use crate::domain::{Account, AccountId, Bio, Email, Handle, MailPreferences, Name, Role, Timestamp};

pub(super) const ADA: AccountId = AccountId::from_parts(1, 1);

pub(super) fn ada() -> Account {
    Account {
        id: ADA,
        email: Email::from_trusted("ada@example.org".to_owned()),
        handle: Handle::from_trusted("ada".to_owned()),
        name: Name::from_trusted("Ada".to_owned()),
        bio: Bio::from_trusted(String::new()),
        roles: vec![Role::User],
        mail: MailPreferences::default(),
        hold_until_approved: false,
        created_at: Timestamp::default(),
    }
}
