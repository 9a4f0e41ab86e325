//! `broadsheet backup`: everything in one file, from a running server or from the data folder of a stopped one.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use clap::Args;
use reqwest::{Method, Response};
use serde_json::json;

use super::{output, server::Target};
use crate::{
    app,
    cli::{keep_to_ourselves, offline::DataFolder, remote::reason},
    clock::{Clock as _, SystemClock},
    store::{self, Repositories, Store},
};

/// A server that sends nothing for so long has gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// What `broadsheet backup` is told.
#[derive(Debug, Args)]
pub(in crate::cli) struct Backup {
    /// The file to write; it must not exist
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    folder: DataFolder,
}

impl Backup {
    /// Whether it is to be taken from a folder, not from a server.
    pub(super) fn is_offline(&self) -> bool {
        self.folder.is_named()
    }

    /// Takes it from the folder of a stopped server.
    ///
    /// # Errors
    /// If there is no database, a server has it open, or the file cannot be written.
    pub(super) fn run_offline(self) -> anyhow::Result<ExitCode> {
        let mut file = Unfinished::begin(&self.file)?;
        let database = self.folder.existing()?;
        let runtime = app::work_runtime()?;
        let handle = runtime.handle().clone();
        let taking = runtime.spawn(async move {
            let store = Store::open(&database, handle).await?;
            let mut pieces = Repositories::new(&store).backups().take(SystemClock.now())?;
            while let Some(piece) = pieces.recv().await {
                file.add(&piece?)?;
            }
            store.close().await;
            anyhow::Ok(file)
        });
        runtime.block_on(taking)??.finish(self.target.json)
    }

    /// Takes it from a running server.
    ///
    /// # Errors
    /// Why the server does not answer, or says no, or the file cannot be written.
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let mut file = Unfinished::begin(&self.file)?;
        let mut server = self.target.server()?;
        let request = server.request(Method::POST, &["v1", "admin", "backup"], &[]);
        let mut answer = server.open(request).await?;
        while let Some(piece) = next(&mut answer).await? {
            file.add(&piece)?;
        }
        file.finish(self.target.json)
    }
}

async fn next(answer: &mut Response) -> anyhow::Result<Option<Bytes>> {
    match tokio::time::timeout(PATIENCE, answer.chunk()).await {
        Ok(piece) => piece.map_err(|error| anyhow!("the server broke off: {}", reason(&error))),
        Err(_) => bail!("the server has sent nothing for {PATIENCE:?}"),
    }
}

/// A file that gets its name when it is whole; dropped before, it is gone.
struct Unfinished {
    file: File,
    path: PathBuf,
    wanted: PathBuf,
    is_finished: bool,
}

impl Unfinished {
    fn begin(wanted: &Path) -> anyhow::Result<Self> {
        keep_to_ourselves();
        if wanted.exists() {
            bail!("{} exists already", wanted.display());
        }
        let mut name = wanted.file_name().ok_or_else(|| anyhow!("{} is no file", wanted.display()))?.to_owned();
        name.push(".part");
        let path = wanted.with_file_name(name);
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { file, path, wanted: wanted.to_owned(), is_finished: false })
    }

    fn add(&mut self, piece: &[u8]) -> anyhow::Result<()> {
        self.file.write_all(piece).with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Reads it back, and gives it its name.
    fn finish(mut self, is_json: bool) -> anyhow::Result<ExitCode> {
        let (header, rows) = store::verify_backup(&self.path)?;
        let bytes = self.file.metadata()?.len();
        self.file.sync_all()?;
        fs::rename(&self.path, &self.wanted)?;
        self.is_finished = true;
        if is_json {
            output::json(&json!({"file": self.wanted, "rows": rows, "bytes": bytes, "made_at": header.made_at}))?;
        } else {
            let file = self.wanted.display();
            output::line(&format!("{file} holds {rows} rows in {bytes} bytes, as of {}", header.made_at))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = fs::remove_file(&self.path);
        }
    }
}
