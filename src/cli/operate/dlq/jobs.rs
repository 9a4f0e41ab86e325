//! `broadsheet dlq jobs` and `cancel`, and following a job to its end.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Method;
use serde_json::Value;

use crate::{
    backoff::Backoff,
    cli::operate::{
        SOMETHING_LEFT,
        failure::Failure,
        output,
        server::{Server, read},
        wire::{Items, Job},
    },
};

/// Between two looks at a job: at first, and at most.
const PAUSES: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
/// So long a server may be away, to be restarted, before following its job is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What `broadsheet dlq jobs` is told.
#[derive(Debug, Args)]
pub(super) struct Jobs {}

/// What `broadsheet dlq cancel` is told.
#[derive(Debug, Args)]
pub(super) struct Cancel {
    /// The job's id, as `dlq jobs` shows it
    #[arg(value_name = "JOB")]
    id: String,
}

impl Jobs {
    /// Shows the newest.
    ///
    /// # Errors
    /// Why the server does not answer, or says no.
    pub(super) async fn run(self, server: &mut Server, is_json: bool) -> anyhow::Result<ExitCode> {
        let answer = server.get(&["v1", "admin", "jobs"], &[]).await?;
        if is_json {
            output::json(&answer)?;
            return Ok(ExitCode::SUCCESS);
        }
        let jobs: Items<Job> = read(server, answer)?;
        output::line(&table(&jobs.items))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Cancel {
    /// Stops one.
    ///
    /// # Errors
    /// Why the server does not answer, or says no.
    pub(super) async fn run(self, server: &mut Server, is_json: bool) -> anyhow::Result<ExitCode> {
        let request = server.request(Method::DELETE, &path(&self.id), &[]);
        let answer = server.ask(request).await?;
        if is_json {
            output::json(&answer)?;
        } else {
            output::line("the job is told to stop; what it has done stays done")?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Follows a job to its end, with a bar on a terminal. Ctrl-C ends the following and not the job.
///
/// # Errors
/// Why the server does not answer any more, or says no.
pub(super) async fn follow(server: &mut Server, id: &str, is_json: bool) -> anyhow::Result<ExitCode> {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}");
    let bar = ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let followed = tokio::select! {
        ended = wait_for_end(server, id, &bar) => Some(ended?),
        stopped = tokio::signal::ctrl_c() => {
            stopped?;
            None
        }
    };
    bar.finish_and_clear();
    let Some((answer, job)) = followed else {
        output::note(&format!("the job goes on without being watched; to stop it: broadsheet dlq cancel {id}"));
        return Ok(ExitCode::from(SOMETHING_LEFT));
    };
    output::line(&if is_json { answer.to_string() } else { ended(&job) })?;
    let is_clean = job.state == "done" && job.skipped == 0;
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::from(SOMETHING_LEFT) })
}

async fn wait_for_end(server: &mut Server, id: &str, bar: &ProgressBar) -> Result<(Value, Job), Failure> {
    let mut pauses = PAUSES;
    let mut away_since = None;
    loop {
        match server.get(&path(id), &[]).await {
            Ok(answer) => {
                away_since = None;
                let job: Job = read(server, answer.clone())?;
                bar.set_length(job.matched);
                bar.set_position(job.done.saturating_add(job.skipped));
                bar.set_message(if job.skipped == 0 { String::new() } else { format!("{} skipped", job.skipped) });
                if job.state != "running" {
                    return Ok((answer, job));
                }
            }
            Err(failure) if failure.is_passing() => {
                let since = *away_since.get_or_insert_with(Instant::now);
                if since.elapsed() > PATIENCE {
                    return Err(failure);
                }
                bar.set_message("the server does not answer, trying again");
            }
            Err(failure) => return Err(failure),
        }
        tokio::time::sleep(pauses.pause()).await;
    }
}

/// What is said about a job that nobody waits for.
pub(super) fn started(job: &Job) -> String {
    let Job { id, kind, .. } = job;
    format!(
        "the {kind} of {} has begun as job {id}; broadsheet dlq jobs tells how it goes",
        output::dead_letters(job.matched)
    )
}

/// What became of a job.
fn ended(job: &Job) -> String {
    let Job { kind, state, done, skipped, matched, .. } = job;
    format!("the {kind} is {state}: {done} of {} done, {skipped} skipped", output::dead_letters(*matched))
}

fn path(id: &str) -> [&str; 4] {
    ["v1", "admin", "jobs", id]
}

fn table(jobs: &[Job]) -> String {
    let header = ["JOB", "KIND", "STATE", "MATCHED", "DONE", "SKIPPED", "RATE", "BEGUN (UTC)", "ENDED (UTC)"];
    let rows = jobs.iter().map(|job| {
        vec![
            job.id.clone(),
            job.kind.clone(),
            job.state.clone(),
            job.matched.to_string(),
            job.done.to_string(),
            job.skipped.to_string(),
            job.rate.map(|rate| rate.to_string()).unwrap_or_default(),
            output::time(&job.created_at),
            if job.state == "running" { String::new() } else { output::time(&job.updated_at) },
        ]
    });
    output::table(&header, &[3, 4, 5, 6], rows)
}
