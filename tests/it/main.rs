//! The one test crate, so that the database is linked once. Modules only: folders mirror URLs and workers.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod support;

mod admin;
mod authors;
mod cli;
mod conventions;
mod deploy;
mod documents;
mod feed;
mod follows;
mod gateways;
mod headers;
mod housekeeping;
mod identity;
mod layers;
mod limits;
mod mail;
mod markdown;
mod me;
mod metrics;
mod moderation;
mod openapi;
mod posts;
mod readme;
mod search;
mod secrets;
mod smoke;
mod soak;
mod storage;
mod store_trouble;
mod torture;
mod workers;
