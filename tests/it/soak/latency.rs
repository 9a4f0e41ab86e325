//! How long requests took, by their kind: of the present window, of each quarter of the run, and of the whole.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::File,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use super::load::Kind;

/// The durations of one kind, in microseconds.
type Durations = Histogram<u64>;

pub(super) struct Latencies {
    began: Instant,
    duration: Duration,
    window: Duration,
    /// When the present window ends.
    until: Instant,
    present: BTreeMap<Kind, Durations>,
    quarters: [BTreeMap<Kind, Durations>; 4],
    whole: BTreeMap<Kind, Durations>,
    csv: File,
    pub(super) windows: usize,
}

impl Latencies {
    /// Writes a line per window into a file.
    pub(super) fn new(path: &Path, began: Instant, duration: Duration, window: Duration) -> Self {
        let mut csv = File::create(path).unwrap();
        let mut header = "minutes".to_owned();
        for kind in Kind::ALL {
            let name = kind.name();
            let _ = write!(header, ",{name}_n,{name}_p50,{name}_p99,{name}_max");
        }
        writeln!(csv, "{header}").unwrap();
        Self {
            began,
            duration,
            window,
            until: began + window,
            present: BTreeMap::new(),
            quarters: Default::default(),
            whole: BTreeMap::new(),
            csv,
            windows: 0,
        }
    }

    /// Adds a request that was due then and has been answered now.
    pub(super) fn add(&mut self, kind: Kind, due: Instant) {
        let now = Instant::now();
        while now >= self.until {
            self.close();
        }
        let part = due.duration_since(self.began).as_secs_f64() / self.duration.as_secs_f64();
        let quarter = ((part * 4.0) as usize).min(3);
        let micros = u64::try_from(now.duration_since(due).as_micros()).unwrap();
        for durations in [&mut self.present, &mut self.quarters[quarter], &mut self.whole] {
            let new = || Histogram::new_with_bounds(1, 600_000_000, 3).unwrap();
            durations.entry(kind).or_insert_with(new).saturating_record(micros.max(1));
        }
    }

    /// Ends the last window.
    pub(super) fn finish(&mut self) {
        if !self.present.is_empty() {
            self.close();
        }
        self.csv.flush().unwrap();
    }

    fn close(&mut self) {
        let mut line = format!("{:.3}", self.until.duration_since(self.began).as_secs_f64() / 60.0);
        for kind in Kind::ALL {
            match self.present.get(&kind) {
                Some(durations) => {
                    let [half, most] = [0.5, 0.99].map(|part| millis(durations.value_at_quantile(part)));
                    let _ = write!(line, ",{},{half:.3},{most:.3},{:.3}", durations.len(), millis(durations.max()));
                }
                None => line.push_str(",0,NaN,NaN,NaN"),
            }
        }
        writeln!(self.csv, "{line}").unwrap();
        self.present.clear();
        self.until += self.window;
        self.windows += 1;
    }

    /// How many requests have been answered.
    pub(super) fn count(&self) -> u64 {
        self.whole.values().map(Histogram::len).sum()
    }

    /// How many requests of each kind were answered.
    pub(super) fn count_of(&self, kind: Kind) -> u64 {
        self.whole.get(&kind).map_or(0, Histogram::len)
    }

    /// The first quarter of the run against the last one.
    pub(super) fn table(&self) -> String {
        let mut text =
            "request       |   count | p50 ms: whole  first   last | p99 ms: whole  first   last |  max ms\n"
                .to_owned();
        for kind in Kind::ALL {
            let Some(whole) = self.whole.get(&kind) else { continue };
            let _ = write!(text, "{:13} | {:7} |", kind.name(), whole.len());
            for part in [0.5, 0.99] {
                let of = |durations: Option<&Durations>| {
                    durations.map_or(f64::NAN, |all| millis(all.value_at_quantile(part)))
                };
                let [first, last] = [0, 3].map(|quarter: usize| of(self.quarters[quarter].get(&kind)));
                let _ = write!(text, " {:13.1} {first:6.1} {last:6.1} |", of(Some(whole)));
            }
            let _ = writeln!(text, " {:7.1}", millis(whole.max()));
        }
        text
    }
}

fn millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}
