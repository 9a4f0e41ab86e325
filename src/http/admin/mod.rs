//! For operators: what the node is doing, and what can be done to it. Everything here asks for `admin:read` or `admin:write`.

pub mod tickets;
pub mod views;
pub mod watch;
mod watcher;
pub mod workers;

pub use tickets::WatchTickets;
