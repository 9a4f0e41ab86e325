//! The change_feed: the present snapshot, and the last changes that led to it, numbered without gaps. Whoever knows a number gets
//! what came behind it, as long as it is kept; everybody else gets the snapshot.

use std::{
    collections::VecDeque,
    str::FromStr,
    sync::{Arc, OnceLock},
};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::stats::{NodeStats, Overview, WorkerStats};
use crate::{domain::Invalid, store::CauseCount};

/// Changes kept for those who are behind or come back.
const KEPT: usize = 512;

/// A text that is written at most once, by the first who needs it, and shared by all.
#[derive(Debug, Default)]
struct Written(OnceLock<Arc<str>>);

/// The node at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// Whose numbers these are: they mean nothing to another process.
    pub stream: String,
    /// The last change that is in it.
    pub seq: u64,
    /// What there is to see.
    pub overview: Overview,
    text: Written,
}

/// One change.
#[derive(Debug)]
pub struct Change {
    /// Its number.
    pub seq: u64,
    /// What is different now.
    pub what: Changed,
    text: Written,
}

/// What is different now.
#[derive(Debug, Clone, PartialEq)]
pub enum Changed {
    /// One worker.
    Worker(Box<WorkerStats>),
    /// The process.
    Node(NodeStats),
    /// The dead letters.
    DeadLetters(Vec<CauseCount>),
}

/// What a watcher is told next.
#[derive(Debug, Clone)]
pub enum Update {
    /// The next change.
    Change(Arc<Change>),
    /// Everything, because it knows nothing yet or has missed too much.
    Snapshot(Arc<Snapshot>),
}

/// The last thing a watcher has seen: `<stream>.<seq>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    stream: String,
    seq: u64,
}

pub(super) struct ChangeFeed {
    stream: String,
    inner: Mutex<Inner>,
    end: watch::Sender<u64>,
}

struct Inner {
    snapshot: Arc<Snapshot>,
    changes: VecDeque<Arc<Change>>,
}

impl Written {
    fn get(&self, write: impl FnOnce() -> String) -> Arc<str> {
        Arc::clone(self.0.get_or_init(|| write().into()))
    }
}

impl Snapshot {
    /// The snapshot as a text; `write` is asked at most once.
    pub fn text(&self, write: impl FnOnce(&Self) -> String) -> Arc<str> {
        self.text.get(|| write(self))
    }
}

impl Change {
    /// The change as a text; `write` is asked at most once.
    pub fn text(&self, write: impl FnOnce(&Self) -> String) -> Arc<str> {
        self.text.get(|| write(self))
    }
}

impl Update {
    /// What a watcher who has heard this knows.
    pub(super) fn seq(&self) -> u64 {
        match self {
            Self::Change(change) => change.seq,
            Self::Snapshot(snapshot) => snapshot.seq,
        }
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
    pub(super) fn new(stream: String, overview: Overview) -> Self {
        let snapshot = Snapshot { stream: stream.clone(), seq: 0, overview, text: Written::default() };
        let inner = Inner { snapshot: Arc::new(snapshot), changes: VecDeque::new() };
        Self { stream, inner: Mutex::new(inner), end: watch::Sender::new(0) }
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.inner.lock().snapshot)
    }

    /// Tells when there is something new.
    pub(super) fn end(&self) -> watch::Receiver<u64> {
        self.end.subscribe()
    }

    /// Puts up what is different from the present snapshot.
    pub(super) fn publish(&self, overview: Overview) {
        let mut inner = self.inner.lock();
        let differences = differences(&inner.snapshot.overview, &overview);
        if differences.is_empty() {
            return;
        }
        let mut seq = inner.snapshot.seq;
        for what in differences {
            seq += 1;
            inner.changes.push_back(Arc::new(Change { seq, what, text: Written::default() }));
        }
        let surplus = inner.changes.len().saturating_sub(KEPT);
        inner.changes.drain(..surplus);
        inner.snapshot = Arc::new(Snapshot { stream: self.stream.clone(), seq, overview, text: Written::default() });
        drop(inner);
        self.end.send_replace(seq);
    }

