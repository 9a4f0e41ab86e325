//! `TestApp`: the real server on port 0 with an in-memory database and a clock that stands still until it is told to go.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Once,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use broadsheet::{
    actors::workers::{self, Registry},
    app::{App, work_runtime},
    clock::ManualClock,
    config::{Config, Count},
    store::Exception,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::client::{Client, Person};

/// How long a test waits for the workers before it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. When it is dropped it fails the test if deliveries or dead letters are left that the test has not
/// explained with [`TestApp::expect_exceptions`].
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) client: Client,
    pub(crate) folder: Arc<TempDir>,
    runtime: Option<Runtime>,
    is_explained: AtomicBool,
}

/// How a server settled.
pub(crate) type Settled = Vec<Exception>;

impl TestApp {
    /// The standard server.
    pub(crate) async fn spawn() -> Self {
        Self::spawn_with(|_| {}, workers::standard()).await
    }

    /// A server with other settings or workers.
    pub(crate) async fn spawn_with(change: impl FnOnce(&mut Config), registry: Registry) -> Self {
        Self::spawn_in(Arc::new(tempfile::tempdir().unwrap()), change, registry).await
    }

    /// A server on a folder that may have been used before; with `database.url` left empty it keeps its data there.
    pub(crate) async fn spawn_in(folder: Arc<TempDir>, change: impl FnOnce(&mut Config), registry: Registry) -> Self {
        log_when_asked();
        let mut config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        config.http.listen = "127.0.0.1:0".parse().unwrap();
        config.http.workers = 1;
        // Everybody comes from one address here.
        config.http.connections_per_address = Count::Exactly(100_000);
        config.database.url = "mem://".to_owned();
        config.rate_limit.enabled = false;
        // The port changes with every start; tokens are to outlive one.
        config.identity.issuer = "http://issuer.test".to_owned();
        config.identity.argon2_memory_kib = 64;
        config.identity.argon2_iterations = 1;
        config.search.writer_memory = "15MiB".parse().unwrap();
        config.shutdown.grace = Duration::from_secs(5).into();
        change(&mut config);
        let runtime = work_runtime().unwrap();
        let clock = Arc::new(ManualClock::at_system_time());
        let mut app = App::build_with(config, clock.clone(), &runtime, registry).await.unwrap();
        drop(app.serve());
        let client = Client::new(app.address);
        Self { app, clock, client, folder, runtime: Some(runtime), is_explained: AtomicBool::new(false) }
    }

    /// Somebody who has signed up, confirmed the address and signed in.
    pub(crate) async fn person(&self, handle: &str) -> Person {
        Person::sign_up(&self.client, &self.mail_folder(), handle).await
    }

    /// Waits until every worker has dealt with everything, except what waits for a later time or for somebody; answers
    /// what is left in the retry queue.
    pub(crate) async fn settle(&self) -> Settled {
        let until = Instant::now() + PATIENCE;
        let mut quiet = 0;
        while quiet < 3 {
            quiet = if self.app.is_settled() { quiet + 1 } else { 0 };
            assert!(Instant::now() < until, "the workers do not settle: {:#?}", self.statuses());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.exceptions().await
    }

    /// Lets time pass, then settles.
    pub(crate) async fn pass(&self, time: Duration) -> Settled {
        self.clock.advance(time);
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.settle().await
    }

    /// What is in the retry queue and in the dead letters.
    pub(crate) async fn exceptions(&self) -> Vec<Exception> {
        self.app.repositories.exceptions().list(1_000).await.unwrap()
    }

    /// The test knows of the exceptions that are left.
    pub(crate) fn expect_exceptions(&self) {
        self.is_explained.store(true, Ordering::Relaxed);
    }

    pub(crate) fn mail_folder(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    /// All mails, as text.
    pub(crate) fn mails(&self) -> Vec<String> {
        mails(&self.mail_folder())
    }

    /// Ends the server as a good operator would, and gives its folder back for the next one.
    pub(crate) async fn stop(self) -> Arc<TempDir> {
        self.expect_exceptions();
        self.app.drain().await;
        let folder = Arc::clone(&self.folder);
        let mut stopped = self;
        let runtime = stopped.runtime.take();
        // The database closes its files as a task of the runtime, after the last handle on it is gone.
        drop(stopped);
        let lock = folder.path().join("db/LOCK");
        let until = Instant::now() + PATIENCE;
        while is_open(&lock) {
            assert!(Instant::now() < until, "the database does not close");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        runtime.unwrap().shutdown_background();
        folder
    }

    pub(crate) fn statuses(&self) -> Vec<String> {
        let show = |worker: &broadsheet::actors::worker::Running| {
            format!("{}: {:?}", worker.status.name, worker.status.snapshot())
        };
        self.app.workers.iter().map(show).collect()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        if !self.is_explained.load(Ordering::Relaxed) && !std::thread::panicking() {
            let reads = self.app.repositories.exceptions();
            let (left, answer) = std::sync::mpsc::channel();
            runtime.spawn(async move { left.send(reads.list(10).await) });
            let exceptions = answer.recv().unwrap().unwrap();
            assert!(exceptions.is_empty(), "unexplained exceptions: {exceptions:#?}");
        }
        runtime.shutdown_background();
    }
}

/// Whether this process has a file open.
fn is_open(file: &Path) -> bool {
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    open.filter_map(|descriptor| std::fs::read_link(descriptor.ok()?.path()).ok()).any(|path| path == file)
}

/// All mails in a folder, as text.
pub(crate) fn mails(folder: &Path) -> Vec<String> {
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_mail = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "eml");
    let mut paths: Vec<PathBuf> = files.filter_map(|file| Some(file.ok()?.path())).filter(is_mail).collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// `BROADSHEET_TEST_LOG=debug cargo test …` shows what the server says.
fn log_when_asked() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if let Ok(level) = std::env::var("BROADSHEET_TEST_LOG") {
            let settings = broadsheet::config::LogSettings { level, ..Default::default() };
            broadsheet::telemetry::init(&settings).unwrap();
        }
    });
}
