//! The monitor: what this node is doing, as a snapshot that is always there and a sequence of changes after it.
//!
//! `stats` is what is shown, `change_feed` keeps the snapshot and the changes, `watching` is the handle for those who look,
//! `sampling` counts what only the database and the system know (`sample`), `actor` decides when.

mod actor;
mod change_feed;
mod sample;
mod sampling;
mod stats;
mod watching;

pub use actor::MonitorActor;
pub use change_feed::{Message, Since};
pub use sample::Sample;
pub use stats::{
    CauseStats, Fill, Frame, LastError, LogStats, NodeStats, Overview, Percentiles, Runs, Waiting, WorkerCursor,
    WorkerStats,
};
pub use watching::{Monitor, Sources, Watch};
