//! A worker's stats: how many deliveries ended how, how long they waited and ran, and how many end per second.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use parking_lot::Mutex;

/// The upper bounds of the buckets, in seconds: those that OpenTelemetry advises for durations, and longer ones, because a
/// delivery may wait for a person.
pub const BOUNDS: [f64; 18] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3_600.0, 86_400.0,
];
/// Percentiles tell of the present window and the one before.
const WINDOW: Duration = Duration::from_secs(60);
/// Throughput is the mean of so many whole seconds.
const SECONDS: u64 = 10;
const LONGEST_MICROS: u64 = 7 * 24 * 60 * 60 * 1_000_000;

/// How a run ended, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// Finished.
    Done,
    /// Goes on from where it stopped.
    Continued,
    /// Put off without spending a receive.
    Snoozed,
    /// Failed; tried again.
    Failed,
    /// Out of receives, or rejected.
    Dead,
}

impl Ending {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Done, Self::Continued, Self::Snoozed, Self::Failed, Self::Dead];

    /// The word in stats.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Continued => "continued",
            Self::Snoozed => "snoozed",
            Self::Failed => "failed",
            Self::Dead => "dead",
        }
    }
}

/// A cumulative histogram since the process began.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Buckets {
    /// How many durations lie in each bucket of [`BOUNDS`], and above the last one; not accumulated.
    pub counts: [u64; BOUNDS.len() + 1],
    /// The sum of all durations, in seconds.
    pub sum: f64,
}

/// Percentiles of the last one to two minutes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// How many durations they are of.
    pub count: u64,
    /// Half are at most this long.
    pub p50: Duration,
    /// 95 in 100 are at most this long.
    pub p95: Duration,
    /// 99 in 100 are at most this long.
    pub p99: Duration,
}

/// What people look at.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Summary {
    /// Deliveries finished per second, the mean of the last ten seconds.
    pub per_second: f64,
    /// From the event to the start of its first run.
    pub wait: Percentiles,
    /// One run.
    pub run: Percentiles,
    /// From the event to the end of its last run.
    pub end_to_end: Percentiles,
}

/// What monitoring systems collect: everything since the process began.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Totals {
    /// Runs by how they ended.
    pub endings: BTreeMap<Ending, u64>,
    /// Failed runs by the failure's class: `error`, `transient`, `timeout`, `panic`, `lost`, `rejected`.
    pub failures: BTreeMap<String, u64>,
    /// From the event to the start of its first run.
    pub wait: Buckets,
    /// One run.
    pub run: Buckets,
    /// From the event to the end of its last run.
    pub end_to_end: Buckets,
}

/// One worker's stats. Recording takes a fraction of a microsecond.
#[derive(Debug)]
pub struct Stats(Mutex<Inner>);

/// One run that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct EndedRun<'a> {
    pub(super) ending: Ending,
    /// The failure's class, if it failed.
    pub(super) class: Option<&'a str>,
    /// How long the event waited for its first run; `None` for later ones.
    pub(super) wait: Option<Duration>,
    pub(super) took: Duration,
    /// How old the event is now.
    pub(super) age: Duration,
}

#[derive(Debug)]
struct Inner {
    began: Instant,
    totals: Totals,
    wait: Recent,
    run: Recent,
    end_to_end: Recent,
    /// Deliveries finished, by second since `began`; the oldest are dropped.
    finished: BTreeMap<u64, u64>,
}

/// Two windows of durations, so that percentiles never jump to nothing.
#[derive(Debug)]
struct Recent {
    now: Histogram<u32>,
    before: Histogram<u32>,
    began: Instant,
}

impl Default for Stats {
    fn default() -> Self {
        Self(Mutex::new(Inner {
            began: Instant::now(),
            totals: Totals::default(),
            wait: Recent::new(),
            run: Recent::new(),
            end_to_end: Recent::new(),
            finished: BTreeMap::new(),
        }))
    }
}

