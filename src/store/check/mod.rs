//! Looking through a database that nobody writes to: does every row read, and do the rows agree with each other? `rows` reads
//! every table, `references` follows what leads from row to row, `logs` and `counters` hold totals against what they count.

mod counters;
mod logs;
mod pages;
mod references;
mod rows;

use std::collections::{BTreeMap, HashSet};

use surrealdb::types::{RecordId, ToSql};

use super::{Error, Result, Store};

/// What was found.
pub struct Report {
    /// Rows read, by table.
    pub rows: BTreeMap<String, u64>,
    /// How many things are wrong.
    pub findings: u64,
    /// What was not looked at, and why.
    pub left_out: Vec<String>,
    /// Rows that cannot be read at all: told once, whoever comes by.
    unreadable: HashSet<RecordId>,
    /// Whether a table could not be read to its end.
    is_torn: bool,
    tell: Box<dyn FnMut(&str) + Send>,
}

impl Report {
    fn found(&mut self, what: &str) {
        self.findings += 1;
        (self.tell)(what);
    }

    fn found_unreadable(&mut self, id: &RecordId, error: &Error) {
        if self.unreadable.insert(id.clone()) {
            self.found(&format!("{} cannot be read: {error}", shown(id)));
        }
    }
}

/// Looks through the whole database; `tell` is told each finding in one line.
///
/// # Errors
/// When the database itself cannot be asked; a table that cannot be read is a finding.
pub async fn check(store: &Store, tell: impl FnMut(&str) + Send + 'static) -> Result<Report> {
    let mut report = Report {
        rows: BTreeMap::new(),
        findings: 0,
        left_out: Vec::new(),
        unreadable: HashSet::new(),
        is_torn: false,
        tell: Box::new(tell),
    };
    for loss in store.losses() {
        report.found(&loss);
    }
    rows::check(store, &mut report).await?;
    let logs = logs::check(store, &mut report).await?;
    references::check(store, &mut report, &logs).await?;
    counters::check(store, &mut report, &logs).await?;
    Ok(report)
}

/// A record as SurrealQL writes it.
fn shown(id: &RecordId) -> String {
    id.to_sql()
}
