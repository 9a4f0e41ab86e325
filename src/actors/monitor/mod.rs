//! The monitor: what this node is doing, as a picture that is always there and a sequence of changes behind it.
//!
//! `figures` is what is shown, `board` keeps the picture and the changes, `watching` is the handle for those who look,
//! `actor` looks every second. Nothing here knows how figures are written down for clients.

mod actor;
mod board;
mod figures;
mod watching;

pub use actor::MonitorActor;
pub use board::{Change, News, Picture, Since, What};
pub use figures::{Fill, LogFigures, NodeFigures, Overview, WorkerFigures};
pub use watching::{Monitor, Sources, Watch};
