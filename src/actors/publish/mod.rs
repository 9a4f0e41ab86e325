//! The publisher: the one writer of this node's event log. It commits commands in groups and tells the workers.

mod actor;
mod command;
mod decide;
#[cfg(test)]
mod grouping;
mod review;
mod stats;

pub use actor::{PublishActor, Publisher, PublisherParts, PublisherSettings};
pub use command::{Answer, Command, IdempotencyKey, NewPost, PostChanges};
pub use stats::CommandCounts;
