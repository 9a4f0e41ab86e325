//! The actors: they coordinate, on arbiters of their own, and leave every query and job to the work runtime.
//!
//! `publish` writes the event log, `worker` is the engine that runs every worker, `workers` are the workers themselves.

mod clock_monitor;
mod dead_letter;
mod error;
mod health;
mod housekeeping;
pub mod monitor;
mod operations;
mod probe;
mod publish;
mod receipts;
mod redrive;
mod suppressing;
mod views;
pub mod worker;
pub mod workers;

pub use dead_letter::{DeadLetterActor, DeadLetterSink};
pub use error::Error;
pub use health::Health;
pub use housekeeping::{Housekeeper, Housekeeping, HousekeepingActor, Round};
pub use monitor::{Monitor, MonitorActor};
pub use operations::Operations;
pub use publish::{
    Answer, Command, CommandCounts, IdempotencyKey, NewPost, PostChanges, PublishActor, Publisher, PublisherParts,
    PublisherSettings,
};
pub use receipts::Receipts;
pub use redrive::{Order, RedriveActor, RedriveParts, Redrives};
pub use suppressing::SuppressingMailer;
pub use views::ViewCounter;
