//! The monitor: what this node is doing, as a snapshot that is always there and a sequence of changes behind it.
//!
//! `stats` is what is shown, `change_feed` keeps the snapshot and the changes, `watching` is the handle for those who look,
//! `actor` looks every second. Nothing here knows how stats are written down for clients.

mod actor;
mod change_feed;
mod stats;
mod watching;

pub use actor::MonitorActor;
pub use change_feed::{Change, Changed, Since, Snapshot, Update};
pub use stats::{Fill, LogStats, NodeStats, Overview, WorkerStats};
pub use watching::{Monitor, Sources, Watch};
