//! Events as rows: the same fields in the log, in deliveries and in dead letters.

use surrealdb::types::{RecordId, SurrealValue};

use super::{Error, Result, keys};
use crate::domain::{ContentChange, Epoch, Event, EventId, EventKind, Tag, Timestamp, TraceContext};

/// What an event is about, flat.
#[derive(Debug, Clone, SurrealValue)]
pub(super) struct EventRow {
    kind: String,
    post: Option<String>,
    author: String,
    reader: Option<String>,
    published_at: Option<i64>,
    notify: Option<bool>,
    words: Option<i64>,
    hidden: Option<i64>,
    tags_added: Option<Vec<String>>,
    tags_removed: Option<Vec<String>>,
    at: i64,
    trace: String,
}

impl From<&Event> for EventRow {
    fn from(event: &Event) -> Self {
        let mut row = Self {
            kind: event.kind.name().to_owned(),
            post: event.kind.post().map(|post| post.to_string()),
            author: String::new(),
            reader: None,
            published_at: None,
            notify: None,
            words: None,
            hidden: None,
            tags_added: None,
            tags_removed: None,
            at: event.at.as_millis(),
            trace: event.trace.to_string(),
        };
        match &event.kind {
            EventKind::PostPublished { author, published_at, notify, change, .. } => {
                row.author = author.to_string();
                row.published_at = Some(published_at.as_millis());
                row.notify = Some(*notify);
                row.set_change(change);
            }
            EventKind::PostEdited { author, change, .. } => {
                row.author = author.to_string();
                row.set_change(change);
            }
            EventKind::PostApproved { author, restores, hidden, .. } => {
                row.author = author.to_string();
                row.hidden = Some(*hidden);
                row.published_at = restores.map(Timestamp::as_millis);
            }
            EventKind::PostRejected { author, published_at, hidden, .. } => {
                row.author = author.to_string();
                row.hidden = Some(*hidden);
                row.published_at = Some(published_at.as_millis());
            }
            EventKind::PostDeleted { author, published_at, change, .. } => {
                row.author = author.to_string();
                row.published_at = Some(published_at.as_millis());
                row.set_change(change);
            }
            EventKind::AuthorFollowed { reader, author } | EventKind::AuthorUnfollowed { reader, author } => {
                row.author = author.to_string();
                row.reader = Some(reader.to_string());
            }
        }
        row
    }
}

impl EventRow {
    fn set_change(&mut self, change: &ContentChange) {
        let words = |tags: &[Tag]| Some(tags.iter().map(|tag| tag.as_str().to_owned()).collect());
        self.words = Some(change.words);
        self.hidden = Some(change.hidden);
        self.tags_added = words(&change.tags_added);
        self.tags_removed = words(&change.tags_removed);
    }

    fn change(&self) -> ContentChange {
        let tags = |words: &Option<Vec<String>>| {
            words.clone().unwrap_or_default().into_iter().map(Tag::from_trusted).collect()
        };
        ContentChange {
            words: self.words.unwrap_or(0),
            hidden: self.hidden(),
            tags_added: tags(&self.tags_added),
            tags_removed: tags(&self.tags_removed),
        }
    }

    /// Events of older versions do not say.
    fn hidden(&self) -> i64 {
        self.hidden.unwrap_or(0)
    }

    /// The event that this row tells of.
    pub(super) fn into_event(self, id: EventId) -> Result<Event> {
        let missing = |field: &str| Error::Corrupt(format!("event {id}: no {field}"));
        let author = keys::parsed(&self.author)?;
        let post = || self.post.as_deref().map(keys::parsed).transpose()?.ok_or_else(|| missing("post"));
        let reader = || self.reader.as_deref().map(keys::parsed).transpose()?.ok_or_else(|| missing("reader"));
        let published_at = || self.published_at.map(Timestamp::from_millis).ok_or_else(|| missing("published_at"));
        let kind = match self.kind.as_str() {
            "post_published" => EventKind::PostPublished {
                post: post()?,
                author,
                published_at: published_at()?,
                notify: self.notify.ok_or_else(|| missing("notify"))?,
                change: self.change(),
            },
            "post_edited" => EventKind::PostEdited { post: post()?, author, change: self.change() },
            "post_deleted" => {
                EventKind::PostDeleted { post: post()?, author, published_at: published_at()?, change: self.change() }
            }
            "post_approved" => EventKind::PostApproved {
                post: post()?,
                author,
                restores: self.published_at.map(Timestamp::from_millis),
                hidden: self.hidden(),
            },
            "post_rejected" => {
                EventKind::PostRejected { post: post()?, author, published_at: published_at()?, hidden: self.hidden() }
            }
            "author_followed" => EventKind::AuthorFollowed { reader: reader()?, author },
            "author_unfollowed" => EventKind::AuthorUnfollowed { reader: reader()?, author },
            other => return Err(Error::Corrupt(format!("event {id}: unknown kind {other}"))),
        };
        let trace = TraceContext::parse(&self.trace).ok_or_else(|| missing("trace"))?;
        Ok(Event { id, kind, at: Timestamp::from_millis(self.at), trace })
    }
}

/// A row of the log as it is written and read.
#[derive(Debug, Clone, SurrealValue)]
pub(super) struct LoggedEvent {
    id: RecordId,
    event: EventRow,
}

impl From<&Event> for LoggedEvent {
    fn from(event: &Event) -> Self {
        Self { id: event_id(event.id), event: event.into() }
    }
}

impl LoggedEvent {
    pub(super) fn into_event(self) -> Result<Event> {
        let mut parts = keys::Parts::of(self.id)?;
        let epoch: Epoch = parts.parsed()?;
        let seq = u64::try_from(parts.int()?).map_err(|_| Error::Corrupt("event: negative seq".to_owned()))?;
        self.event.into_event(EventId { epoch, seq })
    }
}

/// `event:[epoch, seq]`.
pub(super) fn event_id(id: EventId) -> RecordId {
    keys::record("event", keys::parts![id.epoch, seq(id.seq)])
}

/// A sequence number as the database counts.
pub(super) fn seq(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
