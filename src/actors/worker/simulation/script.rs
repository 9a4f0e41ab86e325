//! What the model's worker does with each event: as its number has it, so that a seed repeats a history.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::{
    actors::worker::{Delivery, Error, Interest, Outcome, Worker},
    clock::SharedClock,
    domain::{AccountId, ContentChange, EventKind},
    store::AnalyticsAccess,
};

/// How an event fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Done,
    FailsOnce,
    FailsAlways,
    Rejected,
    SnoozesOnce,
    GoesOnTwice,
    PanicsOnce,
    OutageOnce,
    HangsOnce,
}

/// The fates of all events, and what has happened to them so far.
pub(super) struct Script {
    seed: u64,
    /// Whether nothing fails but by panic.
    is_calm: bool,
    /// Runs so far, by reader: each event has a reader of its own.
    runs: Mutex<HashMap<AccountId, u32>>,
    numbers: Mutex<HashMap<AccountId, usize>>,
    gate: Semaphore,
}

impl Script {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, is_calm: false, runs: Mutex::default(), numbers: Mutex::default(), gate: Semaphore::new(0) }
    }

    /// A script in which nothing spends a receive but a panic, and that only its own.
    pub(super) fn calm(seed: u64) -> Self {
        Self { is_calm: true, ..Self::new(seed) }
    }

    /// A reader whose event has the next number.
    pub(super) fn next_reader(&self) -> AccountId {
        let reader = AccountId::generate();
        let mut numbers = self.numbers.lock();
        let number = numbers.len();
        numbers.insert(reader, number);
        reader
    }

    pub(super) fn fate_of(&self, reader: AccountId) -> Fate {
        self.fate(self.numbers.lock().get(&reader).copied().unwrap_or(0))
    }

    fn fate(&self, number: usize) -> Fate {
        let mut hasher = DefaultHasher::new();
        (self.seed, number).hash(&mut hasher);
        let number = hasher.finish() % 100;
        if self.is_calm {
            return match number {
                0..40 => Fate::Done,
                40..70 => Fate::SnoozesOnce,
                70..90 => Fate::GoesOnTwice,
                90..93 => Fate::PanicsOnce,
                _ => Fate::HangsOnce,
            };
        }
        match number {
            0..50 => Fate::Done,
            50..60 => Fate::FailsOnce,
            60..65 => Fate::FailsAlways,
            65..70 => Fate::Rejected,
            70..77 => Fate::SnoozesOnce,
            77..86 => Fate::GoesOnTwice,
            86..88 => Fate::PanicsOnce,
            88..95 => Fate::OutageOnce,
            _ => Fate::HangsOnce,
        }
    }

    /// How the first event fares.
    pub(super) fn first_fate(&self) -> Fate {
        self.fate(0)
    }

    /// How many events have panicked so far.
    pub(super) fn panics(&self) -> usize {
        let runs = self.runs.lock();
        runs.keys().filter(|reader| self.fate_of(**reader) == Fate::PanicsOnce).count()
    }

    /// Whether one of the first events hangs.
    pub(super) fn hangs_somewhere(&self) -> bool {
        (0..40).any(|number| self.fate(number) == Fate::HangsOnce)
    }

    /// Lets everything go on that hangs now.
    pub(super) fn release(&self) {
        self.gate.add_permits(1_000);
    }

    pub(super) fn runs_of(&self, reader: AccountId) -> u32 {
        self.runs.lock().get(&reader).copied().unwrap_or(0)
    }

    fn run(&self, reader: AccountId) -> u32 {
        let mut runs = self.runs.lock();
        let run = runs.entry(reader).or_default();
        *run += 1;
        *run
    }
}

/// The worker under test. What it finishes adds one to the followers of the event's own reader, and each step of what goes on one to
/// their posts: so it shows what was committed, and how often.
pub(super) struct Scripted {
    pub(super) script: Arc<Script>,
    pub(super) analytics: AnalyticsAccess,
    pub(super) clock: SharedClock,
}

impl Worker for Scripted {
    const NAME: &'static str = "model";

    fn interest(event: &EventKind) -> Interest {
        Interest::handle_if(matches!(event, EventKind::AuthorFollowed { .. }))
    }

    async fn perform(&self, delivery: &Delivery) -> Result<Outcome, Error> {
        let EventKind::AuthorFollowed { reader, .. } = delivery.event.kind else { return Ok(Outcome::done()) };
        let finished = || self.analytics.followers(reader, 1, self.clock.now());
        let is_first = self.script.run(reader) == 1;
        let fault = || Error::Fault("scripted".to_owned());
        match self.script.fate_of(reader) {
            Fate::FailsOnce if is_first => Err(fault()),
            Fate::FailsAlways => Err(fault()),
            Fate::Rejected => Ok(Outcome::Reject(fault())),
            Fate::SnoozesOnce if is_first => Ok(Outcome::Snooze(Duration::from_secs(5))),
            Fate::OutageOnce if is_first => Err(Error::Transient("scripted outage".to_owned())),
            Fate::PanicsOnce if is_first => panic!("scripted"),
            Fate::HangsOnce if is_first => {
                // Forgotten, so that everything that hangs later has to wait for the next release.
                if let Ok(permit) = self.script.gate.acquire().await {
                    permit.forget();
                }
                Ok(Outcome::Done(finished()))
            }
            Fate::GoesOnTwice => match delivery.progress()?.unwrap_or(0) {
                2 => Ok(Outcome::Done(finished())),
                step => Outcome::continue_from(
                    &(step + 1),
                    self.analytics.content(reader, 1, &ContentChange::default(), self.clock.now()),
                ),
            },
            _ => Ok(Outcome::Done(finished())),
        }
    }
}
