//! HTTP: requests become commands and reads, errors become problems. Arrows go from here to `actors` and `store`,
//! never back.
//!
//! Read `operations.rs` first: every operation on one screen, for the routes and for the document. `server.rs` stacks the middleware. `auth.rs` and `extract/` are
//! what a handler's signature is made of; `api/`, `identity/` and `admin/` are the handlers.

pub mod admin;
pub mod api;
pub mod auth;
mod connections;
pub mod deadline;
pub mod etag;
pub mod extract;
mod headers;
pub mod health;
pub mod identity;
pub mod metrics;
pub mod moderation;
pub mod openapi;
pub mod operations;
pub mod problem;
pub mod rate_limit;
pub mod request_id;
pub mod routes;
pub mod server;
pub mod state;
mod stream;
pub mod tracing;
pub mod watch_tickets;
pub mod web;

pub use server::{bind, bind_metrics};
pub use state::State;
pub use watch_tickets::WatchTickets;
