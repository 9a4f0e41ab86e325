//! `broadsheet dlq redrive` and `discard`. Nothing happens that was not chosen, and on a terminal nothing without a yes.

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use clap::Args;
use reqwest::Method;
use serde_json::Value;

use super::{Filter, below, jobs};
use crate::cli::operate::{
    failure::Failure,
    output,
    server::{Server, read},
    wire::{Choice, Job, Matched},
};

/// What `broadsheet dlq redrive` and `discard` are told.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true).args(["ids", "worker", "cause", "post", "all"]))]
pub(super) struct Change {
    /// These dead letters
    #[arg(value_name = "ID", conflicts_with_all = ["worker", "cause", "post", "all"])]
    ids: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// All dead letters
    #[arg(long, conflicts_with_all = ["worker", "cause", "post"])]
    all: bool,
    /// Say how many it would be, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// How many in a second, at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Wait for the end and say how it went; on a terminal that is so without it
    #[arg(long, conflicts_with = "no_wait")]
    wait: bool,
    /// Start it and go
    #[arg(long)]
    no_wait: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What is done to them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// They go back to their workers.
    Redrive,
    /// They are deleted.
    Discard,
}

impl Kind {
    const fn verb(self) -> &'static str {
        match self {
            Self::Redrive => "redrive",
            Self::Discard => "discard",
        }
    }
}

impl Change {
    /// Counts, asks, starts the job and follows it.
    ///
    /// # Errors
    /// Why it cannot be done, or that nobody said yes.
    pub(super) async fn run(self, server: &mut Server, is_json: bool, kind: Kind) -> anyhow::Result<ExitCode> {
        let is_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
        if !self.dry_run && !self.yes && !is_terminal {
            let how = "nobody can be asked here: give --yes to do it, or --dry-run to see how many it would be";
            return Err(Failure::Usage(how.to_owned()).into());
        }
        if self.dry_run || !self.yes {
            let (answer, matched) = self.count(server, kind).await?;
            if self.dry_run {
                return report_count(&answer, matched, is_json);
            }
            if matched > 0 && !confirm(kind, matched)? {
                return Err(Failure::Declined.into());
            }
        }
        let answer = self.send(server, kind, &self.choice()).await?;
        if answer.get("id").is_none() {
            let matched: Matched = read(server, answer.clone())?;
            return report_count(&answer, matched.matched, is_json);
        }
        let job: Job = read(server, answer.clone())?;
        if self.wait || (!self.no_wait && io::stderr().is_terminal()) {
            return jobs::follow(server, &job.id, is_json).await;
        }
        output::line(&if is_json { answer.to_string() } else { jobs::started(&job) })?;
        Ok(ExitCode::SUCCESS)
    }

    async fn count(&self, server: &mut Server, kind: Kind) -> Result<(Value, u64), Failure> {
        let answer = self.send(server, kind, &Choice { dry_run: true, ..self.choice() }).await?;
        let matched: Matched = read(server, answer.clone())?;
        Ok((answer, matched.matched))
    }

    async fn send(&self, server: &mut Server, kind: Kind, choice: &Choice) -> Result<Value, Failure> {
        let request = server.request(Method::POST, &below(kind.verb()), &[]);
        server.ask(request.json(choice)).await
    }

    fn choice(&self) -> Choice {
        Choice {
            ids: self.ids.clone(),
            worker: self.filter.worker.clone(),
            cause: self.filter.cause.clone(),
            post: self.filter.post.clone(),
            all: self.all,
            dry_run: false,
            rate: self.rate,
        }
    }
}

fn report_count(answer: &Value, matched: u64, is_json: bool) -> anyhow::Result<ExitCode> {
    let verb = if matched == 1 { "matches" } else { "match" };
    let text = || format!("{} {verb}; nothing was done", output::dead_letters(matched));
    output::line(&if is_json { answer.to_string() } else { text() })?;
    Ok(ExitCode::SUCCESS)
}

fn confirm(kind: Kind, matched: u64) -> io::Result<bool> {
    write!(io::stderr(), "{} {}? [y/N] ", kind.verb(), output::dead_letters(matched))?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        change: Change,
    }

    fn parse(line: &[&str]) -> Result<Choice, clap::Error> {
        Line::try_parse_from(["redrive"].iter().chain(line)).map(|line| line.change.choice())
    }

    #[test]
    fn something_must_be_chosen_and_in_one_way() {
        for line in
            [&[][..], &["--yes"], &["01J", "--worker", "feed"], &["--all", "--cause", "x"], &["--all", "--rate", "0"]]
        {
            assert!(parse(line).is_err(), "{line:?}");
        }
        let choice = parse(&["--worker", "email", "--cause", "x", "--rate", "5"]).unwrap();
        let json = serde_json::to_value(choice).unwrap();
        assert_eq!(json, serde_json::json!({"worker": "email", "cause": "x", "rate": 5}));
        assert_eq!(parse(&["01J", "01K"]).unwrap().ids, ["01J", "01K"]);
        assert!(parse(&["--all"]).unwrap().all);
    }
}
