//! One write-ahead log of RocksDB, read only as far as its checksums and sequence numbers: blocks of 32 KiB, records that do not
//! cross them (`db/log_format.h` of RocksDB 11), and in every record a batch that begins with its sequence number and its count.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

const BLOCK: usize = 32 << 10;
const HEADER: usize = 7;
/// Header of logs that are used again; Broadsheet's are not, but they are logs, too.
const LONG_HEADER: usize = 11;
/// A batch's sequence number and count.
const BATCH: usize = 12;

/// What lies behind the last whole record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing, or room that was set aside.
    Nothing,
    /// A record that was not written to its end, and nothing behind it.
    Torn,
    /// Something that cannot be read, with whole records behind it.
    Damaged,
}

/// What a log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Log {
    pub(super) number: u64,
    pub(super) length: u64,
    /// How many bytes are whole records.
    pub(super) good: u64,
    /// The first sequence number.
    pub(super) first: Option<u64>,
    /// The sequence number that the log after this one must begin with.
    pub(super) next: Option<u64>,
    /// One more than the last sequence number that can be read at all, behind the damage, too.
    pub(super) latest: Option<u64>,
    pub(super) rest: Rest,
}

impl Log {
    /// The file's name.
    pub(super) fn name(&self) -> String {
        format!("{:06}.log", self.number)
    }

    /// Reads a log, block by block.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok()).unwrap_or(0);
        let mut log = Self { number, length: 0, good: 0, first: None, next: None, latest: None, rest: Rest::Nothing };
        let mut file = File::open(path)?;
        let mut block = Vec::with_capacity(BLOCK);
        let mut batch = None;
        loop {
            block.clear();
            Read::by_ref(&mut file).take(u64::try_from(BLOCK).unwrap_or(0)).read_to_end(&mut block)?;
            if block.is_empty() {
                break;
            }
            log.block(&block, &mut batch);
            log.length += u64::try_from(block.len()).unwrap_or(0);
        }
        if batch.is_some() && log.rest == Rest::Nothing {
            log.rest = Rest::Torn;
        }
        Ok(log)
    }

    /// `batch` is the beginning of a record that goes on in the next block.
    fn block(&mut self, block: &[u8], batch: &mut Option<Vec<u8>>) {
        let mut at = 0;
        while let Some(rest) = block.get(at..).filter(|rest| rest.len() >= HEADER) {
            if let Some(record) = Record::parse(rest) {
                at += record.length;
                self.take(&record, batch, at);
                continue;
            }
            self.stop(rest, batch);
            // The length in its header may be right.
            match Record::claimed(rest) {
                Some(length) if rest.get(length..).and_then(Record::parse).is_some() => at += length,
                _ => return,
            }
        }
        // Less than a header at the end of a block is filled with zeros; at the end of the file it is cut off.
        if block.len() < BLOCK
            && let Some(rest) = block.get(at..)
        {
            self.stop(rest, batch);
        }
    }

    /// A whole record, or a part of one.
    fn take(&mut self, record: &Record<'_>, batch: &mut Option<Vec<u8>>, at: usize) {
        if record.is_first {
            *batch = Some(Vec::new());
        }
        if let Some(batch) = batch {
            batch.extend(record.payload.iter().take(BATCH - batch.len()));
        }
        if !record.is_last {
            return;
        }
        // The end of one whose beginning cannot be read is none.
        let Some(batch) = batch.take() else { return };
        match self.rest {
            Rest::Nothing => self.good = self.length + u64::try_from(at).unwrap_or(0),
            Rest::Torn | Rest::Damaged => self.rest = Rest::Damaged,
        }
        let Some((sequence, count)) = numbers(&batch) else { return };
        let next = sequence.saturating_add(u64::from(count));
        self.latest = self.latest.max(Some(next));
        if self.rest == Rest::Nothing {
            self.first = self.first.or(Some(sequence));
            self.next = Some(next);
        }
    }

    /// Something cannot be read. Whether that is the end shows behind it.
    fn stop(&mut self, rest: &[u8], batch: &mut Option<Vec<u8>>) {
        let is_something = batch.take().is_some() || rest.iter().any(|byte| *byte != 0);
        if self.rest == Rest::Nothing && is_something {
            self.rest = Rest::Torn;
        }
    }
}

/// One physical record.
struct Record<'a> {
    payload: &'a [u8],
    /// Header and payload.
    length: usize,
    is_first: bool,
    is_last: bool,
}

