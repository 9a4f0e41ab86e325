//! The change feed: the present snapshot, and the last changes that led to it, numbered without gaps. A client that knows a number
//! gets what came after it, as long as it is kept; all others get the snapshot.

use std::{
    collections::VecDeque,
    str::FromStr,
    sync::{Arc, OnceLock},
};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::stats::{Frame, Overview, WorkerStats};
use crate::domain::Invalid;

/// Changes kept for clients that are late or come back.
const KEPT: usize = 512;

/// A frame and its text, which is written at most once and shared by all watchers.
#[derive(Debug)]
pub struct Message {
    /// What it says.
    pub frame: Frame,
    text: OnceLock<Arc<str>>,
}

/// The last thing a watcher has seen: `<stream>.<seq>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    stream: String,
    seq: u64,
}

pub(super) struct ChangeFeed {
    inner: Mutex<Inner>,
    end: watch::Sender<u64>,
}

struct Inner {
    overview: Overview,
    snapshot: Arc<Message>,
    changes: VecDeque<Arc<Message>>,
}

impl Message {
    fn new(frame: Frame) -> Arc<Self> {
        Arc::new(Self { frame, text: OnceLock::new() })
    }

    /// The frame as JSON. It is numbers and strings only, so that writing it cannot fail.
    #[must_use]
    pub fn text(&self) -> Arc<str> {
        let write = || serde_json::to_string(&self.frame).unwrap_or_default().into();
        Arc::clone(self.text.get_or_init(write))
    }
}

impl FromStr for Since {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let wrong =
            || Invalid::new("since", "invalid_since", "must be a stream and a sequence number, joined by a dot");
        let (stream, seq) = text.rsplit_once('.').filter(|(stream, _)| !stream.is_empty()).ok_or_else(wrong)?;
        Ok(Self { stream: stream.to_owned(), seq: seq.parse().map_err(|_| wrong())? })
    }
}

impl ChangeFeed {
    /// Begins with this overview; its stream is that of all numbers to come.
    pub(super) fn new(overview: Overview) -> Self {
        let snapshot = Message::new(Frame::Snapshot(overview.clone()));
        Self { inner: Mutex::new(Inner { overview, snapshot, changes: VecDeque::new() }), end: watch::Sender::new(0) }
    }

    pub(super) fn snapshot(&self) -> Arc<Message> {
        Arc::clone(&self.inner.lock().snapshot)
    }

    /// Tells when there is something new.
    pub(super) fn end(&self) -> watch::Receiver<u64> {
        self.end.subscribe()
    }

    /// Puts up what is different from the present snapshot.
    pub(super) fn publish(&self, mut overview: Overview) {
        let mut inner = self.inner.lock();
        let changes = changes(&inner.overview, &overview);
        let Some(seq) = changes.last().map(Frame::seq) else { return };
        inner.changes.extend(changes.into_iter().map(Message::new));
        let surplus = inner.changes.len().saturating_sub(KEPT);
        inner.changes.drain(..surplus);
        overview.seq = seq;
        inner.snapshot = Message::new(Frame::Snapshot(overview.clone()));
        inner.overview = overview;
        drop(inner);
        self.end.send_replace(seq);
    }

    /// Where a client continues that has seen `since`; `None` if that cannot be told.
    pub(super) fn place(&self, since: &Since) -> Option<u64> {
        let inner = self.inner.lock();
        let is_known = since.stream == inner.overview.stream && since.seq <= inner.overview.seq;
        (is_known && (since.seq == inner.overview.seq || inner.has(since.seq + 1))).then_some(since.seq)
    }

    /// What comes next for a client that has seen everything up to `place`; `None` if nothing does yet.
    pub(super) fn after(&self, place: Option<u64>) -> Option<Arc<Message>> {
        let inner = self.inner.lock();
        let Some(place) = place else { return Some(Arc::clone(&inner.snapshot)) };
        if place >= inner.overview.seq {
            return None;
        }
        let change = inner.first().and_then(|first| place.checked_add(1)?.checked_sub(first));
        let change = change.and_then(|index| inner.changes.get(usize::try_from(index).ok()?));
        Some(Arc::clone(change.unwrap_or(&inner.snapshot)))
    }
}

