//! `broadsheet restore`: fills an empty data folder from a backup.

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use clap::Args;

use super::DataFolder;
use crate::{app, cli::keep_to_ourselves, store};

/// The arguments of `broadsheet restore`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Restore {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    folder: DataFolder,
}

impl Restore {
    pub(in crate::cli) fn run(self) -> anyhow::Result<ExitCode> {
        keep_to_ourselves();
        let config = self.folder.config()?;
        let index = config.search_folder();
        if index.exists() {
            bail!(
                "{} has the search index of another database; remove it, and the server rebuilds it",
                index.display()
            );
        }
        let database = app::database(&config);
        let runtime = app::work_runtime()?;
        let file = self.file.clone();
        let restoring = runtime.spawn(async move { store::restore(&file, &database).await });
        let restored = runtime.block_on(restoring)?;
        let restored = restored.with_context(|| format!("nothing was restored from {}", self.file.display()))?;
        writeln!(
            std::io::stdout(),
            "restored {} rows into {}, as of {}; not in a backup, and to be kept by yourself: the configuration, keys in files, \
             and the mail folder",
            restored.rows,
            restored.folder.display(),
            restored.header.made_at
        )?;
        Ok(ExitCode::SUCCESS)
    }
}
