//! Mail: the ledger of who got which copy, the addresses that refuse all mail, and the repositories to both. Nothing here sends.

mod access;
mod ledger;
mod mailings;
mod suppressions;

pub use access::{MailAccess, Reader};
pub use ledger::{MailCounts, MailState, Recipient};
pub use mailings::Mailings;
pub use suppressions::{Suppression, Suppressions};
