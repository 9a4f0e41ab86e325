//! `broadsheet dlq list` and `causes`.

use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::{DEAD_LETTERS, Filter, below};
use crate::cli::operate::{
    SOMETHING_LEFT,
    list::List,
    output,
    server::{Server, read},
    wire::{Cause, DeadLetter, Items},
};

/// What `broadsheet dlq list` is told.
#[derive(Debug, Args)]
pub(super) struct Listing {
    #[command(flatten)]
    filter: Filter,
    /// How many are shown
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Show all of them
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    #[command(flatten)]
    ending: Ending,
}

/// What `broadsheet dlq causes` is told.
#[derive(Debug, Args)]
pub(super) struct Causes {
    #[command(flatten)]
    ending: Ending,
}

/// What the exit code tells.
#[derive(Debug, Args)]
struct Ending {
    /// Exit with 3 if there are any, for scripts that raise an alarm
    #[arg(long)]
    exit_code: bool,
}

impl Listing {
    /// Shows them.
    ///
    /// # Errors
    /// Why the server does not answer, or says no.
    pub(super) async fn run(self, server: &mut Server, is_json: bool) -> anyhow::Result<ExitCode> {
        let wanted = if self.all { usize::MAX } else { usize::try_from(self.limit)? };
        let list = List::fetch(server, &DEAD_LETTERS, &self.filter.query(), wanted).await?;
        let ends = self.ending.with(list.items.is_empty());
        if is_json {
            output::json(&serde_json::to_value(list)?)?;
            return Ok(ends);
        }
        let has_more = list.next_cursor.is_some();
        let letters: Vec<DeadLetter> = read(server, list.items.into())?;
        output::line(&if letters.is_empty() { "there are no dead letters".to_owned() } else { table(&letters) })?;
        if has_more {
            output::note("there are more: --limit N or --all shows them, dlq causes counts them");
        }
        Ok(ends)
    }
}

impl Causes {
    /// Shows them.
    ///
    /// # Errors
    /// Why the server does not answer, or says no.
    pub(super) async fn run(self, server: &mut Server, is_json: bool) -> anyhow::Result<ExitCode> {
        let answer = server.get(&below("causes"), &[]).await?;
        let is_empty = answer.get("items").and_then(Value::as_array).is_none_or(Vec::is_empty);
        if is_json {
            output::json(&answer)?;
            return Ok(self.ending.with(is_empty));
        }
        let causes: Items<Cause> = read(server, answer)?;
        output::line(&if is_empty { "there are no dead letters".to_owned() } else { causes_table(&causes.items) })?;
        Ok(self.ending.with(is_empty))
    }
}

impl Ending {
    fn with(&self, is_empty: bool) -> ExitCode {
        if self.exit_code && !is_empty { ExitCode::from(SOMETHING_LEFT) } else { ExitCode::SUCCESS }
    }
}

impl Filter {
    fn query(&self) -> Vec<(&str, &str)> {
        let fields = [("worker", &self.worker), ("cause", &self.cause), ("post", &self.post)];
        fields.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect()
    }
}

fn table(letters: &[DeadLetter]) -> String {
    let header = ["ID", "WORKER", "CAUSE", "CLASS", "POST", "EVENT", "RECEIVES", "DEAD AT (UTC)", "MESSAGE"];
    let rows = letters.iter().map(|letter| {
        vec![
            letter.id.clone(),
            letter.worker.clone(),
            letter.cause.clone(),
            letter.class.clone(),
            letter.event.post.clone().unwrap_or_default(),
            letter.event.kind.clone(),
            letter.receives.to_string(),
            output::time(&letter.dead_at),
            letter.message.clone(),
        ]
    });
    output::table(&header, &[6], rows)
}

fn causes_table(causes: &[Cause]) -> String {
    let header = ["CAUSE", "WORKER", "CLASS", "COUNT", "FIRST (UTC)", "LAST (UTC)", "EXAMPLE", "MESSAGE"];
    let rows = causes.iter().map(|cause| {
        vec![
            cause.cause.clone(),
            cause.worker.clone(),
            cause.class.clone(),
            cause.count.to_string(),
            cause.first_at.as_deref().map(output::time).unwrap_or_default(),
            cause.last_at.as_deref().map(output::time).unwrap_or_default(),
            cause.example.clone().unwrap_or_default(),
            cause.message.clone(),
        ]
    });
    output::table(&header, &[3], rows)
}
