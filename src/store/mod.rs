//! SurrealDB, and nothing else: one file per aggregate, and one narrow access type per user of it.
//!
//! Nobody outside sees a query, a record id or the database's own types, and no worker is handed [`Store`]: it gets an
//! access that has only its own operations. Rows are schemaless on purpose: their shape is the Rust struct beside the
//! queries, and a typed field costs an evaluation at every write.

mod access;
mod accounts;
mod audit;
mod backlog;
mod backup;
mod batch;
mod cache;
mod check;
mod claims;
mod controls;
mod damage;
mod dead_letters;
mod deliveries;
mod engine;
mod error;
mod events;
mod exceptions;
#[cfg(test)]
pub(crate) mod fail_point;
mod feeds;
mod follows;
mod housekeeping;
mod identity;
mod jobs;
mod keys;
mod listings;
mod log;
mod mail;
mod memory;
mod migrate;
mod open;
mod posts;
mod publishing;
mod query;
mod receipts;
mod repositories;
mod reviews;
mod roads;
mod room;
mod secrets;
mod seeding;
mod sessions;
mod stats;
#[cfg(test)]
pub(crate) mod testing;
mod wal;
mod witness;

pub use access::{AnalyticsAccess, FeedAccess, ModerationAccess, SearchAccess};
pub use accounts::{AccountAccess, ProfileChanges};
pub use audit::{AuditEntry, AuditTrail};
pub use backlog::{Backlog, BacklogReads, CauseCount, DeadLetterCounts, QueueCount, StateCount, Unsettled};
pub use backup::{BackupHeader, Backups, Restored, restore, verify as verify_backup};
pub use batch::{Effects, Guard};
pub use check::{Report, check};
pub use claims::{Found, Lease};
pub use controls::Controls;
pub use dead_letters::{CauseGroup, DeadLetter, DeadLetterReads, DeadLetters};
pub use deliveries::{Claimed, Completion, Deliveries, Failure, NewDelivery, is_fenced_off};
pub use error::Error;
pub use exceptions::{Exception, ExceptionReads};
pub use feeds::FeedReads;
pub use follows::FollowReads;
pub use housekeeping::{HousekeepingAccess, Pass, Place, Position, settled_by_all};
pub use identity::{CodeCheck, CodeRecord, Credentials, IdentityAccess, Presented, SignUp};
pub use jobs::{Jobs, Step, Stepped};
pub use listings::Listing;
pub use log::{EventLog, Settlement, TakenOver};
pub use mail::{MailAccess, MailCounts, MailState, Mailings, Reader, Recipient, Suppression, Suppressions};
pub use open::{Database, Store};
pub use posts::PostReads;
pub use publishing::{KeptAnswer, Known, Publishing, Wanted, Writes, wrote_nothing};
pub use receipts::{ReceiptReads, Trail};
pub use repositories::Repositories;
pub use reviews::{KeptAppeal, Queue, ReviewReads};
pub use room::Room;
pub use seeding::Seeding;
pub use sessions::{NewSession, Rotated, Rotation};
pub use stats::{AuthorStats, DayStats, ProfileStats, StatReads};

/// What a store operation answers.
pub type Result<T> = std::result::Result<T, Error>;
