//! One log as one worker sees it: what waits, what runs, what is finished, and how far the finished prefix reaches.
//! Pure bookkeeping; no actix, no database.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::OwnedSemaphorePermit;

use super::turns::{Busy, Sharing, Waiting};
use crate::{
    domain::{Epoch, Event},
    store::{Effects, NewDelivery},
};

/// Events taken but not settled yet, at most: a slow one at the front must not let the rest pile up in memory.
pub(super) const WINDOW: u64 = 4_096;
/// The same for a worker whose events wait in memory, for their verdicts or for turns; an event takes a few hundred bytes.
pub(super) const WAITING_WINDOW: u64 = 65_536;
/// Rows that wait for a verdict, in one commit at most: it locks all their posts.
const WAITING_ROWS: usize = 64;
/// Events read from the log at once.
pub(super) const READ: u64 = 64;
/// How long events that the log has may be on their way through the mailbox before they are read while others wait for turns.
const ON_THEIR_WAY: Duration = if cfg!(test) { Duration::ZERO } else { Duration::from_millis(20) };
/// How many of those that wait for turns make room for others when the window is full.
const MADE_ROOM: usize = 256;

/// How a worker takes events in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Intake {
    /// How many may be taken in and not settled.
    pub(super) window: u64,
    /// Whether authors take turns, and how.
    pub(super) sharing: Option<Sharing>,
}

/// How an event left the fast window.
#[derive(Debug, Default)]
pub(super) struct Finished {
    /// What it wrote.
    pub(super) effects: Effects,
    /// Its row in the retry queue, if it has a story to tell.
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

struct Here {
    event: Arc<Event>,
    _permit: Option<Arc<OwnedSemaphorePermit>>,
}

/// One log as one worker sees it.
pub(super) struct LogWindow {
    pub(super) epoch: Epoch,
    /// Everything up to here is committed.
    settled: u64,
    /// The next event to come in.
    next: u64,
    waiting: Waiting<Here>,
    finished: BTreeMap<u64, Finished>,
    /// The end of the log, as far as known.
    head: u64,
    /// Since when it has events that have not come in.
    behind_since: Option<Instant>,
    /// Up to here events become rows before they run: one of them may kill the process.
    isolate_until: u64,
    intake: Intake,
    /// Where it was settled when it made room last: once is enough until that shows.
    made_room_at: Option<u64>,
    pub(super) is_reading: bool,
    /// A log that nobody writes any more, read to its end.
    pub(super) is_drained: bool,
}

impl LogWindow {
    pub(super) fn new(epoch: Epoch, settled: u64, is_stuck: bool, intake: Intake) -> Self {
        let isolate_until = if is_stuck { settled + READ } else { 0 };
        Self {
            epoch,
            settled,
            next: settled + 1,
            waiting: Waiting::default(),
            finished: BTreeMap::new(),
            head: settled,
            behind_since: None,
            isolate_until,
            intake,
            made_room_at: None,
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
            if event.id.seq == self.next && self.next <= self.settled + self.intake.window {
                self.next += 1;
                self.behind_since = self.behind_since.filter(|_| permit.is_none());
                let turn = self.intake.sharing.and_then(|sharing| (sharing.turn)(&event.kind));
                self.waiting.push(turn, Here { event, _permit: permit.cloned() });
            }
        }
    }

    /// The next event that may run beside those that do: no author has more than `share` then.
    pub(super) fn take(&mut self, busy: &Busy, share: usize) -> Option<Arc<Event>> {
        self.waiting.pop(busy, share).map(|here| here.event)
    }

    /// When the window is full of events that wait for turns at something slow: some of whoever has most, to become rows instead.
    pub(super) fn make_room(&mut self) -> Vec<Arc<Event>> {
        let is_slow = self.intake.sharing.is_some_and(|sharing| sharing.leaves_half);
        let is_crowded = !self.has_room() && !self.waiting.is_empty() && self.waiting.has_only_turns();
        if !is_slow || !is_crowded || self.made_room_at == Some(self.settled) {
            return Vec::new();
        }
        self.made_room_at = Some(self.settled);
        self.waiting.give_up(MADE_ROOM).into_iter().map(|here| here.event).collect()
    }

    /// Whether an event is one of those that may have killed the process.
    pub(super) fn needs_isolation(&self, event: &Event) -> bool {
        event.id.seq <= self.isolate_until
    }

    /// An event has left the fast window.
    pub(super) fn finish(&mut self, seq: u64, finished: Finished) {
        self.finished.insert(seq, finished);
    }

    /// What to read from the log: nothing while events wait for a slot, a read runs, or the window is full.
    pub(super) fn wants_read(&mut self, may_reach_further: bool) -> Option<(u64, u64)> {
        let is_behind = self.head >= self.next;
        self.behind_since = self.behind_since.filter(|_| is_behind).or_else(|| is_behind.then(Instant::now));
        let has_more = is_behind || (may_reach_further && !self.is_drained);
        let may_read = if self.waiting.is_empty() { !self.is_out_of_window() } else { self.may_read_on() };
        if self.is_reading || !has_more || !may_read {
            return None;
        }
        self.is_reading = true;
        Some((self.next, self.next + READ - 1))
    }

    /// Whether to read on while events wait: those that wait for turns must not hide who comes after them.
    fn may_read_on(&self) -> bool {
        let is_behind = self.behind_since.is_some_and(|since| since.elapsed() >= ON_THEIR_WAY);
        self.has_room() && is_behind && self.waiting.has_only_turns()
    }

