//! Opening the database, and the one handle on it.

use std::{future::Future, path::PathBuf, sync::Arc, time::Duration};

use surrealdb::{
    Surreal,
    engine::any::{self, Any},
    opt::{Config, auth::Root},
};
use tokio::runtime::Handle;

use super::{
    Error, Result, migrate,
    query::{self, Answers, Query},
};

/// Where the database is and how to get in.
#[derive(Debug, Clone)]
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
    database: Arc<Surreal<Any>>,
    runtime: Handle,
    is_embedded: bool,
    cache: usize,
}

impl Store {
    /// Opens the database, creates it if it is not there, and brings its schema up to date.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has it open, [`Error::NewerSchema`] when a newer version wrote it,
    /// [`Error::Unavailable`] for everything else.
    pub async fn open(settings: &Database, runtime: Handle) -> Result<Self> {
        let settings = settings.clone();
        let is_embedded = settings.is_embedded();
        let cache = settings.cache;
        let database = runtime
            .spawn(async move {
                let database = connect(&settings).await?;
                migrate::run(&database).await?;
                Ok::<_, Error>(Arc::new(database))
            })
            .await
            .map_err(|error| Error::Unavailable(error.to_string()))??;
        Ok(Self { database, runtime, is_embedded, cache })
    }

    /// Whether this process is the database's only writer.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.is_embedded
    }

    /// Room for the in-process caches; none when other nodes write, too.
    pub(super) fn cache(&self) -> usize {
        if self.is_embedded { self.cache } else { 0 }
    }

    /// The work runtime.
    #[must_use]
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Runs a future to its end on the work runtime, even if the caller goes away.
    ///
    /// # Errors
    /// What the future answers, or [`Error::Unavailable`] if it panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.runtime.spawn(work).await.map_err(|error| Error::Unavailable(error.to_string()))?
    }

    /// Runs a query that writes nothing.
    pub(super) async fn read(&self, query: Query) -> Result<Answers> {
        let database = Arc::clone(&self.database);
        self.run(async move { query::once(&database, query).await }).await
    }

    /// Runs a statement or transaction that writes; conflicts are retried.
    pub(super) async fn write(&self, query: Query) -> Result<Answers> {
        let database = Arc::clone(&self.database);
        self.run(query::with_retry(database, query)).await
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
