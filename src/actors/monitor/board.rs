//! The board: the present picture, and the last changes that led to it, numbered without gaps. Whoever knows a number gets
//! what came behind it, as long as it is kept; everybody else gets the picture.

use std::{
    collections::VecDeque,
    str::FromStr,
    sync::{Arc, OnceLock},
};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::figures::{NodeFigures, Overview, WorkerFigures};
use crate::{domain::Invalid, store::CauseCount};

/// Changes kept for those who are behind or come back.
const KEPT: usize = 512;

/// A text that is written at most once, by the first who needs it, and shared by all.
#[derive(Debug, Default)]
struct Written(OnceLock<Arc<str>>);

/// The node at one moment.
#[derive(Debug)]
pub struct Picture {
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
    pub what: What,
    text: Written,
}

/// What is different now.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// One worker.
    Worker(Box<WorkerFigures>),
    /// The process.
    Node(NodeFigures),
    /// The dead letters.
    DeadLetters(Vec<CauseCount>),
}

/// What a watcher is told next.
#[derive(Debug, Clone)]
pub enum News {
    /// The next change.
    Change(Arc<Change>),
    /// Everything, because it knows nothing yet or has missed too much.
    Picture(Arc<Picture>),
}

/// The last thing a watcher has seen: `<stream>.<seq>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    stream: String,
    seq: u64,
}

pub(super) struct Board {
    stream: String,
    inner: Mutex<Inner>,
    end: watch::Sender<u64>,
}

struct Inner {
    picture: Arc<Picture>,
    changes: VecDeque<Arc<Change>>,
}

impl Written {
    fn get(&self, write: impl FnOnce() -> String) -> Arc<str> {
        Arc::clone(self.0.get_or_init(|| write().into()))
    }
}

