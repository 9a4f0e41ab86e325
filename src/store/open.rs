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

use parking_lot::RwLock;
use surrealdb::{
    Surreal,
    engine::any::{self, Any},
    opt::{Config, auth::Root},
};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{
    Error, Result, Room,
    batch::Batch,
    migrate,
    query::{self, Answers, Query},
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
}

/// The open database. Runs every operation as a task of its own on the work runtime, so that a cancelled request or a
/// restarted actor never cuts a transaction in half.
#[derive(Clone)]
pub struct Store {
    opened: Arc<Opened>,
    /// Makes this handle fail as if its process had been killed.
    #[cfg(test)]
    fuse: Option<Arc<super::fuse::Fuse>>,
}

struct Opened {
    /// Empty while the database is being opened anew.
    database: RwLock<Option<Connection>>,
    settings: Database,
    runtime: Handle,
    /// Whether a write has failed since the database was last seen to work.
    is_troubled: AtomicBool,
}

/// A database that is open. What runs on it is given up when it is closed: on a broken disk SurrealDB tries some writes for ever.
#[derive(Clone)]
struct Connection {
    database: Arc<Surreal<Any>>,
    closed: CancellationToken,
}

impl Connection {
    fn new(database: Surreal<Any>) -> Self {
        Self { database: Arc::new(database), closed: CancellationToken::new() }
    }

    /// Runs a query, as long as the connection is to stay open.
    async fn run<T>(self, query: impl Future<Output = Result<T>>) -> Result<T> {
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
        let opened = Opened {
            database: RwLock::default(),
            settings: settings.clone(),
            runtime,
            is_troubled: AtomicBool::default(),
        };
        let store = Self {
            opened: Arc::new(opened),
            #[cfg(test)]
            fuse: None,
        };
        let little = store.little_room();
        match (store.connect().await, little) {
            (Err(Error::Unavailable(_)), Some(room)) => Err(Error::NoRoom(room)),
            (connected, _) => connected.map(|()| store),
        }
    }

    /// The room on the database's disk, if it is too little to open the database.
    fn little_room(&self) -> Option<Room> {
        let folder = folder(&self.opened.settings.url)?;
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

    async fn connect(&self) -> Result<()> {
        let settings = self.opened.settings.clone();
        let connecting = async move {
            let database = connect(&settings).await?;
            migrate::run(&database).await?;
            Ok(database)
        };
        let database = self.run(connecting).await?;
        *self.opened.database.write() = Some(Connection::new(database));
        Ok(())
    }

    fn connection(&self) -> Result<Connection> {
        let database = self.opened.database.read().clone();
        database.ok_or_else(|| Error::Unavailable("it is being opened anew".to_owned()))
    }

    /// Whether this process is the database's only writer.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.opened.settings.is_embedded()
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
        let connection = self.connection()?;
        #[cfg(test)]
        self.check_fuse()?;
        let surreal = Arc::clone(&connection.database);
        self.run(connection.run(async move { query::once(&surreal, query).await })).await
    }

    /// Runs a statement or transaction that writes; conflicts are retried.
    pub(super) async fn write(&self, query: Query) -> Result<Answers> {
        let connection = self.connection()?;
        #[cfg(test)]
        self.check_fuse()?;
        let surreal = Arc::clone(&connection.database);
        let written = self.run(connection.run(query::with_retry(surreal, query))).await;
        #[cfg(test)]
        self.burn_fuse().await?;
        if matches!(written, Err(Error::Unavailable(_))) {
            self.opened.is_troubled.store(true, Ordering::Relaxed);
        }
        written
    }

    /// Commits a batch whose rows are probably new: that costs less than to look for each. If one exists after all, because
    /// something is done again after a crash, the batch is committed as it says.
    pub(super) async fn write_new(&self, batch: Batch) -> Result<()> {
        match self.write(batch.clone().all_new().into_transaction()).await {
            Err(Error::Exists(_)) => self.write(batch.into_transaction()).await.map(drop),
            written => written.map(drop),
        }
    }

    /// Opens an embedded database anew if it has stopped to take writes although its disk has room: after a full disk
    /// RocksDB refuses all writes until it is opened again. Says whether there was anything to do.
    ///
    /// # Errors
    /// When the database still does not work; the next call tries again.
    pub async fn heal(&self) -> Result<bool> {
        if !self.opened.is_troubled.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let ping = self.ping().await;
        if ping.is_err() && folder(&self.opened.settings.url).is_some() {
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
            match self.connect().await {
                Err(Error::Locked(_)) if tries < TRIES => {}
                connected => return connected,
            }
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
    pub(crate) fn with_fuse(&self, fuse: Arc<super::fuse::Fuse>) -> Self {
        Self { opened: Arc::clone(&self.opened), fuse: Some(fuse) }
    }

    fn check_fuse(&self) -> Result<()> {
        self.fuse.as_ref().map_or(Ok(()), |fuse| fuse.check())
    }

    async fn burn_fuse(&self) -> Result<()> {
        let Some(fuse) = &self.fuse else { return Ok(()) };
        fuse.answer().await;
        fuse.burn()
    }
}

async fn connect(settings: &Database) -> Result<Surreal<Any>> {
    if let Some(folder) = folder(&settings.url) {
        std::fs::create_dir_all(&folder)
            .map_err(|error| Error::Unavailable(format!("cannot make the folder {}: {error}", folder.display())))?;
    }
    // An idle embedded node would sync to disk every 3 s only to say that it is alive.
    let config = Config::new().node_membership_refresh_interval(Duration::from_secs(60));
    let database = any::connect((settings.url.as_str(), config)).await?;
    if !settings.is_embedded() && !settings.username.is_empty() {
        database.signin(Root { username: settings.username.clone(), password: settings.password.clone() }).await?;
    }
    database.use_ns(&settings.namespace).use_db(&settings.name).await?;
    Ok(database)
}

fn folder(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("rocksdb://")?;
    Some(PathBuf::from(path.split('?').next().unwrap_or(path)))
}
