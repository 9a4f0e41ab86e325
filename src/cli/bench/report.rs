//! The table of figures: aligned, with units. Nothing here measures anything.

use std::{fmt, time::Duration};

use super::load::Latencies;

/// All figures of a run.
#[derive(Default)]
pub(super) struct Table {
    rows: Vec<Row>,
}

/// One figure, with the latency of single requests and the goal.
pub(super) struct Row {
    what: String,
    figure: String,
    p50: String,
    p99: String,
    aim: &'static str,
}

impl Table {
    /// Adds a row.
    pub(super) fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Adds a row with only a figure.
    pub(super) fn figure(&mut self, what: &str, figure: String) {
        self.push(Row { what: what.to_owned(), figure, p50: String::new(), p99: String::new(), aim: "" });
    }
}

impl Row {
    /// A rate per second.
    pub(super) fn rate(what: String, per_second: f64, unit: &str) -> Self {
        let figure = format!("{} {unit}", grouped(per_second));
        Self { what, figure, p50: String::new(), p99: String::new(), aim: "" }
    }

    /// Adds the median and the 99th percentile.
    pub(super) fn latencies(self, latencies: &Latencies) -> Self {
        Self { p50: duration(latencies.quantile(0.5)), p99: duration(latencies.quantile(0.99)), ..self }
    }

    /// Adds the goal for two cores.
    pub(super) fn aim(self, aim: &'static str) -> Self {
        Self { aim, ..self }
    }

    fn cells(&self) -> [&str; 5] {
        [&self.what, &self.figure, &self.p50, &self.p99, self.aim]
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["", "figure", "p50", "p99", "aim on two cores"];
        let lines: Vec<[&str; 5]> = std::iter::once(head).chain(self.rows.iter().map(Row::cells)).collect();
        let mut widths = [0; 5];
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = cell.chars().count().max(*width);
            }
        }
        let [first, second, third, fourth, _] = widths;
        for [what, figure, p50, p99, aim] in lines {
            let line = format!("{what:first$}  {figure:>second$}  {p50:>third$}  {p99:>fourth$}  {aim}");
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A whole number with a comma after every three digits.
pub(super) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 1.0 { format!("{:.2} ms", seconds * 1_000.0) } else { format!("{seconds:.2} s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas_and_durations_have_units() {
        let numbers = [0.4, 12.0, 999.0, 1_000.0, 123_456.4, 1_234_567.0].map(grouped);
        assert_eq!(numbers, ["0", "12", "999", "1,000", "123,456", "1,234,567"]);
        assert_eq!(duration(Duration::from_micros(640)), "0.64 ms");
        assert_eq!(duration(Duration::from_millis(2_500)), "2.50 s");
    }

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::default();
        table.push(Row::rate("first".to_owned(), 5_000.0, "posts/s").aim("a lot"));
        table.figure("the second", "7 MiB".to_owned());
        let text = table.to_string();
        let ends = |line: &str, cell: &str| line.find(cell).map(|at| at + cell.len());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(ends(lines[1], "5,000 posts/s"), ends(lines[2], "7 MiB"));
        assert!(lines[1].ends_with("a lot") && lines.len() == 3, "{text}");
    }
}
