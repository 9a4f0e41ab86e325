//! Broadsheet is a publishing backend in one binary. A request that publishes a post does three things: it validates,
//! persists and announces, in one transaction that writes the post and its event. Five supervised workers read the events,
//! each at its own pace, and do the rest: followers' feeds, the search index, e-mail, moderation and analytics.
//!
//! The modules in reading order. Dependencies point one way: `http → actors → store → domain`.

pub mod domain;

/// Rust's allocations and, through the unprefixed `malloc`, those of RocksDB's C++.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

pub mod backoff;
pub mod clock;
pub mod config;
pub mod process;
pub mod telemetry;

pub mod gateways;
pub mod search;
pub mod store;

pub mod identity;

pub mod actors;
pub mod http;
pub mod metrics;

pub mod app;
pub mod cli;

#[cfg(test)]
#[path = "../fuzz/properties/mod.rs"]
pub mod properties;
