//! Opening the database, and the one handle on it.

use std::{
    fmt,
    future::Future,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::{Mutex, RwLock};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{
    Error, Result, Room,
    damage::Damage,
    engine::Engine,
    migrate,
    query::{self, Answers, Query},
    wal,
    witness::Witness,
};

/// Where the database is and how to get in.
#[derive(Clone)]
pub struct Database {
    /// `rocksdb://folder?sync=every`, `mem://` or `ws://host:port`.
    pub url: String,
    /// For a remote server only.
    pub username: String,
    /// For a remote server only.
    pub password: String,
    /// SurrealDB's namespace.
    pub namespace: String,
    /// SurrealDB's database.
    pub name: String,
    /// How many posts and how many accounts the in-process caches hold; used only when this process is the only writer.
    pub cache: usize,
    /// How much memory an embedded database may take for its cache and its write buffers, in bytes.
    pub memory: u64,
    /// Whether an embedded database's rows are written and read as records, without `SurrealQL`, where both mean the same.
    pub records: bool,
}

impl fmt::Debug for Database {
    /// Without what gets one in: neither the password nor the URL, which may hold one, too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("namespace", &self.namespace).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Database {
    /// Whether the database lives in this process, which is then its only writer.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        !(self.url.starts_with("ws://") || self.url.starts_with("wss://"))
    }

    /// The folder of an embedded database on disk.
    #[must_use]
    pub fn folder(&self) -> Option<PathBuf> {
        let path = self.url.strip_prefix("rocksdb://")?;
        Some(PathBuf::from(path.split('?').next().unwrap_or(path)))
    }
}

/// The open database. Runs every operation as a task of its own on the work runtime, so that a cancelled request or a
/// restarted actor never cuts a transaction in half.
#[derive(Clone)]
pub struct Store {
    opened: Arc<Opened>,
    /// Makes this handle fail as if its process had been killed.
    #[cfg(test)]
    fail_point: Option<Arc<super::fail_point::FailPoint>>,
}

struct Opened {
    /// Empty while the database is being opened anew.
    database: RwLock<Option<Connection>>,
    settings: Database,
    runtime: Handle,
    /// Whether a write has failed since the database was last seen to work.
    is_troubled: AtomicBool,
    /// What was found lost when it was opened.
    losses: Mutex<Vec<String>>,
    damage: Damage,
    witness: Witness,
}

/// A database that is open. What runs on it is given up when it is closed: on a broken disk SurrealDB tries some writes for ever.
#[derive(Clone)]
pub(super) struct Connection {
    database: Arc<Engine>,
    closed: CancellationToken,
}

impl Connection {
    fn new(database: Engine) -> Self {
        Self { database: Arc::new(database), closed: CancellationToken::new() }
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.database
    }

    /// Runs a query, as long as the connection is to stay open.
    pub(super) async fn run<T>(self, query: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            done = query => done,
            () = self.closed.cancelled() => Err(Error::Unavailable("it was closed because it takes no writes".to_owned())),
        }
    }
}

impl Store {
    /// Opens the database, creates it if it is not there, and brings its schema up to date.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has it open, [`Error::NewerSchema`] when a newer version wrote it,
    /// [`Error::NoRoom`] when its disk is too full for it, [`Error::Unavailable`] for everything else.
    pub async fn open(settings: &Database, runtime: Handle) -> Result<Self> {
        let store = Self::closed(settings, runtime);
        store.connect_first(true).await?;
        Ok(store)
    }