impl<'a> Record<'a> {
    /// Reads one whose checksum is right.
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let length = Self::claimed(bytes)?;
        let kind = *bytes.get(6)?;
        let checksum = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
        let checked = bytes.get(6..length)?;
        if unmask(checksum) != crc32c::crc32c(checked) {
            return None;
        }
        let payload = bytes.get(header(kind)..length)?;
        // What is no part of a batch counts as whole, and has no numbers.
        let is_batch = (1..=8).contains(&kind);
        let (is_first, is_last) = (matches!(kind, 1 | 2 | 5 | 6), matches!(kind, 1 | 4 | 5 | 8));
        let payload = if is_batch { payload } else { &[] };
        Some(Self { payload, length, is_first: is_first || !is_batch, is_last: is_last || !is_batch })
    }

    /// How long a record says it is, header included; none for room that was set aside.
    fn claimed(bytes: &[u8]) -> Option<usize> {
        let payload = u16::from_le_bytes(bytes.get(4..6)?.try_into().ok()?);
        let kind = *bytes.get(6)?;
        (kind != 0).then(|| header(kind) + usize::from(payload))
    }
}

/// Kinds that name the log they belong to have a longer header.
fn header(kind: u8) -> usize {
    if matches!(kind, 5..=8 | 11 | 131) { LONG_HEADER } else { HEADER }
}

fn unmask(checksum: u32) -> u32 {
    checksum.wrapping_sub(0xa282_ead8).rotate_right(17)
}

/// The sequence number and the count of a batch.
fn numbers(batch: &[u8]) -> Option<(u64, u32)> {
    let sequence = u64::from_le_bytes(batch.get(..8)?.try_into().ok()?);
    let count = u32::from_le_bytes(batch.get(8..BATCH)?.try_into().ok()?);
    Some((sequence, count))
}

#[cfg(test)]
mod tests {
    use rocksdb::{DB, Options, WriteOptions};

    use super::*;

    /// The log that RocksDB itself leaves behind after these writes of so many bytes, and its sequence numbers.
    fn log(sizes: &[usize]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::default();
        options.create_if_missing(true);
        let database = DB::open(&options, folder.path()).unwrap();
        let mut synced = WriteOptions::default();
        synced.set_sync(true);
        for (number, size) in sizes.iter().enumerate() {
            database.put_opt(format!("key {number}"), vec![b'x'; *size], &synced).unwrap();
        }
        let path = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let path = path.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "log")).unwrap();
        // As a kill would leave it: closing would not change the log, but nothing here stands on that.
        let copy = folder.path().join("copy");
        std::fs::create_dir(&copy).unwrap();
        let copied = copy.join(path.file_name().unwrap());
        std::fs::copy(&path, &copied).unwrap();
        (folder, copied)
    }

    #[test]
    fn a_log_of_rocksdb_s_is_whole() {
        let (_folder, path) = log(&[10, 40_000, 3, 100_000, 32_000, 700]);
        let log = Log::read(&path).unwrap();
        assert_eq!((log.rest, log.first, log.next), (Rest::Nothing, Some(1), Some(7)), "{log:?}");
        assert_eq!(log.good, log.length);
    }

    #[test]
    fn an_end_that_is_missing_is_torn_and_everything_before_it_is_good() {
        let (_folder, path) = log(&[10, 40_000, 3, 100_000]);
        let bytes = std::fs::read(&path).unwrap();
        for cut in [1, 6, 8, 500, 33_000, 99_000] {
            std::fs::write(&path, &bytes[..bytes.len() - cut]).unwrap();
            let log = Log::read(&path).unwrap();
            assert_eq!((log.rest, log.next), (Rest::Torn, Some(4)), "{cut}: {log:?}");
        }
        std::fs::write(&path, [bytes.as_slice(), &[0; 50_000]].concat()).unwrap();
        assert_eq!(Log::read(&path).unwrap().rest, Rest::Nothing, "room that was set aside");
    }

    #[test]
    fn what_has_whole_records_behind_it_is_damaged() {
        let (_folder, path) = log(&[10, 40_000, 3, 100_000, 700]);
        let bytes = std::fs::read(&path).unwrap();
        for at in [3, 30, 100, 35_000, 40_100, 80_000] {
            let mut other = bytes.clone();
            other[at] ^= 0xff;
            std::fs::write(&path, &other).unwrap();
            let log = Log::read(&path).unwrap();
            assert_eq!((log.rest, log.latest), (Rest::Damaged, Some(6)), "{at}: {log:?}");
            assert!(log.good <= u64::try_from(at).unwrap(), "{at}: {log:?}");
        }
    }
}
