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
    /// Read the configuration, say whether it is right, and start nothing
    CheckConfig(ConfigFile),
    /// Publish a folder of Markdown files to a running server
    Import(import::Import),
    #[command(flatten)]
    Operate(operate::Operate),
    /// Fill the empty data folder of a stopped server from a backup
    Restore(offline::Restore),
    /// Look through the data folder of a stopped server for everything that is not as it should be
    ///
    /// Reads every row. Exit codes: 0 nothing is wrong; 1 something is, or it cannot be read.
    Check(offline::Check),
    /// Build the search index anew from the database, while the server is stopped
    Reindex(ConfigFile),
    /// Measure this machine (what `make bench` runs)
    #[command(hide = true)]
    Bench(bench::Bench),
    /// Say which version this is
    Version,
}

/// Where the configuration is.
#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration file; without it `config.toml` in this folder, if there is one
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

/// What this process writes from now on is its user's alone: the database holds addresses and keys, mail holds codes.
fn keep_to_ourselves() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

impl Cli {
    /// Does what the command line asks for.
    ///
    /// # Errors
    /// What to print in one line.
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

/// 78 (`EX_CONFIG` of sysexits) for a wrong configuration, what an operator's command says for its failures (77, `EX_NOPERM`,
/// for one who may not), 1 for everything else. Beside these there is 71 (`EX_OSERR`), when RocksDB gets no memory: `out_of_memory.cc`.
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
