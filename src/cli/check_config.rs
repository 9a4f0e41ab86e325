//! `broadsheet check-config`: checks a configuration without starting the server.

use std::{io::Write, process::ExitCode};

use crate::{actors::workers, app, config::Config};

pub(super) fn run(config: &Config) -> anyhow::Result<ExitCode> {
    config.check_workers(&workers::standard().names())?;
    app::check_mail(config)?;
    writeln!(std::io::stdout(), "the configuration is valid; the database is {}", config.database_url())?;
    Ok(ExitCode::SUCCESS)
}
