//! What a run did and found, as one table.

use std::{fmt::Write, time::Duration};

use super::{
    record::{Kind, Record},
    schedule::Schedule,
};

/// Collects one line per life; prints the first ones and then the tenth parts.
pub(super) struct Table {
    lines: Vec<String>,
    restarts: Vec<Duration>,
}

impl Table {
    pub(super) fn new() -> Self {
        Self {
            lines: vec![
                "life | end   | lived ms | mail   | model  | jump s | ready again ms | looked at ms | posts so far | mails unknown"
                    .to_owned(),
            ],
            restarts: Vec::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        life: u64,
        schedule: &Schedule,
        restarted: Duration,
        looked: Duration,
        record: &Record,
    ) {
        let (posts, unknown) = record.with(|inner| (inner.posts.len(), inner.unknown.values().sum::<u64>()));
        let looked = looked.saturating_sub(restarted);
        let line = format!(
            "{life:4} | {schedule} | {:14} | {:12} | {posts:12} | {unknown:13}",
            restarted.as_millis(),
            looked.as_millis()
        );
        println!("{line}");
        self.lines.push(line);
        self.restarts.push(restarted);
    }

    /// The summary.
    pub(super) fn finish(mut self, record: &Record, mails: usize) -> String {
        self.restarts.sort();
        let longest = self.restarts.last().copied().unwrap_or_default();
        let median = self.restarts.get(self.restarts.len() / 2).copied().unwrap_or_default();
        let mut text = self.lines.first().cloned().unwrap_or_default();
        let _ = write!(text, "\n{} lives; acknowledged:", self.restarts.len());
        record.with(|inner| {
            for (what, count) in &inner.counts {
                let _ = write!(text, " {count} {what}");
            }
        });
        let unknown = record.with(|inner| inner.unknown.values().sum::<u64>());
        let planted = record.live_of_kind(Kind::Poison);
        let _ = write!(
            text,
            "; {mails} mails, {unknown} of them unknown; {planted} planted dead letters; lost 0, twice 0, stuck 0, dead otherwise 0; ready again after {} ms (median), {} ms (longest)",
            median.as_millis(),
            longest.as_millis()
        );
        text
    }
}
