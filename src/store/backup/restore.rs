//! Restoring a backup: into a folder beside the database's own, which gets its name when everything is on disk. So a restore that
//! is cut short leaves a folder that no server starts from.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use surrealdb_core::kvs::{
    Datastore,
    copy::{self, KeyRole},
};
use surrealdb_datastore::{Key, TransactionType};

use super::{
    BackupHeader,
    format::{Reader, Row, verify},
};
use crate::store::{Database, Error, Result, engine, migrate};

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What the backup says about itself.
    pub header: BackupHeader,
    /// How many rows there are now.
    pub rows: u64,
    /// Where.
    pub folder: PathBuf,
}

/// Fills the empty folder of an embedded database from a backup. Call it on the work runtime.
///
/// # Errors
/// [`Error::Backup`] if the file is refused or the folder is not empty; nothing was changed then.
pub async fn restore(file: &Path, settings: &Database) -> Result<Restored> {
    let folder = settings.folder();
    let folder = folder.ok_or_else(|| Error::Backup("a backup is restored into a folder; set data_dir".to_owned()))?;
    let (header, rows) = verify(file)?;
    fits(&header, settings)?;
    let parent = folder.parent().map_or_else(PathBuf::new, Path::to_owned);
    let parent = if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent };
    fs::create_dir_all(&parent).map_err(|error| cannot(&parent, &error))?;
    let lock = File::open(&parent).map_err(|error| cannot(&parent, &error))?;
    lock.try_lock().map_err(|_| Error::Locked(format!("something is being restored into {}", parent.display())))?;
    refuse_full(&folder)?;
    let half = half_restored(&folder);
    match fs::remove_dir_all(&half) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot(&half, &error)),
        _ => fs::create_dir_all(&half).map_err(|error| cannot(&half, &error))?,
    }
    fill(file, settings, &half).await?;
    fs::rename(&half, &folder).and_then(|()| lock.sync_all()).map_err(|error| cannot(&folder, &error))?;
    Ok(Restored { header, rows, folder })
}

/// Refuses to open a database beside which a restore has not come to its end.
pub(in crate::store) fn refuse_half_restored(folder: &Path) -> Result<()> {
    let half = half_restored(folder);
    if half.exists() { Err(Error::HalfRestored(half.display().to_string())) } else { Ok(()) }
}

/// The folder that is filled before it gets the database's name.
fn half_restored(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".restoring");
    folder.with_file_name(name)
}

fn refuse_full(folder: &Path) -> Result<()> {
    let is_empty = fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
    if is_empty {
        return Ok(());
    }
    Err(Error::Backup(format!(
        "{} is not empty: a backup is restored into an empty folder; move the old database away first",
        folder.display()
    )))
}

/// Whether this version can start from the backup, under these settings.
fn fits(header: &BackupHeader, settings: &Database) -> Result<()> {
    if header.schema > migrate::newest() {
        return Err(Error::NewerSchema { found: header.schema, known: migrate::newest() });
    }
    header.keyspace.check().map_err(|error| Error::Backup(error.to_string()))?;
    if (&header.namespace, &header.name) == (&settings.namespace, &settings.name) {
        return Ok(());
    }
    let (namespace, name) = (&header.namespace, &header.name);
    Err(Error::Backup(format!(
        "the backup is of database.namespace = \"{namespace}\" and database.name = \"{name}\", and the configuration says otherwise"
    )))
}

async fn fill(file: &Path, settings: &Database, folder: &Path) -> Result<()> {
    let settings = Database { url: format!("rocksdb://{}?sync=every", folder.display()), ..settings.clone() };
    let datastore = engine::datastore(&settings).await?;
    let mut reader = Reader::open(file)?;
    let mut last = Vec::new();
    while let Some(rows) = reader.next_chunk()? {
        let is_last = |row: &Row| copy::key_role(&row.0) == KeyRole::Version;
        let (version, rows) = rows.into_iter().partition(is_last);
        last.extend::<Vec<Row>>(version);
        write(&datastore, rows).await?;
    }
    // The version comes last: without it nobody takes the keys for a whole database.
    write(&datastore, last).await?;
    datastore.shutdown().await.map_err(engine::failed)
}

async fn write(datastore: &Datastore, rows: Vec<Row>) -> Result<()> {
    let transaction = datastore.transaction(TransactionType::Write).await.map_err(engine::failed)?;
    for (key, value) in rows {
        transaction.set(Key::from(key), value).await.map_err(engine::failed)?;
    }
    transaction.commit().await.map_err(engine::failed)
}

fn cannot(path: &Path, error: &io::Error) -> Error {
    Error::Backup(format!("cannot restore into {}: {error}", path.display()))
}
