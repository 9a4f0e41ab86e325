//! Taking a backup: one read transaction of SurrealDB's sees one moment, whatever is written meanwhile.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use surrealdb_core::kvs::{
    Datastore,
    copy::{self, KeyRole, KeyspaceVersion},
};
use surrealdb_datastore::{Direction, Transaction, TransactionType};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::{BackupHeader, format::Writer};
use crate::{
    domain::Timestamp,
    store::{Error, Result, Store, engine, migrate},
};

/// How many rows are read at a time: posts are large.
const BATCH: u32 = 64;
/// Pieces that wait for whoever takes them.
const WAITING: usize = 4;
/// Nobody may keep a snapshot open by taking nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// Takes backups of the open database, one at a time.
#[derive(Clone)]
pub struct Backups {
    store: Store,
    turn: Arc<Semaphore>,
}

impl Backups {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone(), turn: Arc::new(Semaphore::new(1)) }
    }

    /// Begins a backup and answers its pieces. An error comes as the last of them; without its end no backup is one.
    ///
    /// # Errors
    /// [`Error::Conflict`] while another one is being taken, [`Error::Backup`] if the database is a server's.
    pub fn take(&self, now: Timestamp) -> Result<mpsc::Receiver<Result<Bytes>>> {
        let turn = Arc::clone(&self.turn).try_acquire_owned();
        let turn = turn.map_err(|_| Error::Conflict("a backup is being taken".to_owned()))?;
        if !self.store.is_embedded() {
            let text = "this database is a SurrealDB server's: back it up there, with surreal export";
            return Err(Error::Backup(text.to_owned()));
        }
        let (pieces, taken) = mpsc::channel(WAITING);
        let store = self.store.clone();
        self.store.runtime().spawn(async move {
            if let Err(error) = store.back_up(now, &pieces, turn).await {
                tracing::warn!(%error, "a backup has failed");
                // If nobody listens any more, nobody needs to know.
                let _ = pieces.send(Err(error)).await;
            }
        });
        Ok(taken)
    }
}

impl Store {
    async fn back_up(
        &self,
        now: Timestamp,
        pieces: &mpsc::Sender<Result<Bytes>>,
        _turn: OwnedSemaphorePermit,
    ) -> Result<()> {
        let connection = self.connection()?;
        let datastore = connection.engine().datastore().cloned();
        let datastore = datastore.ok_or_else(|| Error::Backup("there is nothing to back up here".to_owned()))?;
        let (namespace, name) = self.names();
        let copying = async move {
            let transaction = begin(&datastore).await?;
            let copied = copy_all(&transaction, header(&transaction, now, namespace, name).await?, pieces).await;
            transaction.cancel().await.map_err(engine::failed)?;
            copied
        };
        let rows = connection.run(copying).await?;
        tracing::info!(rows, "took a backup");
        Ok(())
    }
}

async fn begin(datastore: &Datastore) -> Result<Transaction> {
    datastore.transaction(TransactionType::Read).await.map_err(engine::failed)
}

async fn header(transaction: &Transaction, now: Timestamp, namespace: String, name: String) -> Result<BackupHeader> {
    Ok(BackupHeader {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        schema: migrate::newest(),
        namespace,
        name,
        made_at: now.to_string(),
        keyspace: KeyspaceVersion::read(transaction).await.map_err(engine::failed)?,
    })
}

/// Sends all rows that the transaction sees; answers how many.
async fn copy_all(
    transaction: &Transaction,
    header: BackupHeader,
    pieces: &mpsc::Sender<Result<Bytes>>,
) -> Result<u64> {
    let (mut writer, first) = Writer::begin(&header)?;
    send(pieces, first).await?;
    let all = transaction.open_vals_cursor_raw(copy::keyspace(), Direction::Forward, 0, None).await;
    let mut all = all.map_err(engine::failed)?;
    loop {
        let mut full = Vec::new();
        let batch = all.next_batch(BATCH).await.map_err(engine::failed)?;
        if batch.is_empty() {
            break;
        }
        for (key, value) in batch.iter() {
            if copy::key_role(key) != KeyRole::Skipped {
                full.extend(writer.add(key, value)?);
            }
        }
        for piece in full {
            send(pieces, piece).await?;
        }
    }
    let (last, rows) = writer.end()?;
    send(pieces, last).await?;
    Ok(rows)
}

async fn send(pieces: &mpsc::Sender<Result<Bytes>>, piece: Bytes) -> Result<()> {
    match tokio::time::timeout(PATIENCE, pieces.send(Ok(piece))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Error::Backup("nobody takes the backup any more".to_owned())),
        Err(_) => Err(Error::Backup(format!("nobody took a piece of the backup within {PATIENCE:?}"))),
    }
}
