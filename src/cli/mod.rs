//! The command line: one file per subcommand.

mod bench;
mod check_config;
mod import;
mod offline;
mod operate;
mod reindex;
mod remote;
mod serve;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use rustix::fs::Mode;

use crate::{
    app,
    config::{self, Config},
};

/// A publishing backend in one binary.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server
    Serve(ConfigFile),
    /// Check the configuration without starting the server
    CheckConfig(ConfigFile),
    /// Publish a folder of Markdown files to a running server
    Import(import::Import),
    #[command(flatten)]
    Operate(operate::Operate),
    /// Restore a backup into the empty data folder of a stopped server
    Restore(offline::Restore),
    /// Verify the data folder of a stopped server
    ///
    /// Reads every row. Exit codes: 0 no problems found; 1 problems found, or the folder cannot be read.
    Check(offline::Check),
    /// Rebuild the search index from the database while the server is stopped
    Reindex(ConfigFile),
    /// Measure this machine (what `make bench` runs)
    #[command(hide = true)]
    Bench(bench::Bench),
    /// Print the version
    Version,
}

/// The configuration file.
#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration file; by default `config.toml` in the current folder, if it exists
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigFile {
    fn load(&self) -> anyhow::Result<Config> {
        let here = Path::new("config.toml");
        let file = self.config.as_deref().or_else(|| here.exists().then_some(here));
        Ok(Config::load(file, config::environment())?)
    }
}

/// Makes all files that this process writes from now on readable by its user only: the database contains addresses and
/// keys, mail contains codes.
fn keep_to_ourselves() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// The error to print as one line.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Serve(file) => serve::run(file.load()?),
            Command::CheckConfig(file) => check_config::run(&file.load()?),
            Command::Import(import) => app::work_runtime()?.block_on(import.run()),
            Command::Operate(operate) => operate.run(),
            Command::Restore(restore) => restore.run(),
            Command::Check(check) => check.run(),
            Command::Reindex(file) => reindex::run(&file.load()?),
            Command::Bench(bench) => bench.run(),
            Command::Version => {
                writeln!(std::io::stdout(), "broadsheet {}", env!("CARGO_PKG_VERSION"))?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// 78 (`EX_CONFIG` of sysexits) for an invalid configuration, the operator commands' own codes for their failures (77,
/// `EX_NOPERM`, without permission), and 1 for everything else. In addition there is 71 (`EX_OSERR`), if RocksDB gets
/// no memory: see `out_of_memory.cc`.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    if app::is_config_error(error) {
        return ExitCode::from(78);
    }
    operate::exit_code(error).map_or(ExitCode::FAILURE, ExitCode::from)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
