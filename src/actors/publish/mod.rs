//! The publisher: the one writer of this node's event log. It commits commands in groups and tells the workers.

mod actor;
mod command;
mod decide;
mod figures;
#[cfg(test)]
mod grouping;
mod review;

pub use actor::{PublishActor, Publisher, PublisherParts, PublisherSettings};
pub use command::{Answer, Command, IdempotencyKey, NewPost, PostChanges};
pub use figures::CommandCounts;
