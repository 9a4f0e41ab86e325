//! One log as one worker sees it: what waits, what runs, what is finished, and how far the finished prefix reaches.
//! Pure bookkeeping; no actix, no database.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use tokio::sync::OwnedSemaphorePermit;

use crate::{
    domain::{Epoch, Event},
    store::{Effects, NewDelivery},
};

/// Events taken but not settled yet, at most: a slow one at the front must not let the rest pile up in memory.
pub(super) const WINDOW: u64 = 4_096;
/// The same for a worker whose publications wait in memory for their verdicts; an event takes a few hundred bytes.
pub(super) const WAITING_WINDOW: u64 = 65_536;
/// Rows that wait for a verdict, in one commit at most: it locks all their posts.
const WAITING_ROWS: usize = 256;
/// Events read from the log at once.
pub(super) const READ: u64 = 64;

/// How an event left the fast lane.
#[derive(Debug, Default)]
pub(super) struct Finished {
    /// What it wrote.
    pub(super) effects: Effects,
    /// Its row in the exception lane, if it has a story to tell.
    pub(super) delivery: Option<NewDelivery>,
}

impl Finished {
    fn waits(&self) -> bool {
        self.delivery.as_ref().is_some_and(|delivery| delivery.wait_for.is_some())
    }
}

/// The finished prefix, to be committed.
#[derive(Debug, Default)]
pub(super) struct Prefix {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) effects: Effects,
    pub(super) deliveries: Vec<NewDelivery>,
}

struct Waiting {
    event: Arc<Event>,
    _permit: Option<Arc<OwnedSemaphorePermit>>,
}

/// One log as one worker sees it.
pub(super) struct Lane {
    pub(super) epoch: Epoch,
    /// Everything up to here is committed.
    settled: u64,
    /// The next event to be taken.
    next: u64,
    waiting: VecDeque<Waiting>,
    finished: BTreeMap<u64, Finished>,
    /// The end of the log, as far as known.
    head: u64,
    /// Up to here events become rows before they run: one of them may kill the process.
    careful_until: u64,
    window: u64,
    pub(super) is_reading: bool,
    /// A log that nobody writes any more, read to its end.
    pub(super) is_drained: bool,
}

impl Lane {
    pub(super) fn new(epoch: Epoch, settled: u64, is_stuck: bool, window: u64) -> Self {
        let careful_until = if is_stuck { settled + READ } else { 0 };
        Self {
            epoch,
            settled,
            next: settled + 1,
            waiting: VecDeque::new(),
            finished: BTreeMap::new(),
            head: settled,
            careful_until,
            window,
            is_reading: false,
            is_drained: false,
        }
    }

    pub(super) fn settled(&self) -> u64 {
        self.settled
    }

    /// How many events are known to be in the log and are not settled.
    pub(super) fn lag(&self) -> u64 {
        self.head.saturating_sub(self.settled)
    }

    /// The log is known to reach this far.
    pub(super) fn reaches(&mut self, head: u64) {
        self.head = self.head.max(head);
    }

    /// Takes events in, as far as they follow on what is here already; the rest will be read from the log.
    pub(super) fn offer(&mut self, events: Vec<Arc<Event>>, permit: Option<&Arc<OwnedSemaphorePermit>>) {
        for event in events {
            self.reaches(event.id.seq);
            let following = self.next + u64::try_from(self.waiting.len()).unwrap_or(u64::MAX);
            if event.id.seq == following && following <= self.settled + self.window {
                self.waiting.push_back(Waiting { event, _permit: permit.cloned() });
            }
        }
    }

    /// The next event, if there is one.
    pub(super) fn take(&mut self) -> Option<Arc<Event>> {
        let waiting = self.waiting.pop_front()?;
        self.next += 1;
        Some(waiting.event)
    }

    /// Whether an event is one of those that may have killed the process.
    pub(super) fn is_suspect(&self, event: &Event) -> bool {
        event.id.seq <= self.careful_until
    }

    /// An event has left the fast lane.
    pub(super) fn finish(&mut self, seq: u64, finished: Finished) {
        self.finished.insert(seq, finished);
    }

    /// What to read from the log: nothing while events wait, a read runs, or the window is full.
    pub(super) fn wants_read(&mut self, may_reach_further: bool) -> Option<(u64, u64)> {
        let has_more = self.head >= self.next || (may_reach_further && !self.is_drained);
        if self.is_reading || !self.waiting.is_empty() || !has_more || self.is_full() {
            return None;
        }
        self.is_reading = true;
        Some((self.next, self.next + READ - 1))
    }

