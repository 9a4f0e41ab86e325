//! The file: a line that says what it is, a header, compressed chunks of rows, and at the end the number of rows and the
//! SHA-256 of everything before it. A file that was cut short or changed anywhere is refused before a row of it is used.

use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    path::Path,
};

use bytes::Bytes;
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use surrealdb_core::kvs::copy::KeyspaceVersion;

use crate::store::{Error, Result};

const MAGIC: &[u8] = b"broadsheet backup 1\n";
const ANY_VERSION: &[u8] = b"broadsheet backup ";
/// A chunk is cut when it has grown to this.
const CHUNK: usize = 1 << 20;
/// No chunk, header, key or value is longer.
const LONGEST: usize = 1 << 30;
const CHECKSUM: usize = 32;

/// One key and its value.
pub(super) type Row = (Vec<u8>, Vec<u8>);

/// What a backup says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupHeader {
    /// The version of Broadsheet that wrote it.
    pub version: String,
    /// The newest migration of the schema.
    pub schema: u32,
    /// The namespace in it.
    pub namespace: String,
    /// The database in it.
    pub name: String,
    /// When it was begun: everything acknowledged before is in it.
    pub made_at: String,
    /// What SurrealDB needs to know to start from it.
    pub(super) keyspace: KeyspaceVersion,
}

/// Writes a backup, piece by piece.
pub(super) struct Writer {
    hash: Sha256,
    chunk: Vec<u8>,
    rows: u64,
}

impl Writer {
    /// Begins one; answers its first piece.
    pub(super) fn begin(header: &BackupHeader) -> Result<(Self, Bytes)> {
        let header = serde_json::to_vec(header).map_err(|error| Error::Backup(error.to_string()))?;
        let mut piece = MAGIC.to_vec();
        put(&mut piece, &header)?;
        let mut writer = Self { hash: Sha256::new(), chunk: Vec::with_capacity(CHUNK), rows: 0 };
        let first = writer.piece(piece);
        Ok((writer, first))
    }

    /// Adds a row; answers the next piece when there is enough for one.
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) -> Result<Option<Bytes>> {
        put(&mut self.chunk, key)?;
        put(&mut self.chunk, value)?;
        self.rows += 1;
        if self.chunk.len() < CHUNK { Ok(None) } else { self.cut().map(Some) }
    }

    /// The last pieces, and how many rows there were.
    pub(super) fn end(mut self) -> Result<(Bytes, u64)> {
        let mut last = if self.chunk.is_empty() { Vec::new() } else { self.cut()?.to_vec() };
        let mut end = 0_u32.to_le_bytes().to_vec();
        end.extend_from_slice(&self.rows.to_le_bytes());
        last.extend_from_slice(&self.piece(end));
        last.extend_from_slice(self.hash.finalize().as_slice());
        Ok((last.into(), self.rows))
    }

    fn cut(&mut self) -> Result<Bytes> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        let packed = encoder.write_all(&self.chunk).and_then(|()| encoder.finish()).map_err(unpackable)?;
        self.chunk.clear();
        let mut piece = Vec::with_capacity(packed.len() + 4);
        put(&mut piece, &packed)?;
        Ok(self.piece(piece))
    }

    fn piece(&mut self, piece: Vec<u8>) -> Bytes {
        self.hash.update(&piece);
        piece.into()
    }
}

/// Reads a backup's rows, chunk by chunk. Only for a file that was verified.
pub(super) struct Reader {
    file: BufReader<File>,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut file = open(path)?;
        read_header(&mut file)?;
        Ok(Self { file })
    }

    /// The rows of the next chunk; `None` at the end.
    pub(super) fn next_chunk(&mut self) -> Result<Option<Vec<Row>>> {
        let packed = take(&mut self.file)?;
        if packed.is_empty() {
            return Ok(None);
        }
        let mut rows = Vec::new();
        let mut chunk = Vec::new();
        let longest = u64::try_from(LONGEST).unwrap_or(u64::MAX);
        DeflateDecoder::new(packed.as_slice()).take(longest).read_to_end(&mut chunk).map_err(|_| changed())?;
        let mut rest = chunk.as_slice();
        while !rest.is_empty() {
            rows.push((take(&mut rest)?, take(&mut rest)?));
        }
        Ok(Some(rows))
    }
}

/// Reads a whole backup and says what it is, and how many rows it has.
///
/// # Errors
/// [`Error::Backup`] if it is none, or was cut short or changed.
pub fn verify(path: &Path) -> Result<(BackupHeader, u64)> {
    let mut file = Hashing { file: open(path)?, hash: Sha256::new() };
    let header = read_header(&mut file)?;
    while !take(&mut file)?.is_empty() {}
    let mut rows = [0; 8];
    file.read_exact(&mut rows).map_err(cut_short)?;
    let expected = file.hash.finalize();
    let mut found = [0; CHECKSUM];
    file.file.read_exact(&mut found).map_err(cut_short)?;
    if expected.as_slice() != found || !is_at_end(&mut file.file)? {
        return Err(changed());
    }
    Ok((header, u64::from_le_bytes(rows)))
}

