//! `broadsheet login`: a session of its own for the terminal. The password is never shown, kept or taken from an argument.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    process::ExitCode,
};

use clap::Args;

use super::{
    credentials::CredentialsFile,
    failure::Failure,
    output,
    server::{HERE, Http},
    session,
};
use crate::config::Secret;

/// What `broadsheet login` is told. Never the password: everybody on the machine can read arguments.
#[derive(Debug, Args)]
pub(in crate::cli) struct Login {
    /// Address of the server
    #[arg(long, env = "BROADSHEET_URL", default_value = HERE)]
    url: String,
    /// The account's e-mail address; without it, it is asked for
    #[arg(long)]
    email: Option<String>,
}

impl Login {
    /// Signs in and keeps the session in place of the one before.
    ///
    /// # Errors
    /// Why the server does not let them in, or why the session cannot be kept.
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let (http, file) = (Http::new(&self.url)?, CredentialsFile::of_user()?);
        if http.is_in_the_clear() {
            output::note("the password and the tokens can be read on their way: better give an https:// address");
        }
        let email = self.email.map_or_else(ask_for_email, Ok)?;
        let password = ask_for_password()?;
        let credentials = session::sign_in(&http, email.trim(), &password).await?;
        let _lock = file.lock().await?;
        let former = file.load_unchecked().ok().flatten();
        file.save(&credentials)?;
        if let Some(former) = former.filter(|former| former.url == credentials.url) {
            // Nobody holds it any more; if it cannot be ended, it ends by itself.
            let _ = session::sign_out(&http, &former).await;
        }
        let path = file.path();
        output::line(&format!("signed in at {}; the session is kept in {}", http.address(), path.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn ask_for_email() -> anyhow::Result<String> {
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage("standard input is no terminal: say who signs in with --email".to_owned()).into());
    }
    write!(io::stderr(), "E-mail address: ")?;
    first_line()
}

fn ask_for_password() -> anyhow::Result<Secret> {
    let text = if io::stdin().is_terminal() { rpassword::prompt_password("Password: ")? } else { first_line()? };
    if text.is_empty() {
        return Err(Failure::Usage("no password was given".to_owned()).into());
    }
    Ok(Secret::new(text))
}

/// The next line of standard input without its end; spaces may belong to a password.
fn first_line() -> anyhow::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