impl Picture {
    /// The picture as a text; `write` is asked at most once.
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

impl News {
    /// What a watcher who has heard this knows.
    pub(super) fn seq(&self) -> u64 {
        match self {
            Self::Change(change) => change.seq,
            Self::Picture(picture) => picture.seq,
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

impl Board {
    pub(super) fn new(stream: String, overview: Overview) -> Self {
        let picture = Picture { stream: stream.clone(), seq: 0, overview, text: Written::default() };
        let inner = Inner { picture: Arc::new(picture), changes: VecDeque::new() };
        Self { stream, inner: Mutex::new(inner), end: watch::Sender::new(0) }
    }

    pub(super) fn picture(&self) -> Arc<Picture> {
        Arc::clone(&self.inner.lock().picture)
    }

    /// Tells when there is something new.
    pub(super) fn end(&self) -> watch::Receiver<u64> {
        self.end.subscribe()
    }

    /// Puts up what is different from the present picture.
    pub(super) fn publish(&self, overview: Overview) {
        let mut inner = self.inner.lock();
        let differences = differences(&inner.picture.overview, &overview);
        if differences.is_empty() {
            return;
        }
        let mut seq = inner.picture.seq;
        for what in differences {
            seq += 1;
            inner.changes.push_back(Arc::new(Change { seq, what, text: Written::default() }));
        }
        let surplus = inner.changes.len().saturating_sub(KEPT);
        inner.changes.drain(..surplus);
        inner.picture = Arc::new(Picture { stream: self.stream.clone(), seq, overview, text: Written::default() });
        drop(inner);
        self.end.send_replace(seq);
    }

    /// Where somebody goes on who has seen `since`; `None` if that cannot be told.
    pub(super) fn place(&self, since: &Since) -> Option<u64> {
        let inner = self.inner.lock();
        let is_known = since.stream == self.stream && since.seq <= inner.picture.seq;
        (is_known && (since.seq == inner.picture.seq || inner.has(since.seq + 1))).then_some(since.seq)
    }

    /// What comes next for somebody who has seen everything up to `place`; `None` if nothing does yet.
    pub(super) fn after(&self, place: Option<u64>) -> Option<News> {
        let inner = self.inner.lock();
        let Some(place) = place else { return Some(News::Picture(Arc::clone(&inner.picture))) };
        if place >= inner.picture.seq {
            return None;
        }
        let change = inner.first().and_then(|first| place.checked_add(1)?.checked_sub(first));
        let change = change.and_then(|index| inner.changes.get(usize::try_from(index).ok()?));
        Some(change.map_or_else(|| News::Picture(Arc::clone(&inner.picture)), |known| News::Change(Arc::clone(known))))
    }
}

impl Inner {
    fn first(&self) -> Option<u64> {
        self.changes.front().map(|change| change.seq)
    }

    fn has(&self, seq: u64) -> bool {
        self.first().is_some_and(|first| first <= seq) && seq <= self.picture.seq
    }
}

fn differences(old: &Overview, new: &Overview) -> Vec<What> {
    let is_new = |worker: &&WorkerFigures| !old.workers.contains(worker);
    let mut differences: Vec<What> =
        new.workers.iter().filter(is_new).map(|worker| What::Worker(Box::new(worker.clone()))).collect();
    if new.node != old.node {
        differences.push(What::Node(new.node.clone()));
    }
    if new.dead_letters != old.dead_letters {
        differences.push(What::DeadLetters(new.dead_letters.clone()));
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{actors::monitor::figures::Fill, domain::Timestamp};

    fn overview(watchers: usize) -> Overview {
        let node = NodeFigures {
            id: "n".into(),
            started_at: Timestamp::from_millis(0),
            memory_bytes: None,
            publish_queue: Fill { used: 0, capacity: 1 },
            logs: Vec::new(),
            watchers,
        };
        Overview { node, workers: Vec::new(), dead_letters: Vec::new() }
    }

    /// A board with so many changes.
    fn board(changes: usize) -> Board {
        let board = Board::new("s".into(), overview(0));
        (1..=changes).for_each(|watchers| board.publish(overview(watchers)));
        board
    }

    fn place(board: &Board, since: &str) -> Option<u64> {
        board.place(&since.parse().unwrap())
    }

    #[test]
    fn what_is_the_same_is_no_change() {
        let board = board(1);
        board.publish(overview(1));
        assert_eq!(board.picture().seq, 1);
    }

    #[test]
    fn whoever_knows_a_number_gets_exactly_what_came_behind_it() {
        let board = board(5);
        let mut at = place(&board, "s.2");
        let mut heard = Vec::new();
        while let Some(news) = board.after(at) {
            assert!(matches!(news, News::Change(_)));
            at = Some(news.seq());
            heard.push(news.seq());
        }
        assert_eq!(heard, [3, 4, 5]);
        assert_eq!(place(&board, "s.5"), Some(5), "who has everything misses nothing");
    }

    #[test]
    fn other_streams_and_numbers_yet_to_come_are_unknown() {
        let board = board(5);
        assert_eq!([place(&board, "t.2"), place(&board, "s.6"), place(&board, "s.18446744073709551615")], [None; 3]);
        assert!(matches!(board.after(None), Some(News::Picture(picture)) if picture.seq == 5));
    }

    #[test]
    fn whoever_has_missed_more_than_is_kept_gets_the_picture() {
        let board = board(KEPT + 10);
        assert_eq!((place(&board, "s.9"), place(&board, "s.10")), (None, Some(10)));
        let end = u64::try_from(KEPT + 10).unwrap();
        assert!(matches!(board.after(Some(9)), Some(News::Picture(picture)) if picture.seq == end));
        assert!(matches!(board.after(Some(10)), Some(News::Change(change)) if change.seq == 11));
    }

    #[test]
    fn a_text_is_written_once() {
        let board = board(1);
        let picture = board.picture();
        assert_eq!(&*picture.text(|_| "first".into()), "first");
        assert_eq!(&*board.picture().text(|_| "second".into()), "first");
    }

    #[test]
    fn malformed_places_are_refused() {
        for text in ["", ".", "s", "s.", ".1", "s.x", "s.-1", "s.18446744073709551616"] {
            assert!(text.parse::<Since>().is_err(), "{text}");
        }
    }
}
