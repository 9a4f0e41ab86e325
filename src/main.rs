//! Parses the command line and turns an error into one line and an exit code.

use std::{io::Write, process::ExitCode};

use broadsheet::cli::Cli;
use clap::Parser;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "broadsheet: {error:#}");
            broadsheet::cli::exit_code(&error)
        }
    }
}