impl Stats {
    /// Everything since the process began.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.0.lock().totals.clone()
    }

    /// The stats of the last minute or two.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut inner = self.0.lock();
        let second = inner.began.elapsed().as_secs();
        let whole = second.saturating_sub(SECONDS)..second;
        let finished: u64 = inner.finished.range(whole.clone()).map(|(_, count)| count).sum();
        let seconds = whole.end - whole.start;
        Summary {
            per_second: if seconds == 0 { 0.0 } else { finished as f64 / seconds as f64 },
            wait: inner.wait.percentiles(),
            run: inner.run.percentiles(),
            end_to_end: inner.end_to_end.percentiles(),
        }
    }

    pub(super) fn record(&self, run: EndedRun<'_>) {
        let mut inner = self.0.lock();
        *inner.totals.endings.entry(run.ending).or_default() += 1;
        if let Some(class) = run.class {
            *inner.totals.failures.entry(class.to_owned()).or_default() += 1;
        }
        inner.totals.run.add(run.took);
        inner.run.add(run.took);
        if let Some(wait) = run.wait {
            inner.totals.wait.add(wait);
            inner.wait.add(wait);
        }
        if run.ending == Ending::Done {
            inner.totals.end_to_end.add(run.age);
            inner.end_to_end.add(run.age);
            let second = inner.began.elapsed().as_secs();
            *inner.finished.entry(second).or_default() += 1;
            inner.finished = inner.finished.split_off(&second.saturating_sub(SECONDS));
        }
    }
}

impl Buckets {
    /// How many durations there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    fn add(&mut self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum += seconds;
    }
}

impl Recent {
    fn new() -> Self {
        Self { now: histogram(), before: histogram(), began: Instant::now() }
    }

    fn add(&mut self, duration: Duration) {
        self.turn();
        let micros = u64::try_from(duration.as_micros()).unwrap_or(LONGEST_MICROS);
        self.now.saturating_record(micros.clamp(1, LONGEST_MICROS));
    }

    fn percentiles(&mut self) -> Percentiles {
        self.turn();
        let mut both = self.now.clone();
        if both.add(&self.before).is_err() {
            both = self.now.clone();
        }
        let at = |quantile| Duration::from_micros(both.value_at_quantile(quantile));
        if both.is_empty() {
            return Percentiles::default();
        }
        Percentiles { count: both.len(), p50: at(0.5), p95: at(0.95), p99: at(0.99) }
    }

    fn turn(&mut self) {
        let age = self.began.elapsed();
        if age < WINDOW {
            return;
        }
        std::mem::swap(&mut self.now, &mut self.before);
        self.now.reset();
        if age >= 2 * WINDOW {
            self.before.reset();
        }
        self.began = Instant::now();
    }
}

/// Two significant digits, up to a week.
#[expect(clippy::expect_used, reason = "the bounds are constants within what the library takes")]
fn histogram() -> Histogram<u32> {
    Histogram::new_with_bounds(1, LONGEST_MICROS, 2).expect("constant bounds")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(ending: Ending, took: u64) -> EndedRun<'static> {
        let took = Duration::from_millis(took);
        EndedRun { ending, class: None, wait: Some(took), took, age: took }
    }

    #[test]
    fn percentiles_are_those_of_the_durations() {
        let stats = Stats::default();
        (1..=100).for_each(|millis| stats.record(run(Ending::Done, millis)));
        let Percentiles { count, p50, p95, p99 } = stats.summary().run;
        assert_eq!(count, 100);
        for (found, wanted) in [(p50, 50.0), (p95, 95.0), (p99, 99.0)] {
            let millis = found.as_secs_f64() * 1_000.0;
            assert!((millis - wanted).abs() <= wanted * 0.02, "{millis} ms instead of {wanted}");
        }
    }

    #[test]
    fn every_run_is_counted_once_and_only_finished_ones_end_to_end() {
        let stats = Stats::default();
        stats.record(run(Ending::Done, 3));
        stats.record(EndedRun { class: Some("timeout"), wait: None, ..run(Ending::Failed, 100_000_000) });
        let totals = stats.totals();
        assert_eq!(totals.endings, BTreeMap::from([(Ending::Done, 1), (Ending::Failed, 1)]));
        assert_eq!(totals.failures, BTreeMap::from([("timeout".to_owned(), 1)]));
        assert_eq!((totals.run.count(), totals.wait.count(), totals.end_to_end.count()), (2, 1, 1));
        assert_eq!(totals.run.counts[BOUNDS.len()], 1, "beyond the last bound");
        assert_eq!(totals.run.counts[2], 1, "3 ms");
    }
}
