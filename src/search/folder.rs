//! The index in a folder: opened if it is intact and ours, otherwise emptied and created again. Only files written by
//! Tantivy are ever deleted.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tantivy::{
    Directory, IndexReader, IndexSettings, ReloadPolicy, TantivyError,
    directory::{
        INDEX_WRITER_LOCK, MmapDirectory,
        error::{LockError, OpenReadError},
    },
    schema::Schema,
};

use super::{Error, positions};

const META: &str = "meta.json";
const MANAGED: &str = ".managed.json";

/// What a folder contains.
enum Found {
    Sound(tantivy::Index),
    Unusable(String),
}

/// Opens or creates the index in the folder, while holding its writer lock. The check reads every file once, which
/// takes about a second per gigabyte and leaves them in the page cache.
pub(super) fn open(folder: &Path, schema: &Schema) -> Result<tantivy::Index, Error> {
    let failed = |source| Error::Folder { folder: folder.to_path_buf(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    let directory = MmapDirectory::open(folder).map_err(TantivyError::from)?;
    let _lock = directory.acquire_lock(&INDEX_WRITER_LOCK).map_err(|error| refused(error.into(), Some(folder)))?;
    if folder.join(META).try_exists().map_err(failed)? {
        match look(directory.clone(), schema)? {
            Found::Sound(index) => return Ok(index),
            Found::Unusable(reason) => {
                let folder = folder.display();
                tracing::warn!(%folder, reason, "emptied the search index; it has to be rebuilt");
            }
        }
    }
    empty(folder).map_err(failed)?;
    Ok(tantivy::Index::create(directory, schema.clone(), IndexSettings::default())?)
}

/// Names the folder in an error that means that another process writes there.
pub(super) fn refused(error: TantivyError, folder: Option<&Path>) -> Error {
    let is_locked = matches!(error, TantivyError::LockFailure(LockError::LockBusy, _));
    match folder {
        Some(folder) if is_locked => Error::Locked(folder.to_path_buf()),
        _ => Error::Index(error),
    }
}

fn look(directory: MmapDirectory, schema: &Schema) -> Result<Found, Error> {
    match inspect(directory, schema) {
        Ok(found) => Ok(found),
        Err(error) if is_damage(&error) => Ok(Found::Unusable(error.to_string())),
        Err(error) => Err(Error::Index(error)),
    }
}

fn inspect(directory: MmapDirectory, schema: &Schema) -> tantivy::Result<Found> {
    let index = tantivy::Index::open(directory)?;
    if index.schema() != *schema {
        return Ok(Found::Unusable("it was created by another version or for another language".to_owned()));
    }
    let damaged = index.validate_checksum()?;
    if !damaged.is_empty() {
        return Ok(Found::Unusable(format!("{} of its files are damaged", damaged.len())));
    }
    let payload = index.load_metas()?.payload;
    if payload.is_some_and(|payload| positions::decode(&payload).is_err()) {
        return Ok(Found::Unusable("its log positions are unreadable".to_owned()));
    }
    let reader: IndexReader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    drop(reader);
    Ok(Found::Sound(index))
}

/// Whether the files are damaged rather than unreachable: only then may they be discarded.
fn is_damage(error: &TantivyError) -> bool {
    let is_malformed = |error: &io::Error| {
        matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof)
    };
    match error {
        TantivyError::DataCorruption(_)
        | TantivyError::IncompatibleIndex(_)
        | TantivyError::SchemaError(_)
        | TantivyError::DeserializeError(_)
        | TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(_) | OpenReadError::IncompatibleIndex(_)) => true,
        TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. }) | TantivyError::IoError(io_error) => {
            is_malformed(io_error)
        }
        _ => false,
    }
}

fn empty(folder: &Path) -> io::Result<()> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_index_file) && entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    files.iter().try_for_each(fs::remove_file)
}

/// The engine's files: two lists, and files named after their segment, with 32 hexadecimal digits.
fn is_index_file(name: &str) -> bool {
    let is_segment = |stem: &str| stem.len() == 32 && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
    name == META || name == MANAGED || name.split_once('.').is_some_and(|(stem, _)| is_segment(stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_engines_files_count_as_its_own() {
        for name in ["meta.json", ".managed.json", "0123456789abcdef0123456789abcdef.store"] {
            assert!(is_index_file(name), "{name}");
        }
        for name in ["notes.txt", "0123456789abcdef0123456789abcdef", "metadata.json", ".tantivy-writer.lock", ""] {
            assert!(!is_index_file(name), "{name}");
        }
    }
}
