//! `broadsheet account`: what an account may do.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    output,
    server::{Target, read},
    wire,
};
use crate::cli::remote::printable;

/// What `broadsheet account` is told.
#[derive(Debug, Args)]
pub(in crate::cli) struct Account {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Show the roles of an account, or set them
    Roles(Roles),
}

#[derive(Debug, Args)]
struct Roles {
    /// The account's handle
    handle: String,
    /// All roles that it is to have, such as user,moderator
    #[arg(long, value_name = "ROLES", value_delimiter = ',', required = false, num_args = 1)]
    set: Option<Vec<String>>,
}

impl Account {
    /// Shows the roles, after setting them if that was asked for.
    ///
    /// # Errors
    /// Why the server does not answer, or says no.
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let Act::Roles(roles) = &self.act;
        let mut server = self.target.server()?;
        let account = ["v1", "admin", "accounts", roles.handle.as_str()];
        let mut answer = serde_json::Value::Null;
        if let Some(set) = &roles.set {
            let request = server.request(Method::PUT, &[account.as_slice(), &["roles"]].concat(), &[]);
            answer = server.ask(request.json(&wire::Roles { roles: set })).await?;
        }
        if answer.is_null() {
            answer = server.get(&account, &[]).await?;
        }
        if self.target.json {
            output::json(&answer)?;
            return Ok(ExitCode::SUCCESS);
        }
        let account: wire::Account = read(&server, answer)?;
        output::line(&printable(&format!("{}: {}", account.handle, account.roles.join(", "))))?;
        Ok(ExitCode::SUCCESS)
    }
}
