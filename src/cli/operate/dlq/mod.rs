//! `broadsheet dlq`: the dead letters from a terminal. `list.rs` and `show.rs` look, `change.rs` redrives and discards, `jobs.rs`
//! follows what runs.

mod change;
mod jobs;
mod list;
mod show;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{ENDS, server::Target};

/// What `broadsheet dlq` is told.
#[derive(Debug, Args)]
pub(in crate::cli) struct Dlq {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// List dead letters, newest first
    #[command(after_help = ENDS)]
    List(list::Listing),
    /// Count the dead letters by cause
    #[command(after_help = ENDS)]
    Causes(list::Causes),
    /// Show one with every attempt
    #[command(after_help = ENDS)]
    Show(show::Show),
    /// Give dead letters back to their workers, with all their receives
    #[command(after_help = ENDS)]
    Redrive(change::Change),
    /// Delete dead letters for good
    #[command(after_help = ENDS)]
    Discard(change::Change),
    /// Show the newest redrives and discards
    #[command(after_help = ENDS)]
    Jobs(jobs::Jobs),
    /// Stop a redrive or discard that runs; what is done stays done
    #[command(after_help = ENDS)]
    Cancel(jobs::Cancel),
}

/// Which dead letters are meant.
#[derive(Debug, Args)]
struct Filter {
    /// Those of this worker
    #[arg(long)]
    worker: Option<String>,
    /// Those of this cause, as `dlq causes` names it
    #[arg(long)]
    cause: Option<String>,
    /// Those about this post
    #[arg(long, value_name = "ID")]
    post: Option<String>,
}

impl Dlq {
    /// Does it.
    ///
    /// # Errors
    /// Why the server does not answer, or says no.
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let is_json = self.target.json;
        let mut server = self.target.server()?;
        match self.act {
            Act::List(listing) => listing.run(&mut server, is_json).await,
            Act::Causes(causes) => causes.run(&mut server, is_json).await,
            Act::Show(show) => show.run(&mut server, is_json).await,
            Act::Redrive(change) => change.run(&mut server, is_json, change::Kind::Redrive).await,
            Act::Discard(change) => change.run(&mut server, is_json, change::Kind::Discard).await,
            Act::Jobs(jobs) => jobs.run(&mut server, is_json).await,
            Act::Cancel(cancel) => cancel.run(&mut server, is_json).await,
        }
    }
}

/// The way to everything about dead letters.
const DEAD_LETTERS: [&str; 3] = ["v1", "admin", "dead-letters"];

/// The way to something below the dead letters.
fn below(name: &str) -> [&str; 4] {
    let [version, admin, dead_letters] = DEAD_LETTERS;
    [version, admin, dead_letters, name]
}
