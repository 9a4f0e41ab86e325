//! The one test crate, so that the database is linked once. Modules only: folders mirror URLs and workers.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

mod support;

mod readme;
mod smoke;
