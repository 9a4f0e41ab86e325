//! `/v1/admin/dead-letters`: what went wrong for good. Here is how a dead letter looks on the wire, and which are meant;
//! `list` and `causes` show them, `order` has them redriven or discarded.

pub mod causes;
pub mod list;
pub mod order;

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{CauseId, DeadLetterFilter, DeadLetterId, Event, EventKind, Invalid, PostId, Problems, Subscription},
    store::{DeadLetter, Failure},
};

/// A delivery that ran out of receives, or that its worker rejected.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub struct DeadLetterView {
    /// Worker, log and place in the log.
    #[schema(example = "email.01JD9X8Z6Q4W7E2R5T1Y3V0P8A.17")]
    pub id: String,
    /// Whose delivery it was.
    #[schema(example = "email")]
    pub worker: String,
    /// What was to be delivered.
    pub event: DeadEventView,
    /// The id of what it died of; see the list of causes.
    #[schema(example = "9f2c41d07ab3")]
    pub cause: String,
    /// The class of the last failure: `error`, `transient`, `timeout`, `panic`, `lost` or `rejected`.
    pub class: String,
    /// What the worker said last.
    pub message: String,
    /// Receives spent in its last life.
    pub receives: u32,
    /// How often it was redriven before.
    pub redrives: u32,
    /// When it failed for the first time.
    #[schema(format = DateTime)]
    pub first_failed_at: String,
    /// When it died.
    #[schema(format = DateTime)]
    pub dead_at: String,
    /// When it will be deleted, unless it is redriven before.
    #[schema(format = DateTime)]
    pub expires_at: String,
    /// The trace of the request that caused the event.
    pub trace_id: String,
}

/// The event of a dead letter.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadEventView {
    /// Its place in the logs.
    pub id: String,
    /// What happened.
    #[schema(example = "post_published")]
    pub kind: String,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// The post it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post: Option<String>,
    /// The author it is about.
    pub author: String,
    /// Who follows the author, or does so no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reader: Option<String>,
}

/// One failed receive.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptView {
    /// Which receive it was, from 1; a redrive begins anew.
    pub receive: i64,
    /// When it failed.
    #[schema(format = DateTime)]
    pub at: String,
    /// `error`, `transient`, `timeout`, `panic`, `lost` or `rejected`.
    pub class: String,
    /// What the worker said.
    pub message: String,
}

impl DeadLetterView {
    fn new(letter: &DeadLetter, retention: Duration) -> Self {
        Self {
            id: letter.id.to_string(),
            worker: letter.id.subscription.worker().to_owned(),
            event: (&letter.event).into(),
            cause: letter.cause.id.to_string(),
            class: letter.cause.class.clone(),
            message: letter.failures.last().map(|failure| failure.message.clone()).unwrap_or_default(),
            receives: letter.receives,
            redrives: letter.redrives,
            first_failed_at: letter.first_failed_at.to_string(),
            dead_at: letter.dead_at.to_string(),
            expires_at: letter.dead_at.plus(retention).to_string(),
            trace_id: letter.event.trace.trace_id(),
        }
    }
}

impl From<&Event> for DeadEventView {
    fn from(event: &Event) -> Self {
        let (author, reader) = match &event.kind {
            EventKind::PostPublished { author, .. }
            | EventKind::PostEdited { author, .. }
            | EventKind::PostDeleted { author, .. }
            | EventKind::PostApproved { author, .. }
            | EventKind::PostRejected { author, .. } => (author, None),
            EventKind::AuthorFollowed { reader, author } | EventKind::AuthorUnfollowed { reader, author } => {
                (author, Some(reader.to_string()))
            }
        };
        Self {
            id: event.id.to_string(),
            kind: event.kind.name().to_owned(),
            at: event.at.to_string(),
            post: event.kind.post().map(|post| post.to_string()),
            author: author.to_string(),
            reader,
        }
    }
}

impl From<Failure> for AttemptView {
    fn from(failure: Failure) -> Self {
        let at = crate::domain::Timestamp::from_millis(failure.at).to_string();
        Self { receive: failure.receive, at, class: failure.class, message: failure.message }
    }
}

/// Reads the parts of a filter; what is wrong is noted under the name of its part.
fn filter(
    ids: &[String],
    worker: Option<&str>,
    cause: Option<&str>,
    post: Option<&str>,
    problems: &mut Problems,
) -> DeadLetterFilter {
    let mut filter = DeadLetterFilter::default();
    for (number, id) in ids.iter().enumerate() {
        let id = id.parse::<DeadLetterId>().map_err(|invalid: Invalid| invalid.under(format!("ids.{number}")));
        filter.ids.extend(problems.note(id).filter(|id| !filter.ids.contains(id)));
    }
    filter.worker = worker.and_then(|text| problems.note(text.parse::<Subscription>()));
    filter.cause = cause.and_then(|text| problems.note(text.parse::<CauseId>()));
    filter.post = post.and_then(|text| problems.note(text.parse::<PostId>()));
    filter
}
