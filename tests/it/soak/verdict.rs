//! What came of a run, in words: whether memory is flat, what the disk grew by, and what an accepted change costs.

use std::fmt::Write;

use super::{
    load::{Kind, Run},
    sample::{Disk, Sample},
    watcher::Watched,
};

/// Memory is flat if the straight line through the second half rises by no more than this part of its mean in an hour.
const MOST_GROWTH: f64 = 0.10;
/// A shorter run says nothing about growth: caches and buffers are still filling.
const LONG_ENOUGH_MINUTES: f64 = 20.0;

/// One part of the disk.
type Part = fn(&Disk) -> f64;

/// A straight line through points.
struct Line {
    mean: f64,
    per_hour: f64,
}

/// The verdict as a text; memory that grows fails a run that is long enough to tell.
pub(super) fn memory(samples: &[Sample]) -> (String, Result<(), String>) {
    let second_half = &samples[samples.len() / 2..];
    let line = |value: fn(&Sample) -> f64| {
        line(&second_half.iter().map(|sample| (sample.minutes / 60.0, value(sample))).collect::<Vec<_>>())
    };
    let (allocated, resident) = (line(|sample| sample.memory.anonymous), line(|sample| sample.memory.resident));
    let most = allocated.mean * MOST_GROWTH;
    let peak = samples.iter().map(|sample| sample.memory.resident).fold(0.0, f64::max);
    let minutes = samples.last().unwrap().minutes;
    let mut text = format!(
        "memory: allocated {:.0} MiB (mean of the second half), {:+.1} MiB an hour; resident {:.0} MiB, {:+.1} MiB an hour, peak {peak:.0} MiB; bound: {most:.0} MiB an hour",
        allocated.mean, allocated.per_hour, resident.mean, resident.per_hour
    );
    let verdict = if minutes < LONG_ENOUGH_MINUTES {
        text.push_str("; too short to judge");
        Ok(())
    } else if allocated.per_hour <= most {
        text.push_str("; flat");
        Ok(())
    } else {
        text.push_str("; NOT FLAT");
        Err(text.clone())
    };
    (text, verdict)
}

/// Where the disk went.
pub(super) fn disk(run: &Run, first: &Disk, last: &Disk) -> String {
    let accepted = run.accepted.get() as f64;
    let mut text =
        "disk, MiB          | in the beginning | in the end |    grown | KiB per accepted change\n".to_owned();
    let parts: [(&str, Part); 7] = [
        ("sorted tables", |disk| disk.tables),
        ("large values", |disk| disk.blobs),
        ("write-ahead log", |disk| disk.log),
        ("old logs, kept", |disk| disk.archive),
        ("other", |disk| disk.other),
        ("database", Disk::database),
        ("search index", |disk| disk.search),
    ];
    for (name, part) in parts {
        let (begin, end) = (part(first), part(last));
        let (grown, each) = (end - begin, (end - begin) * 1024.0 / accepted);
        let _ = writeln!(text, "{name:18} | {begin:16.1} | {end:10.1} | {grown:8.1} | {each:23.2}");
    }
    text
}

/// What was asked and how it was answered.
pub(super) fn load(run: &Run, samples: &[Sample], watched: &Watched, minutes: f64) -> String {
    let latencies = run.latencies.borrow();
    let mut text = latencies.table();
    let requests = latencies.count();
    let _ = writeln!(
        text,
        "{requests} requests in {minutes:.1} minutes ({:.1} a second), {} changes accepted, {} errors, intended: {:?}",
        requests as f64 / minutes / 60.0,
        run.accepted.get(),
        run.errors.borrow().len(),
        run.intended.borrow()
    );
    let changes = [Kind::Publish, Kind::Edit, Kind::Delete, Kind::Follow]
        .map(|kind| format!("{} {}", latencies.count_of(kind), kind.name()));
    let most_lag = samples.iter().map(|sample| sample.lag).max().unwrap_or_default();
    let busy = samples.iter().skip(1).map(|sample| sample.cpu_percent).sum::<f64>() / (samples.len() - 1).max(1) as f64;
    let (first, last) = (samples[samples.len() / 10], samples.last().unwrap());
    let _ = writeln!(
        text,
        "changes: {}; most lag {most_lag} events, last {}; processor {busy:.0} % of one core; threads {} then {}, open files {} then {}",
        changes.join(", "),
        last.lag,
        first.threads,
        last.threads,
        first.files,
        last.files
    );
    let _ = writeln!(text, "watched: {watched:?}");
    text
}

fn line(points: &[(f64, f64)]) -> Line {
    let count = points.len() as f64;
    let (x_mean, mean) = (
        points.iter().map(|point| point.0).sum::<f64>() / count,
        points.iter().map(|point| point.1).sum::<f64>() / count,
    );
    let rise: f64 = points.iter().map(|(x, y)| (x - x_mean) * (y - mean)).sum();
    let run: f64 = points.iter().map(|(x, _)| (x - x_mean).powi(2)).sum();
    Line { mean, per_hour: if run > 0.0 { rise / run } else { 0.0 } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::sample::Memory;

    fn hour(allocated: impl Fn(f64) -> f64) -> Vec<Sample> {
        let at = |minute: u32| {
            let minutes = f64::from(minute);
            let memory = Memory { anonymous: allocated(minutes), resident: allocated(minutes) + 50.0, file: 50.0 };
            Sample { minutes, memory, ..Sample::default() }
        };
        (0..=60).map(at).collect()
    }

    #[test]
    fn what_fills_a_cache_is_flat_and_what_leaks_is_not() {
        let fills = hour(|minute| 500.0 + 10.0 * minute.min(20.0) + 20.0 * (minute / 3.0).sin());
        memory(&fills).1.unwrap();
        let leaks = hour(|minute| 500.0 + 2.0 * minute + 20.0 * (minute / 3.0).sin());
        assert!(memory(&leaks).1.unwrap_err().contains("NOT FLAT"));
    }

    #[test]
    fn a_line_goes_through_its_points() {
        let through = line(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]);
        assert!((through.mean - 3.0).abs() < 1e-9 && (through.per_hour - 2.0).abs() < 1e-9);
    }
}