    /// Whether a whole read fits into the window.
    fn has_room(&self) -> bool {
        self.next + READ <= self.settled + self.intake.window
    }

    /// Whether nothing more is taken until something is settled.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.is_empty() && self.is_out_of_window()
    }

    fn is_out_of_window(&self) -> bool {
        self.next > self.settled + self.intake.window
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
    use crate::{
        actors::worker::Turn,
        domain::{AccountId, EventId, EventKind, PostId, Timestamp, TraceContext},
    };

    fn event(epoch: Epoch, seq: u64) -> Arc<Event> {
        let kind = EventKind::AuthorFollowed { reader: AccountId::generate(), author: AccountId::generate() };
        let id = EventId { epoch, seq };
        Arc::new(Event { id, kind, at: Timestamp::from_millis(0), trace: TraceContext::new(1, 1, 1) })
    }

    const ALONE: Intake = Intake { window: WINDOW, sharing: None };

    fn window() -> LogWindow {
        LogWindow::new(Epoch::generate(), 0, false, ALONE)
    }

    fn take(window: &mut LogWindow) -> Option<Arc<Event>> {
        window.take(&Busy::default(), usize::MAX)
    }

    /// A window whose authors take turns, each with one slot.
    fn shared(window: u64) -> LogWindow {
        let turn = |kind: &EventKind| match kind {
            EventKind::PostApproved { post, author, .. } => Some(Turn { author: *author, post: *post }),
            _ => None,
        };
        LogWindow::new(
            Epoch::generate(),
            0,
            false,
            Intake { window, sharing: Some(Sharing { turn, leaves_half: true }) },
        )
    }

    fn event_of(author: AccountId, epoch: Epoch, seq: u64) -> Arc<Event> {
        let kind = EventKind::PostApproved { post: PostId::generate(), author, restores: None, hidden: 0 };
        Arc::new(Event { kind, ..Event::clone(&event(epoch, seq)) })
    }

    #[test]
    fn only_the_finished_prefix_is_settled() {
        let mut window = window();
        window.offer((1..=3).map(|seq| event(window.epoch, seq)).collect(), None);
        while take(&mut window).is_some() {}
        window.finish(1, Finished::default());
        window.finish(3, Finished::default());
        let prefix = window.prefix(100).unwrap();
        assert_eq!((prefix.from, prefix.to), (0, 1));
        window.settle(1);
        window.finish(2, Finished::default());
        assert_eq!(window.prefix(100).unwrap().to, 3);
    }

    #[test]
    fn an_offer_with_a_gap_is_read_from_the_log_instead() {
        let mut window = window();
        window.offer(vec![event(window.epoch, 5)], None);
        assert!(take(&mut window).is_none());
        assert_eq!(window.wants_read(false), Some((1, 64)));
        assert_eq!(window.wants_read(false), None, "one read at a time");
    }

    #[test]
    fn an_event_that_comes_twice_runs_once() {
        let mut window = window();
        window.offer(vec![event(window.epoch, 1)], None);
        assert!(take(&mut window).is_some());
        window.offer(vec![event(window.epoch, 1)], None);
        assert!(take(&mut window).is_none());
    }

    #[test]
    fn a_slow_event_at_the_front_bounds_what_is_taken() {
        let mut window = window();
        window.offer((1..=WINDOW + 10).map(|seq| event(window.epoch, seq)).collect(), None);
        let mut taken = 0;
        while take(&mut window).is_some() {
            taken += 1;
        }
        assert_eq!(taken, WINDOW);
        assert_eq!(window.wants_read(true), None);
    }

    #[test]
    fn a_stuck_log_begins_with_suspects() {
        let window = LogWindow::new(Epoch::generate(), 10, true, ALONE);
        assert!(window.needs_isolation(&event(window.epoch, 11)));
        assert!(!window.needs_isolation(&event(window.epoch, 10 + READ + 1)));
    }

    #[test]
    fn a_lane_whose_authors_take_turns_reads_on_while_one_of_them_waits() {
        let (mut window, ada, bob) = (shared(WINDOW), AccountId::generate(), AccountId::generate());
        let epoch = window.epoch;
        window.reaches(200);
        window.offer((1..=READ).map(|seq| event_of(ada, epoch, seq)).collect(), None);
        let mut busy = Busy::default();
        busy.begin(Turn { author: ada, post: PostId::generate() });
        assert!(window.take(&busy, 1).is_none(), "ada has a slot already");
        assert_eq!(window.wants_read(false), Some((READ + 1, 2 * READ)));
        window.is_reading = false;
        window.offer(vec![event_of(bob, epoch, READ + 1)], None);
        assert_eq!(window.take(&busy, 1).unwrap().id.seq, READ + 1);
    }

    #[test]
    fn a_window_full_of_one_author_s_events_makes_room_once_until_that_shows() {
        let (mut window, ada) = (shared(1_000), AccountId::generate());
        let epoch = window.epoch;
        window.offer((1..=1_001).map(|seq| event_of(ada, epoch, seq)).collect(), None);
        assert_eq!(window.wants_read(true), None, "the window is full");
        let given = window.make_room();
        assert_eq!((given.len(), given[0].id.seq), (MADE_ROOM, 1));
        assert!(window.make_room().is_empty());
        given.iter().for_each(|event| window.finish(event.id.seq, Finished::default()));
        let reached = window.prefix(usize::MAX).unwrap().to;
        window.settle(reached);
        assert_eq!(window.wants_read(true), Some((1_001, 1_000 + READ)));
    }
}
