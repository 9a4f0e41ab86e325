//! `broadsheet logout`: ends the kept session, here and at the server.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::{credentials::CredentialsFile, output, server::Http, session};

/// What `broadsheet logout` is told: nothing. It goes where the session is.
#[derive(Debug, Args)]
pub(in crate::cli) struct Logout {}

impl Logout {
    /// Signs out. The file is gone afterwards even if the server cannot be told.
    ///
    /// # Errors
    /// If the file cannot be removed, or the server cannot be told.
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let file = CredentialsFile::of_user()?;
        let _lock = file.lock().await?;
        let kept = file.load_unchecked();
        file.remove()?;
        let Ok(Some(kept)) = kept else {
            output::line("nobody was signed in")?;
            return Ok(ExitCode::SUCCESS);
        };
        let http = Http::new(&kept.url)?;
        let told = session::sign_out(&http, &kept).await;
        told.context("the session is forgotten here, but the server could not be told, where it ends by itself")?;
        output::line(&format!("signed out at {}", http.address()))?;
        Ok(ExitCode::SUCCESS)
    }
}
