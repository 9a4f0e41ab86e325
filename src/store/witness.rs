//! A word beside the database's files about how far the database has come. A write-ahead log that is gone leaves an older database
//! that agrees with itself; only something outside of it can tell.
//!
//! At most once a second, after a write that was acknowledged, a number is written into a row and then into a file. If the row of a
//! database that is opened says less than the file, what was written meanwhile is lost.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
};

use surrealdb::types::SurrealValue;

use super::{
    Result,
    engine::Engine,
    query::{Query, once},
};
use crate::{
    clock::{Clock as _, SystemClock},
    domain::Timestamp,
};

const FILE: &str = "WITNESS";
const PAUSE_MILLIS: i64 = 1_000;

/// How far a database on disk has come.
#[derive(Default)]
pub(super) struct Witness {
    folder: Option<PathBuf>,
    number: AtomicU64,
    last: AtomicI64,
    is_writing: AtomicBool,
}

#[derive(SurrealValue)]
struct Row {
    number: i64,
    at: i64,
}

impl Witness {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, ..Self::default() }
    }

    /// Compares a database that was just opened with what its file says; answers what is lost.
    pub(super) async fn compare(&self, database: &Engine) -> Result<Option<String>> {
        let Some(folder) = &self.folder else { return Ok(None) };
        // An empty database has not even the table.
        let row = once(database, Query::new("SELECT number, at FROM probe:witness")).await;
        let row: Option<Row> = row.ok().map(|mut answers| answers.row(0)).transpose()?.flatten();
        let row = row.unwrap_or(Row { number: 0, at: 0 });
        let (number, at) = read(&folder.join(FILE)).unwrap_or_default();
        let kept = u64::try_from(row.number).unwrap_or(0);
        self.number.store(number.max(kept), Ordering::Relaxed);
        if number <= kept {
            return Ok(None);
        }
        let acknowledged = Timestamp::from_millis(at);
        let found = if row.at == 0 {
            "nothing of it is there".to_owned()
        } else {
            format!("what is there ends at about {}", Timestamp::from_millis(row.at))
        };
        Ok(Some(format!("the database had acknowledged writes until {acknowledged}, and {found}: the rest is lost")))
    }

    /// Whether the time has come to write; whoever is told so has to call [`Witness::rest`] afterwards.
    pub(super) fn is_due(&self) -> bool {
        let now = SystemClock.now().as_millis();
        self.folder.is_some()
            && (now - self.last.load(Ordering::Relaxed)).abs() >= PAUSE_MILLIS
            && !self.is_writing.swap(true, Ordering::AcqRel)
    }

    /// Whoever was told to write has done so, or has given up.
    pub(super) fn rest(&self) {
        self.last.store(SystemClock.now().as_millis(), Ordering::Relaxed);
        self.is_writing.store(false, Ordering::Release);
    }

    /// Writes the row, then the file. One at a time, so that neither ever goes back.
    pub(super) async fn write(&self, database: &Engine) -> Result<()> {
        let at = SystemClock.now().as_millis();
        let number = self.number.load(Ordering::Relaxed) + 1;
        let query = Query::new("UPSERT probe:witness SET number = $number, at = $at RETURN NONE")
            .bind("number", i64::try_from(number).unwrap_or(i64::MAX))
            .bind("at", at);
        once(database, query).await?;
        self.number.store(number, Ordering::Relaxed);
        if let Some(folder) = &self.folder {
            // On a full disk the file stays behind, which says less and nothing wrong.
            let _ = replace(&folder.join(FILE), &format!("{number} {at}\n"));
        }
        Ok(())
    }
}

/// A file that a power cut has emptied says nothing.
fn read(file: &Path) -> Option<(u64, i64)> {
    let text = fs::read_to_string(file).ok()?;
    let (number, at) = text.trim().split_once(' ')?;
    Some((number.parse().ok()?, at.parse().ok()?))
}

fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let fresh = file.with_extension("new");
    fs::write(&fresh, text)?;
    fs::rename(fresh, file)
}
