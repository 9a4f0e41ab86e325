//! What the user sees: a progress bar or lines while files are sent, then the files that were not imported and why, and
//! a summary. Only the summary goes to standard output.

use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

use super::{Outcome, files::Found};
use crate::cli::remote::printable;

/// Counts and shows the results of the files.
pub(super) struct Report {
    is_rehearsal: bool,
    bar: Option<ProgressBar>,
    /// The number of files found; `None` before the search.
    total: Option<usize>,
    published: usize,
    drafts: usize,
    already_there: usize,
    not_taken: Vec<(String, String)>,
}

impl Report {
    /// An empty report; a rehearsal if nothing is sent.
    pub(super) fn new(is_rehearsal: bool) -> Self {
        let not_taken = Vec::new();
        Self { is_rehearsal, bar: None, total: None, published: 0, drafts: 0, already_there: 0, not_taken }
    }

    /// Called when the files are known: shows a bar if there is a terminal, and names files that are not posts or
    /// cannot be read.
    pub(super) fn start(&mut self, found: &Found) {
        let total = found.files.len() + found.unreadable.len();
        self.total = Some(total);
        for name in &found.sections {
            say(&format!("{name}: skipped, it is the page of a section and not a post"));
        }
        if io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            self.bar = Some(ProgressBar::new(u64::try_from(total).unwrap_or(u64::MAX)).with_style(style));
        }
        for (name, reason) in &found.unreadable {
            self.add(name, Outcome::NotTaken(reason.clone()));
        }
    }

    /// Records the result for a file.
    pub(super) fn add(&mut self, name: &str, outcome: Outcome) {
        let word = match &outcome {
            Outcome::Published => "published",
            Outcome::Draft => "draft",
            Outcome::AlreadyThere => "already there",
            Outcome::NotTaken(_) => "not imported",
        };
        match outcome {
            Outcome::Published => self.published += 1,
            Outcome::Draft => self.drafts += 1,
            Outcome::AlreadyThere => self.already_there += 1,
            Outcome::NotTaken(reason) => self.not_taken.push((name.to_owned(), reason)),
        }
        match &self.bar {
            Some(bar) => {
                bar.set_message(printable(name));
                bar.inc(1);
            }
            None if self.is_rehearsal => {}
            None => say(&format!("[{}/{}] {name}: {word}", self.done(), self.total.unwrap_or_default())),
        }
    }

    /// Whether nothing was refused.
    pub(super) fn is_clean(&self) -> bool {
        self.not_taken.is_empty()
    }

    /// Removes the bar, and prints the files that were not imported and the summary; nothing if there was no search for
    /// files.
    ///
    /// # Errors
    /// If standard output cannot be written to.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let Some(total) = self.total else { return Ok(()) };
        self.not_taken.sort();
        for (name, reason) in &self.not_taken {
            say(&format!("{name}: {reason}"));
        }
        writeln!(io::stdout(), "{}", self.sum(total))
    }

    fn done(&self) -> usize {
        self.published + self.drafts + self.already_there + self.not_taken.len()
    }

    fn sum(&self, total: usize) -> String {
        let before = if self.is_rehearsal { "nothing was sent; it would be " } else { "" };
        let drafts = if self.drafts == 1 { "draft" } else { "drafts" };
        let Self { published, already_there, .. } = self;
        let mut sum = format!("{before}{published} published, {} {drafts}, ", self.drafts);
        if !self.is_rehearsal {
            sum += &format!("{already_there} already there, ");
        }
        sum += &format!("{} not imported", self.not_taken.len());
        match total.saturating_sub(self.done()) {
            0 => sum,
            left => sum + &format!(", {left} not tried"),
        }
    }
}

/// Prints a line to standard error; a failure to write it is ignored.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{}", printable(line));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(is_rehearsal: bool, outcomes: Vec<Outcome>) -> Report {
        let mut report = Report::new(is_rehearsal);
        outcomes.into_iter().for_each(|outcome| report.add("a.md", outcome));
        report
    }

    #[test]
    fn the_sum_counts_everything() {
        let refused = || Outcome::NotTaken("the body is empty".to_owned());
        let all = vec![Outcome::Published, Outcome::Published, Outcome::Draft, Outcome::AlreadyThere, refused()];
        let report = report(false, all);
        assert_eq!(report.sum(5), "2 published, 1 draft, 1 already there, 1 not imported");
        assert_eq!(report.sum(8), "2 published, 1 draft, 1 already there, 1 not imported, 3 not tried");
        assert!(!report.is_clean());
    }

    #[test]
    fn a_rehearsal_says_that_nothing_was_sent() {
        let report = report(true, vec![Outcome::Published]);
        assert_eq!(report.sum(1), "nothing was sent; it would be 1 published, 0 drafts, 0 not imported");
        assert!(report.is_clean());
    }
}
