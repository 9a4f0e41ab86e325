//! Room on the database's disk: how much is free, and how much RocksDB needs to open its folder.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// What opening writes besides: a new log, lists of files, and the first commits.
const BESIDES: u64 = 16 << 20;

/// How much room there is, and how much opening the database takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    folder: PathBuf,
    free_bytes: u64,
    /// RocksDB writes what is in its write-ahead logs into new files before it deletes them.
    log_bytes: u64,
}

impl Room {
    /// Looks at a database's folder and its disk.
    pub(super) fn of(folder: &Path) -> io::Result<Self> {
        let mut log_bytes = 0;
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|extension| extension == "log") {
                // A log that is deleted meanwhile needs none.
                log_bytes += entry.metadata().map_or(0, |meta| meta.len());
            }
        }
        let disk = rustix::fs::statvfs(folder)?;
        let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
        Ok(Self { folder: folder.to_owned(), free_bytes, log_bytes })
    }

    /// Whether the database can be opened.
    pub(super) fn is_enough(&self) -> bool {
        self.free_bytes >= self.needed_bytes()
    }

    fn needed_bytes(&self) -> u64 {
        self.log_bytes.saturating_add(BESIDES)
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (free, needed, log) = (mib(self.free_bytes), mib(self.needed_bytes()), mib(self.log_bytes));
        let folder = self.folder.display();
        write!(
            f,
            "the disk of {folder} is full: {free} are free, and opening the database takes {needed}, because its log of {log} is \
             written into new files; make room"
        )
    }
}

fn mib(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 20;
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_is_the_logs_and_a_little_more() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("000007.log"), vec![0; 3 << 20]).unwrap();
        fs::write(folder.path().join("000009.log"), vec![0; 1 << 19]).unwrap();
        for other in ["000005.sst", "LOG", "LOG.old.1", "MANIFEST-000004"] {
            fs::write(folder.path().join(other), vec![0; 1 << 20]).unwrap();
        }
        let room = Room::of(folder.path()).unwrap();
        assert_eq!(room.needed_bytes(), (7 << 19) + BESIDES);
        let (enough, little) = (room.needed_bytes(), room.needed_bytes() - 1);
        assert!(Room { free_bytes: enough, ..room.clone() }.is_enough());
        let little = Room { free_bytes: little, ..room };
        assert!(!little.is_enough());
        let said = little.to_string();
        assert!(
            said.contains(": 19.4 MiB are free, and opening the database takes 19.5 MiB, because its log of 3.5 MiB"),
            "{said}"
        );
    }

    #[test]
    fn a_folder_that_is_not_there_yet_says_nothing() {
        assert!(Room::of(Path::new("/nowhere/at/all")).is_err());
    }
}
