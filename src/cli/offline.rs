//! The data folder of a stopped server: `check`, `restore`, and `backup` without a server.

mod check;
mod restore;

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

pub(super) use self::{check::Check, restore::Restore};
use super::ConfigFile;
use crate::{app, config::Config, store::Database};

/// The data folder.
#[derive(Debug, Args)]
pub(super) struct DataFolder {
    #[command(flatten)]
    file: ConfigFile,
    /// The data folder; by default the one in the configuration
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl DataFolder {
    /// Whether the command line names a folder or a configuration.
    pub(super) fn is_named(&self) -> bool {
        self.data_dir.is_some() || self.file.config.is_some()
    }

    /// The configuration of the server that owns the folder.
    ///
    /// # Errors
    /// If the configuration is invalid, or the database is not a folder.
    pub(super) fn config(&self) -> anyhow::Result<Config> {
        let mut config = self.file.load()?;
        if let Some(folder) = &self.data_dir {
            config.data_dir.clone_from(folder);
            config.database.url = String::new();
        }
        if app::database(&config).folder().is_none() {
            bail!("the database is {}, not a folder on this machine", config.database_url());
        }
        Ok(config)
    }

    /// The existing database.
    ///
    /// # Errors
    /// If there is no database yet, because opening it would create an empty one.
    pub(super) fn existing(&self) -> anyhow::Result<Database> {
        let database = app::database(&self.config()?);
        match database.folder() {
            Some(folder) if !folder.join("CURRENT").exists() => bail!("there is no database in {}", folder.display()),
            _ => Ok(database),
        }
    }
}
