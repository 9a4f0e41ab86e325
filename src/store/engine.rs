//! The engine under the handle: embedded in this process, or on a server. The only file that opens one.

use std::{fmt::Display, fs, path::Path, sync::Arc, time::Duration};

use surrealdb::{
    IndexedResults, Surreal,
    engine::{
        any::{self, Any},
        local::Db,
    },
    opt::{Config, auth::Root},
    types::Object,
};
use surrealdb_core::kvs::Datastore;

use super::{Database, Error, Result, backup, memory::Memory, roads::records::Records};

/// An idle node would write every 3 s only to say that it is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(60);
/// How long the first writes to an embedded database may take. SurrealDB repeats them for two minutes when they fail, but after a
/// failed write RocksDB takes no other until it is opened again.
const FIRST_WRITES: Duration = Duration::from_secs(10);

/// An open database.
pub(super) enum Engine {
    /// In this process. The datastore is what the session and the records work on.
    Embedded { session: Surreal<Db>, datastore: Arc<Datastore>, records: Option<Records> },
    /// On a server.
    Remote(Surreal<Any>),
}

impl Engine {
    /// Opens a database, and creates it if it is not there.
    pub(super) async fn open(settings: &Database) -> Result<Self> {
        if !settings.is_embedded() {
            return Self::remote(settings).await;
        }
        if let Some(folder) = settings.folder() {
            backup::refuse_half_restored(&folder)?;
            make(&folder)?;
        }
        let datastore = datastore(settings).await?;
        let started = tokio::time::timeout(FIRST_WRITES, start(&datastore)).await;
        let started = started.unwrap_or_else(|_| Err(Error::Unavailable("its first writes do not succeed".to_owned())));
        if let Err(error) = started {
            // Its threads keep the folder's lock until they are told to end.
            datastore.shutdown().await.map_err(failed)?;
            return Err(error);
        }
        let session = Surreal::<Db>::unstable_from_datastore(Arc::clone(&datastore), None).await?;
        session.use_ns(&settings.namespace).use_db(&settings.name).await?;
        Ok(Self::Embedded { session, datastore, records: None })
    }

    async fn remote(settings: &Database) -> Result<Self> {
        let config = Config::new().node_membership_refresh_interval(SIGN_OF_LIFE);
        let session = any::connect((settings.url.as_str(), config)).await?;
        if !settings.username.is_empty() {
            session.signin(Root { username: settings.username.clone(), password: settings.password.clone() }).await?;
        }
        session.use_ns(&settings.namespace).use_db(&settings.name).await?;
        Ok(Self::Remote(session))
    }

    /// Runs SurrealQL.
    pub(super) async fn query(&self, text: String, parameters: Object) -> surrealdb::Result<IndexedResults> {
        match self {
            Self::Embedded { session, .. } => session.query(text).bind(parameters).await,
            Self::Remote(session) => session.query(text).bind(parameters).await,
        }
    }

    /// Lets an embedded database's rows be written and read without `SurrealQL`, as its catalogue is now.
    pub(super) async fn open_records(&mut self, settings: &Database) -> Result<()> {
        if let Self::Embedded { datastore, records, .. } = self {
            *records = Records::open(datastore, &settings.namespace, &settings.name).await?;
        }
        Ok(())
    }

    /// The rows of an embedded database, if they may be written and read without `SurrealQL`.
    pub(super) const fn records(&self) -> Option<&Records> {
        match self {
            Self::Embedded { records, .. } => records.as_ref(),
            Self::Remote(_) => None,
        }
    }

    /// What an embedded session works on.
    pub(super) fn datastore(&self) -> Option<&Arc<Datastore>> {
        match self {
            Self::Embedded { datastore, .. } => Some(datastore),
            Self::Remote(_) => None,
        }
    }
}

/// Checks that this version can read an embedded database, and registers this process in it. SurrealDB's maintenance tasks are left
/// out: they serve what Broadsheet does not use (changefeeds, asynchronous events, full-text indexes, several nodes), and on a
/// broken disk closing would wait half a minute for them.
async fn start(datastore: &Datastore) -> Result<()> {
    datastore.check_version().await.map_err(failed)?;
    datastore.bootstrap().await.map_err(failed)
}

/// The key-value store of an embedded database, with nothing running on it and nothing written to it.
pub(super) async fn datastore(settings: &Database) -> Result<Arc<Datastore>> {
    let memory = Memory::of(settings.memory);
    if settings.folder().is_some() {
        tracing::info!("the database's memory is {memory}");
    }
    Datastore::builder()
        .with_config(memory.settings())
        .without_maintenance_tasks()
        .build_with_path(&settings.url)
        .await
        .map_err(failed)
}

/// What SurrealDB's own parts say when they fail.
pub(super) fn failed(error: impl Display) -> Error {
    Error::of_text(error.to_string())
}

fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)
        .map_err(|error| Error::Unavailable(format!("cannot make the folder {}: {error}", folder.display())))
}
