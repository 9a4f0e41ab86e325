//! What the person or the script sees: lines, JSON, tables. Standard output carries the answer, standard error the rest.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Row, Table, presets};
use serde_json::Value;

use crate::cli::remote::printable;

/// No cell of a table is longer; `--json` and `dlq show` have the whole text.
const MAX_CELL: usize = 72;

/// One line to standard output.
///
/// # Errors
/// When it cannot be written to.
pub(super) fn line(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

/// One line to standard error; that it cannot be written is no reason to stop.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "broadsheet: {}", printable(text));
}

/// The server's JSON on one line.
///
/// # Errors
/// When standard output cannot be written to.
pub(super) fn json(value: &Value) -> io::Result<()> {
    line(&value.to_string())
}

/// A table without lines, which `awk` and `grep` can read, too. The columns at these places hold numbers.
pub(super) fn table(header: &[&str], numbers: &[usize], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(Row::from(header.iter()));
    for row in rows {
        table.add_row(row.iter().map(|cell| cell_of(cell)));
    }
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if numbers.contains(&place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// What fits into a cell.
fn cell_of(text: &str) -> String {
    let text = printable(text);
    match text.char_indices().nth(MAX_CELL) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None if text.is_empty() => "-".to_owned(),
        None => text,
    }
}

/// A time as the server writes it, shorter: `2026-11-23 10:00:00`. All times are UTC.
pub(super) fn time(text: &str) -> String {
    match text.split_once('T') {
        Some((day, clock)) => format!("{day} {}", clock.get(..8).unwrap_or(clock)),
        None => text.to_owned(),
    }
}

/// A length of time in the unit that suits it.
pub(super) fn millis(millis: Option<f64>) -> String {
    match millis {
        None => "-".to_owned(),
        Some(millis) if millis < 10.0 => format!("{millis:.1}ms"),
        Some(millis) if millis < 1_000.0 => format!("{millis:.0}ms"),
        Some(millis) if millis < 120_000.0 => format!("{:.1}s", millis / 1_000.0),
        Some(millis) => format!("{:.0}m", millis / 60_000.0),
    }
}

/// `1 dead letter`, `2 dead letters`.
pub(super) fn dead_letters(count: u64) -> String {
    format!("{count} dead {}", if count == 1 { "letter" } else { "letters" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_columns_and_no_lines() {
        let rows = [vec!["feed".to_owned(), "7".to_owned()], vec!["analytics".to_owned(), "1234".to_owned()]];
        let text = table(&["WORKER", "LAG"], &[1], rows);
        assert_eq!(text, "WORKER      LAG\nfeed          7\nanalytics  1234");
    }

    #[test]
    fn a_cell_is_one_short_line() {
        assert_eq!(cell_of(""), "-");
        assert_eq!(cell_of("a\nb"), "a\u{fffd}b");
        assert_eq!(cell_of(&"ä".repeat(100)).chars().count(), MAX_CELL + 1);
    }

    #[test]
    fn times_are_short() {
        assert_eq!(time("2026-11-23T10:00:00.250Z"), "2026-11-23 10:00:00");
        assert_eq!(time("soon"), "soon");
        for (number, text) in
            [(0.42, "0.4ms"), (42.4, "42ms"), (1_500.0, "1.5s"), (90_000.0, "90.0s"), (600_000.0, "10m")]
        {
            assert_eq!(millis(Some(number)), text);
        }
        assert_eq!(millis(None), "-");
    }
}
