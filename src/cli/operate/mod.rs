//! The operator's commands: they talk to a running server by its address and a token, and never open the database.
//!
//! Here: the list of the commands and what their exit codes mean. One file per command; `server.rs` asks the server,
//! `session.rs` and `credentials.rs` keep the operator signed in, `wire.rs` is what the answers look like, `output.rs` what the
//! person sees.

mod account;
mod audit;
mod backup;
mod credentials;
mod dlq;
mod failure;
mod health;
mod list;
mod login;
mod logout;
mod output;
mod server;
mod session;
mod watch;
mod wire;
mod workers;

use std::{io, process::ExitCode};

use clap::Subcommand;

use self::failure::Failure;

/// What the help of every command ends with.
const ENDS: &str = "The access token comes from the variable BROADSHEET_TOKEN, or else from the session that `broadsheet login` \
keeps.\n\n\
Exit codes: 0 done; 1 failed: the server cannot be reached, or refuses; 2 wrong usage; 3 finished, but something is left; \
77 not signed in, or not allowed.";

/// Exit code: it is finished, but something is left to be looked at.
const SOMETHING_LEFT: u8 = 3;

/// What operators can do from a terminal.
#[derive(Debug, Subcommand)]
pub(super) enum Operate {
    /// Sign in, and keep the session for the other commands
    ///
    /// The password is asked for without being shown, or read from standard input if that is no terminal.
    Login(login::Login),
    /// End the kept session
    Logout(logout::Logout),
    /// Say whether a server is ready: for container health checks; needs no token
    Health(health::Health),
    /// Show the workers; pause, resume or restart one
    #[command(after_help = ENDS)]
    Workers(workers::Workers),
    /// Look at the dead letters, redrive or discard them
    #[command(after_help = ENDS)]
    Dlq(dlq::Dlq),
    /// Show what operators and moderators have done
    #[command(after_help = ENDS)]
    Audit(audit::AuditTrail),
    /// Write everything into one file, from a running server or, with --data-dir or --config, from a stopped one's folder
    #[command(after_help = ENDS)]
    Backup(backup::Backup),
    /// Watch the workers as they work
    ///
    /// On a terminal it shows a table until Ctrl-C; elsewhere it writes a line for every change, with --json the server's JSON.
    #[command(after_help = ENDS)]
    Watch(watch::Watch),
    /// Show or set what an account may do
    #[command(after_help = ENDS)]
    Account(account::Account),
}

impl Operate {
    /// Does it.
    ///
    /// # Errors
    /// What to print in one line; [`exit_code`] knows how the process ends then.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let asked = match self {
            // On the work runtime: nobody else runs queries here.
            Self::Backup(backup) if backup.is_offline() => return backup.run_offline(),
            asked => asked,
        };
        // These commands wait for one server: a thread of their own would have nothing to do.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let ended = runtime.block_on(async {
            match asked {
                Self::Login(login) => login.run().await,
                Self::Logout(logout) => logout.run().await,
                Self::Health(health) => health.run().await,
                Self::Workers(workers) => workers.run().await,
                Self::Dlq(dlq) => dlq.run().await,
                Self::Audit(audit) => audit.run().await,
                Self::Backup(backup) => backup.run().await,
                Self::Watch(watch) => watch.run().await,
                Self::Account(account) => account.run().await,
            }
        });
        match ended {
            // `broadsheet dlq list | head` has seen enough.
            Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
            ended => ended,
        }
    }
}

/// How a failed command ends; `None` for what is no operator's command's failure.
pub(super) fn exit_code(error: &anyhow::Error) -> Option<u8> {
    error.downcast_ref::<Failure>().map(Failure::exit_code)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