impl Inner {
    fn first(&self) -> Option<u64> {
        self.changes.front().map(|change| change.frame.seq())
    }

    fn has(&self, seq: u64) -> bool {
        self.first().is_some_and(|first| first <= seq) && seq <= self.overview.seq
    }
}

/// What makes the old overview the new one, numbered from the old one's number on.
fn changes(old: &Overview, new: &Overview) -> Vec<Frame> {
    let mut seqs = old.seq + 1..;
    let mut seq = || seqs.next().unwrap_or(u64::MAX);
    let is_new = |worker: &&WorkerStats| !old.workers.contains(worker);
    let worker = |worker: &WorkerStats| Frame::Worker { seq: seq(), worker: Box::new(worker.clone()) };
    let mut changes: Vec<Frame> = new.workers.iter().filter(is_new).map(worker).collect();
    if new.node != old.node {
        changes.push(Frame::Node { seq: seq(), node: new.node.clone() });
    }
    if new.dead_letters != old.dead_letters {
        changes.push(Frame::DeadLetters { seq: seq(), dead_letters: new.dead_letters.clone() });
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::monitor::stats::NodeStats;

    fn overview(watchers: usize) -> Overview {
        Overview { stream: "s".into(), node: NodeStats { watchers, ..NodeStats::default() }, ..Overview::default() }
    }

    /// A change feed with this many changes.
    fn change_feed(changes: usize) -> ChangeFeed {
        let change_feed = ChangeFeed::new(overview(0));
        (1..=changes).for_each(|watchers| change_feed.publish(overview(watchers)));
        change_feed
    }

    fn place(change_feed: &ChangeFeed, since: &str) -> Option<u64> {
        change_feed.place(&since.parse().unwrap())
    }

    #[test]
    fn what_is_the_same_is_no_change() {
        let change_feed = change_feed(1);
        change_feed.publish(overview(1));
        assert_eq!(change_feed.snapshot().frame.seq(), 1);
    }

    #[test]
    fn whoever_knows_a_number_gets_exactly_what_came_behind_it() {
        let change_feed = change_feed(5);
        let mut at = place(&change_feed, "s.2");
        let mut heard = Vec::new();
        while let Some(message) = change_feed.after(at) {
            assert!(matches!(message.frame, Frame::Node { .. }));
            at = Some(message.frame.seq());
            heard.push(message.frame.seq());
        }
        assert_eq!(heard, [3, 4, 5]);
        assert_eq!(place(&change_feed, "s.5"), Some(5), "who has everything misses nothing");
    }

    #[test]
    fn other_streams_and_numbers_yet_to_come_are_unknown() {
        let change_feed = change_feed(5);
        assert_eq!(
            [place(&change_feed, "t.2"), place(&change_feed, "s.6"), place(&change_feed, "s.18446744073709551615")],
            [None; 3]
        );
        assert!(matches!(&change_feed.after(None).unwrap().frame, Frame::Snapshot(Overview { seq: 5, .. })));
    }

    #[test]
    fn whoever_has_missed_more_than_is_kept_gets_the_picture() {
        let change_feed = change_feed(KEPT + 10);
        assert_eq!((place(&change_feed, "s.9"), place(&change_feed, "s.10")), (None, Some(10)));
        let end = u64::try_from(KEPT + 10).unwrap();
        assert!(matches!(&change_feed.after(Some(9)).unwrap().frame, Frame::Snapshot(overview) if overview.seq == end));
        assert!(matches!(&change_feed.after(Some(10)).unwrap().frame, Frame::Node { seq: 11, .. }));
    }

    #[test]
    fn a_text_is_written_once() {
        let change_feed = change_feed(1);
        let text = change_feed.snapshot().text();
        assert!(Arc::ptr_eq(&change_feed.snapshot().text(), &text));
    }

    #[test]
    fn malformed_places_are_refused() {
        for text in ["", ".", "s", "s.", ".1", "s.x", "s.-1", "s.18446744073709551616"] {
            assert!(text.parse::<Since>().is_err(), "{text}");
        }
    }
}
