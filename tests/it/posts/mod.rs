//! `/v1/posts`: one file per verb or matter.

mod bodies;
mod create;
mod delete;
mod drafts;
mod edit;
mod edit_limits;
mod idempotency;
mod list;
mod read;
mod summaries;
mod visibility;