    /// Opens a database as it is, whatever its schema, for those who only look at it.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn inspect(settings: &Database, runtime: Handle) -> Result<Self> {
        let store = Self::closed(settings, runtime);
        store.connect_first(false).await?;
        Ok(store)
    }

    fn closed(settings: &Database, runtime: Handle) -> Self {
        let opened = Opened {
            database: RwLock::default(),
            settings: settings.clone(),
            runtime,
            is_troubled: AtomicBool::default(),
            losses: Mutex::default(),
            damage: Damage::default(),
            witness: Witness::new(settings.folder()),
        };
        Self {
            opened: Arc::new(opened),
            #[cfg(test)]
            fail_point: None,
        }
    }

    /// The room on the database's disk, if it is too little to open the database.
    fn little_room(&self) -> Option<Room> {
        let folder = self.opened.settings.folder()?;
        Room::of(&folder).ok().filter(|room| !room.is_enough())
    }

    /// Why the database does not answer, for operators, as far as that can be seen from outside.
    #[must_use]
    pub fn symptom(&self) -> String {
        self.little_room().map_or_else(
            || "the database does not answer; look at the log and at the disk".to_owned(),
            |room| format!("the database does not answer; {room}"),
        )
    }

    /// Opens the database for the first time in this process, and tells what was lost since it was open last.
    async fn connect_first(&self, migrates: bool) -> Result<()> {
        let folder = self.opened.settings.folder();
        let lost = folder.and_then(|folder| {
            let looked = wal::look_through(&folder);
            looked.inspect_err(|error| tracing::warn!(%error, "the write-ahead log cannot be looked through")).ok()?
        });
        let little = self.little_room();
        if let Err(error) = self.connect(migrates).await {
            lost.iter().for_each(wal::forget);
            return match (error, little) {
                (Error::Unavailable(_), Some(room)) => Err(Error::NoRoom(room)),
                (error, _) => Err(error),
            };
        }
        let mut losses: Vec<String> = lost.iter().map(ToString::to_string).collect();
        let (store, connection) = (self.clone(), self.connection()?);
        losses.extend(self.run(async move { store.opened.witness.compare(connection.engine()).await }).await?);
        for loss in &losses {
            tracing::error!("writes were lost: {loss}");
        }
        *self.opened.losses.lock() = losses;
        Ok(())
    }

    /// What was found lost when the database was opened.
    pub(super) fn losses(&self) -> Vec<String> {
        self.opened.losses.lock().clone()
    }

    /// The name of a file of the database that is known to be damaged.
    #[must_use]
    pub fn damage(&self) -> Option<String> {
        self.opened.damage.known()
    }

    async fn connect(&self, migrates: bool) -> Result<()> {
        let settings = self.opened.settings.clone();
        let connecting = async move {
            let mut database = Engine::open(&settings).await?;
            if migrates {
                migrate::run(&database).await?;
            }
            if settings.records {
                database.open_records(&settings).await?;
            }
            Ok(database)
        };
        let database = self.run(connecting).await?;
        *self.opened.database.write() = Some(Connection::new(database));
        Ok(())
    }

    pub(super) fn connection(&self) -> Result<Connection> {
        let database = self.opened.database.read().clone();
        database.ok_or_else(|| Error::Unavailable("it is being opened anew".to_owned()))
    }

    /// Whether a write has failed since the database was last seen to work.
    #[must_use]
    pub fn is_troubled(&self) -> bool {
        self.opened.is_troubled.load(Ordering::Relaxed)
    }

    /// Whether this process is the database's only writer.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.opened.settings.is_embedded()
    }

    /// SurrealDB's namespace, and the database in it.
    pub(super) fn names(&self) -> (String, String) {
        (self.opened.settings.namespace.clone(), self.opened.settings.name.clone())
    }

    /// Room for the in-process caches; none when other nodes write, too.
    pub(super) fn cache(&self) -> usize {
        if self.is_embedded() { self.opened.settings.cache } else { 0 }
    }

    /// The work runtime.
    #[must_use]
    pub fn runtime(&self) -> &Handle {
        &self.opened.runtime
    }

    /// Runs a future to its end on the work runtime, even if the caller goes away.
    ///
    /// # Errors
    /// What the future answers, or [`Error::Unavailable`] if it panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.opened.runtime.spawn(work).await.map_err(|error| Error::Unavailable(error.to_string()))?
    }

    /// Runs a query that writes nothing.
    pub(super) async fn read(&self, query: Query) -> Result<Answers> {
        self.reading(|engine| async move { query::once(&engine, query).await }).await
    }

    /// Runs something that writes nothing.
    pub(super) async fn reading<T, F>(&self, read: impl FnOnce(Arc<Engine>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let connection = self.connection()?;
        #[cfg(test)]
        self.check_fail_point()?;
        let engine = Arc::clone(&connection.database);
        let read = self.run(connection.run(read(engine))).await;
        read.inspect_err(|error| self.opened.damage.note(error))
    }

    /// Runs a statement or transaction that writes; conflicts are retried.
    pub(super) async fn write(&self, query: Query) -> Result<Answers> {
        self.writing(|engine| query::with_retry(engine, query)).await
    }

    /// Runs something that writes, and notices whether the database still takes writes.
    pub(super) async fn writing<T, F>(&self, write: impl FnOnce(Arc<Engine>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let connection = self.connection()?;
        #[cfg(test)]
        self.check_fail_point()?;
        let engine = Arc::clone(&connection.database);
        let written = self.run(connection.run(write(engine))).await;
        #[cfg(test)]
        self.burn_fail_point().await?;
        match &written {
            Ok(_) => self.bear_witness(),
            Err(error) => {
                self.opened.damage.note(error);
                if matches!(error, Error::Unavailable(_)) {
                    self.opened.is_troubled.store(true, Ordering::Relaxed);
                }
            }
        }
        written
    }

    /// Writes down how far the database has come, now and then.
    fn bear_witness(&self) {
        if self.opened.witness.is_due() {
            let store = self.clone();
            self.opened.runtime.spawn(async move {
                if let Ok(connection) = store.connection() {
                    let engine = Arc::clone(&connection.database);
                    let witness = &store.opened.witness;
                    let _ = connection.run(async move { witness.write(&engine).await }).await;
                }
                store.opened.witness.rest();
            });
        }
    }

    /// Opens an embedded database anew if it has stopped to take writes although its disk has room: after a full disk
    /// RocksDB refuses all writes until it is opened again. Says whether there was anything to do.
    ///
    /// # Errors
    /// When the database still does not work; the next call tries again.
    pub async fn heal(&self) -> Result<bool> {
        if !self.is_troubled() {
            return Ok(false);
        }
        let ping = self.ping().await;
        if ping.is_err() && self.opened.settings.folder().is_some() {
            // Until then it goes on answering reads; one that was closed and cannot be opened answers nothing.
            if let Some(room) = self.little_room() {
                return Err(Error::NoRoom(room));
            }
            tracing::warn!("the database takes no writes although its disk has room; opening it anew");
            self.reopen().await?;
            self.ping().await?;
            tracing::info!("the database works again");
        } else {
            ping?;
        }
        self.opened.is_troubled.store(false, Ordering::Relaxed);
        Ok(true)
    }

    /// Queries that still run keep the old handle, and the folder's lock goes with the last of them; so they are given up.
    async fn reopen(&self) -> Result<()> {
        const TRIES: usize = 100;
        const PAUSE: Duration = Duration::from_millis(100);
        if let Some(connection) = self.opened.database.write().take() {
            connection.closed.cancel();
        }
        let mut tries = 0;
        loop {
            tokio::time::sleep(PAUSE).await;
            tries += 1;
            match self.connect(true).await {
                Err(Error::Locked(_)) if tries < TRIES => {}
                connected => return connected,
            }
        }
    }

    /// Closes an embedded database for good, and waits until its files are closed; the process may end then.
    pub async fn close(&self) {
        let connection = self.opened.database.write().take();
        let Some(connection) = connection else { return };
        connection.closed.cancel();
        if let Some(datastore) = connection.database.datastore()
            && let Err(error) = datastore.shutdown().await
        {
            tracing::warn!(%error, "the database was not closed in order");
        }
    }

    /// Whether the database answers within two seconds.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it does not.
    pub async fn ping(&self) -> Result<()> {
        let ping = self.write(Query::new("UPSERT probe:readiness SET at = time::now() RETURN NONE"));
        match tokio::time::timeout(Duration::from_secs(2), ping).await {
            Ok(answer) => answer.map(drop),
            Err(_) => Err(Error::Unavailable("no answer within 2 s".to_owned())),
        }
    }
}

#[cfg(test)]
impl Store {
    /// The same database for another process, which dies after so many writes.
    pub(crate) fn with_fail_point(&self, fail_point: Arc<super::fail_point::FailPoint>) -> Self {
        Self { opened: Arc::clone(&self.opened), fail_point: Some(fail_point) }
    }

    fn check_fail_point(&self) -> Result<()> {
        self.fail_point.as_ref().map_or(Ok(()), |fail_point| fail_point.check())
    }

    async fn burn_fail_point(&self) -> Result<()> {
        let Some(fail_point) = &self.fail_point else { return Ok(()) };
        fail_point.answer().await;
        fail_point.burn()
    }
}