    /// Where somebody goes on who has seen `since`; `None` if that cannot be told.
    pub(super) fn place(&self, since: &Since) -> Option<u64> {
        let inner = self.inner.lock();
        let is_known = since.stream == self.stream && since.seq <= inner.snapshot.seq;
        (is_known && (since.seq == inner.snapshot.seq || inner.has(since.seq + 1))).then_some(since.seq)
    }

    /// What comes next for somebody who has seen everything up to `place`; `None` if nothing does yet.
    pub(super) fn after(&self, place: Option<u64>) -> Option<Update> {
        let inner = self.inner.lock();
        let Some(place) = place else { return Some(Update::Snapshot(Arc::clone(&inner.snapshot))) };
        if place >= inner.snapshot.seq {
            return None;
        }
        let change = inner.first().and_then(|first| place.checked_add(1)?.checked_sub(first));
        let change = change.and_then(|index| inner.changes.get(usize::try_from(index).ok()?));
        Some(
            change.map_or_else(
                || Update::Snapshot(Arc::clone(&inner.snapshot)),
                |known| Update::Change(Arc::clone(known)),
            ),
        )
    }
}

impl Inner {
    fn first(&self) -> Option<u64> {
        self.changes.front().map(|change| change.seq)
    }

    fn has(&self, seq: u64) -> bool {
        self.first().is_some_and(|first| first <= seq) && seq <= self.snapshot.seq
    }
}

fn differences(old: &Overview, new: &Overview) -> Vec<Changed> {
    let is_new = |worker: &&WorkerStats| !old.workers.contains(worker);
    let mut differences: Vec<Changed> =
        new.workers.iter().filter(is_new).map(|worker| Changed::Worker(Box::new(worker.clone()))).collect();
    if new.node != old.node {
        differences.push(Changed::Node(new.node.clone()));
    }
    if new.dead_letters != old.dead_letters {
        differences.push(Changed::DeadLetters(new.dead_letters.clone()));
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{actors::monitor::stats::Fill, domain::Timestamp};

    fn overview(watchers: usize) -> Overview {
        let node = NodeStats {
            id: "n".into(),
            started_at: Timestamp::from_millis(0),
            memory_bytes: None,
            publish_queue: Fill { used: 0, capacity: 1 },
            logs: Vec::new(),
            watchers,
        };
        Overview { node, workers: Vec::new(), dead_letters: Vec::new() }
    }

    /// A change_feed with so many changes.
    fn change_feed(changes: usize) -> ChangeFeed {
        let change_feed = ChangeFeed::new("s".into(), overview(0));
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
        assert_eq!(change_feed.snapshot().seq, 1);
    }

    #[test]
    fn whoever_knows_a_number_gets_exactly_what_came_behind_it() {
        let change_feed = change_feed(5);
        let mut at = place(&change_feed, "s.2");
        let mut heard = Vec::new();
        while let Some(update) = change_feed.after(at) {
            assert!(matches!(update, Update::Change(_)));
            at = Some(update.seq());
            heard.push(update.seq());
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
        assert!(matches!(change_feed.after(None), Some(Update::Snapshot(snapshot)) if snapshot.seq == 5));
    }

    #[test]
    fn whoever_has_missed_more_than_is_kept_gets_the_picture() {
        let change_feed = change_feed(KEPT + 10);
        assert_eq!((place(&change_feed, "s.9"), place(&change_feed, "s.10")), (None, Some(10)));
        let end = u64::try_from(KEPT + 10).unwrap();
        assert!(matches!(change_feed.after(Some(9)), Some(Update::Snapshot(snapshot)) if snapshot.seq == end));
        assert!(matches!(change_feed.after(Some(10)), Some(Update::Change(change)) if change.seq == 11));
    }

    #[test]
    fn a_text_is_written_once() {
        let change_feed = change_feed(1);
        let snapshot = change_feed.snapshot();
        assert_eq!(&*snapshot.text(|_| "first".into()), "first");
        assert_eq!(&*change_feed.snapshot().text(|_| "second".into()), "first");
    }

    #[test]
    fn malformed_places_are_refused() {
        for text in ["", ".", "s", "s.", ".1", "s.x", "s.-1", "s.18446744073709551616"] {
            assert!(text.parse::<Since>().is_err(), "{text}");
        }
    }
}
