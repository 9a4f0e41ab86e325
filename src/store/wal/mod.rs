//! What RocksDB drops without a word when it is opened: the end of a write-ahead log that cannot be read.
//!
//! RocksDB 11 replays its logs up to the first thing that it cannot read, and forgets the rest. SurrealDB's settings leave no other
//! choice open, so the logs are looked through before, kept if something is lost, and the loss is told. A last record that is
//! not whole is normal: a power cut leaves one, and nobody was told that it was written.

mod log;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use self::log::{Log, Rest};
use crate::clock::{Clock as _, SystemClock};

/// What the logs of a database have lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loss {
    what: String,
    /// Where the logs were kept as they were found.
    kept: PathBuf,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; the logs as they were found are kept in {}", self.what, self.kept.display())
    }
}

/// Looks through the logs of a folder that is about to be opened. If something is lost, they are kept beside it at once.
pub(super) fn look_through(folder: &Path) -> io::Result<Option<Loss>> {
    let mut logs = Vec::new();
    for path in files(folder)? {
        logs.push(Log::read(&path)?);
    }
    logs.sort_by_key(|log| log.number);
    match broken(&logs) {
        Some(what) => Ok(Some(Loss { what, kept: keep(folder)? })),
        None => Ok(None),
    }
}

/// Takes back what was kept: the folder was not opened after all.
pub(super) fn forget(loss: &Loss) {
    let _ = fs::remove_dir_all(&loss.kept);
}

/// What of the logs is not replayed, or not there.
fn broken(logs: &[Log]) -> Option<String> {
    let mut next: Option<u64> = None;
    for (at, log) in logs.iter().enumerate() {
        if let (Some(expected), Some(first)) = (next, log.first)
            && first > expected
        {
            let (changes, name) = (first - expected, log.name());
            return Some(format!(
                "a part of the write-ahead log before {name} is missing, with {changes} changes; what was written after them is there"
            ));
        }
        let follower = logs.get(at + 1).and_then(|log| log.first);
        // The log after it goes on where this one ends: this one was replayed, and told of, at an earlier start.
        if log.rest == Rest::Damaged && (follower.is_none() || follower != log.next) {
            return Some(damage(log, logs.get(at + 1..).unwrap_or_default(), log.next.or(next)));
        }
        if log.rest == Rest::Torn {
            let (name, dropped) = (log.name(), log.length - log.good);
            tracing::warn!(
                log = %name,
                dropped_bytes = dropped,
                "the last record of a log is not whole, as after a power cut; nobody was told that it was written"
            );
        }
        next = log.next.or(next);
    }
    None
}

/// RocksDB stops at the damage and forgets everything behind it, whole logs included.
fn damage(log: &Log, behind: &[Log], next: Option<u64>) -> String {
    let bytes = log.length - log.good + behind.iter().map(|log| log.length).sum::<u64>();
    let latest = behind.iter().filter_map(|log| log.latest).chain(log.latest).max();
    let changes = latest.zip(next).map_or(1, |(latest, next)| latest.saturating_sub(next).max(1));
    let (name, good) = (log.name(), log.good);
    format!(
        "the write-ahead log {name} is damaged behind byte {good}: {bytes} bytes are dropped, with {changes} changes or more"
    )
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            files.push(path);
        }
    }
    Ok(files)
}

/// Second names for the logs: RocksDB removes its own when it has replayed them.
fn keep(folder: &Path) -> io::Result<PathBuf> {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(format!(".damaged-log-{}", SystemClock.now().as_millis()));
    let kept = folder.with_file_name(name);
    fs::create_dir_all(&kept)?;
    for path in files(folder)? {
        let copy = kept.join(path.file_name().unwrap_or_default());
        fs::hard_link(&path, &copy).or_else(|_| fs::copy(&path, &copy).map(drop))?;
    }
    Ok(kept)
}