/// Computes the checksum of what is read through it.
struct Hashing {
    file: BufReader<File>,
    hash: Sha256,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hash.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

fn open(path: &Path) -> Result<BufReader<File>> {
    let file = File::open(path).map_err(|error| Error::Backup(format!("cannot read {}: {error}", path.display())))?;
    Ok(BufReader::with_capacity(1 << 18, file))
}

fn read_header(file: &mut impl Read) -> Result<BackupHeader> {
    let mut magic = vec![0; MAGIC.len()];
    let is_whole = file.read_exact(&mut magic).is_ok();
    if !is_whole || magic != MAGIC {
        let is_other = magic.starts_with(ANY_VERSION);
        let text =
            if is_other { "it is a backup of another version's format" } else { "it is no backup of Broadsheet" };
        return Err(Error::Backup(text.to_owned()));
    }
    serde_json::from_slice(&take(file)?).map_err(|_| changed())
}

fn is_at_end(file: &mut impl Read) -> Result<bool> {
    let mut more = [0; 1];
    file.read(&mut more).map(|read| read == 0).map_err(cut_short)
}

/// A length and so many bytes.
fn put(piece: &mut Vec<u8>, bytes: &[u8]) -> Result<()> {
    let length = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() < LONGEST);
    let length = length.ok_or_else(|| Error::Backup(format!("a row of {} bytes is too long", bytes.len())))?;
    piece.extend_from_slice(&length.to_le_bytes());
    piece.extend_from_slice(bytes);
    Ok(())
}

fn take(from: &mut impl Read) -> Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).map_err(cut_short)?;
    let length = u32::from_le_bytes(length);
    if usize::try_from(length).is_ok_and(|length| length >= LONGEST) {
        return Err(changed());
    }
    // Not allocated at once: a length that was changed promises bytes that are not there.
    let mut bytes = Vec::new();
    from.take(u64::from(length)).read_to_end(&mut bytes).map_err(cut_short)?;
    if u32::try_from(bytes.len()) == Ok(length) { Ok(bytes) } else { Err(cut_short_at_end()) }
}

fn unpackable(error: io::Error) -> Error {
    Error::Backup(format!("a chunk cannot be packed: {error}"))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn cut_short(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => cut_short_at_end(),
        _ => Error::Backup(format!("the backup cannot be read: {error}")),
    }
}

fn cut_short_at_end() -> Error {
    Error::Backup("the backup was cut short: its end is missing".to_owned())
}

fn changed() -> Error {
    Error::Backup("the backup is not what was written: its checksum is wrong".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> BackupHeader {
        BackupHeader {
            version: "0.1.0".to_owned(),
            schema: 2,
            namespace: "n".to_owned(),
            name: "d".to_owned(),
            made_at: "now".to_owned(),
            keyspace: KeyspaceVersion::default(),
        }
    }

    /// A backup of 300 rows in some chunks, and the rows.
    fn backup() -> (Vec<u8>, Vec<Row>) {
        let value = |n: usize| (0..n * 37).map(|at| u8::try_from(at * n % 251).unwrap()).collect::<Vec<u8>>();
        let rows: Vec<Row> = (0..300).map(|n| (format!("/key{n}").into_bytes(), value(n))).collect();
        let (mut writer, first) = Writer::begin(&header()).unwrap();
        let mut bytes = first.to_vec();
        for (key, value) in &rows {
            bytes.extend(writer.add(key, value).unwrap().unwrap_or_default());
        }
        let (last, count) = writer.end().unwrap();
        assert_eq!(count, 300);
        bytes.extend(last);
        (bytes, rows)
    }

    fn verify_bytes(bytes: &[u8]) -> Result<(BackupHeader, u64)> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        verify(file.path())
    }

    #[test]
    fn what_was_written_is_read_back() {
        let (bytes, rows) = backup();
        assert_eq!(verify_bytes(&bytes).unwrap(), (header(), 300));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        let mut reader = Reader::open(file.path()).unwrap();
        let mut read = Vec::new();
        let mut chunks = 0;
        while let Some(chunk) = reader.next_chunk().unwrap() {
            read.extend(chunk);
            chunks += 1;
        }
        assert!(chunks > 1 && read == rows, "{chunks}");
    }

    #[test]
    fn a_backup_that_was_cut_short_or_changed_anywhere_is_refused() {
        let (bytes, _) = backup();
        for at in (0..bytes.len()).step_by(997).chain([bytes.len() - 1, bytes.len() - 33]) {
            assert!(matches!(verify_bytes(&bytes[..at]), Err(Error::Backup(_))), "cut at {at}");
            let mut other = bytes.clone();
            other[at] ^= 0x20;
            assert!(matches!(verify_bytes(&other), Err(Error::Backup(_))), "changed at {at}");
        }
        let longer = [bytes.as_slice(), b"x"].concat();
        assert!(matches!(verify_bytes(&longer), Err(Error::Backup(_))));
        let said = verify_bytes(b"-- OPTION IMPORT;").unwrap_err().to_string();
        assert_eq!(said, "it is no backup of Broadsheet");
    }
}
