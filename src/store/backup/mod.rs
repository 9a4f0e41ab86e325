//! Backups of an embedded database: one file with every key and value of one moment, with a checksum at its end.
//!
//! SurrealDB's own keys and bytes are copied, as one of its transactions sees them, so a restored database is the same to the
//! last row, its indexes and its keys for tokens included. `format` is the file, `take` writes one, `restore` reads it back.

mod format;
mod restore;
mod take;

pub use format::{BackupHeader, verify};
pub use restore::{Restored, restore};
pub use take::Backups;

pub(super) use restore::refuse_half_restored;