    /// Whether nothing more is taken until something is settled.
    pub(super) fn is_full(&self) -> bool {
        self.next > self.settled + self.window
    }

    /// Whether there is a finished prefix to commit.
    pub(super) fn has_prefix(&self) -> bool {
        self.finished.contains_key(&(self.settled + 1))
    }

    /// How many rows the finished events would write.
    pub(super) fn finished_rows(&self) -> usize {
        self.finished.values().map(|finished| finished.effects.len()).sum()
    }

    /// Whether so many rows wait for a verdict that one commit does not take all.
    pub(super) fn has_many_waiting_rows(&self) -> bool {
        self.finished.values().filter(|finished| finished.waits()).count() >= WAITING_ROWS
    }

    /// Takes the finished prefix, up to about `limit` rows, to be committed; [`Self::settle`] says that it was.
    pub(super) fn prefix(&mut self, limit: usize) -> Option<Prefix> {
        let mut prefix = Prefix { from: self.settled, to: self.settled, ..Prefix::default() };
        let mut waiting = 0;
        while prefix.effects.len() + prefix.deliveries.len() < limit
            && waiting < WAITING_ROWS
            && let Some(finished) = self.finished.remove(&(prefix.to + 1))
        {
            prefix.to += 1;
            waiting += usize::from(finished.waits());
            prefix.effects.merge(finished.effects);
            prefix.deliveries.extend(finished.delivery);
        }
        (prefix.to > prefix.from).then_some(prefix)
    }

    /// A prefix was committed.
    pub(super) fn settle(&mut self, to: u64) {
        self.settled = to;
    }

    /// Whether everything known of the log is settled.
    pub(super) fn is_idle(&self) -> bool {
        self.settled >= self.head && !self.is_reading
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AccountId, EventId, EventKind, Timestamp, TraceContext};

    fn event(epoch: Epoch, seq: u64) -> Arc<Event> {
        let kind = EventKind::AuthorFollowed { reader: AccountId::generate(), author: AccountId::generate() };
        let id = EventId { epoch, seq };
        Arc::new(Event { id, kind, at: Timestamp::from_millis(0), trace: TraceContext::new(1, 1, 1) })
    }

    fn lane() -> Lane {
        Lane::new(Epoch::generate(), 0, false, WINDOW)
    }

    #[test]
    fn only_the_finished_prefix_is_settled() {
        let mut lane = lane();
        lane.offer((1..=3).map(|seq| event(lane.epoch, seq)).collect(), None);
        while lane.take().is_some() {}
        lane.finish(1, Finished::default());
        lane.finish(3, Finished::default());
        let prefix = lane.prefix(100).unwrap();
        assert_eq!((prefix.from, prefix.to), (0, 1));
        lane.settle(1);
        lane.finish(2, Finished::default());
        assert_eq!(lane.prefix(100).unwrap().to, 3);
    }

    #[test]
    fn an_offer_with_a_gap_is_read_from_the_log_instead() {
        let mut lane = lane();
        lane.offer(vec![event(lane.epoch, 5)], None);
        assert!(lane.take().is_none());
        assert_eq!(lane.wants_read(false), Some((1, 64)));
        assert_eq!(lane.wants_read(false), None, "one read at a time");
    }

    #[test]
    fn an_event_that_comes_twice_runs_once() {
        let mut lane = lane();
        lane.offer(vec![event(lane.epoch, 1)], None);
        assert!(lane.take().is_some());
        lane.offer(vec![event(lane.epoch, 1)], None);
        assert!(lane.take().is_none());
    }

    #[test]
    fn a_slow_event_at_the_front_bounds_what_is_taken() {
        let mut lane = lane();
        lane.offer((1..=WINDOW + 10).map(|seq| event(lane.epoch, seq)).collect(), None);
        let mut taken = 0;
        while lane.take().is_some() {
            taken += 1;
        }
        assert_eq!(taken, WINDOW);
        assert_eq!(lane.wants_read(true), None);
    }

    #[test]
    fn a_stuck_log_begins_with_suspects() {
        let lane = Lane::new(Epoch::generate(), 10, true, WINDOW);
        assert!(lane.is_suspect(&event(lane.epoch, 11)));
        assert!(!lane.is_suspect(&event(lane.epoch, 10 + READ + 1)));
    }
}
