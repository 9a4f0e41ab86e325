//! `broadsheet workers`: how each of them stands, and telling one what to do.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use reqwest::Method;

use super::{
    output,
    server::{Server, Target, read},
    wire::Items,
};
use crate::actors::monitor::{Percentiles, WorkerStats};

/// What `broadsheet workers` is told.
#[derive(Debug, Args)]
pub(in crate::cli) struct Workers {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    act: Option<Act>,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Let a worker finish what runs and take nothing more; its backlog waits, also over a restart
    Pause(Name),
    /// Let a paused worker go on
    Resume(Name),
    /// Let a worker finish what runs and begin anew; ends `degraded`, too
    Restart(Name),
}

#[derive(Debug, Args)]
struct Name {
    /// The worker's name
    #[arg(value_name = "WORKER")]
    worker: String,
}

impl Workers {
    /// Shows the workers, or tells one what to do.
    ///
    /// # Errors
    /// Why the server does not answer, or says no.
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let mut server = self.target.server()?;
        match &self.act {
            None => self.show(&mut server).await?,
            Some(Act::Pause(name)) => self.control(&mut server, name, "pause", "is paused").await?,
            Some(Act::Resume(name)) => self.control(&mut server, name, "resume", "goes on").await?,
            Some(Act::Restart(name)) => self.control(&mut server, name, "restart", "begins anew").await?,
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn show(&self, server: &mut Server) -> anyhow::Result<()> {
        let answer = server.get(&["v1", "admin", "workers"], &[]).await?;
        if self.target.json {
            return Ok(output::json(&answer)?);
        }
        let workers: Items<WorkerStats> = read(server, answer)?;
        Ok(output::line(&table(&workers.items))?)
    }

    async fn control(&self, server: &mut Server, name: &Name, act: &str, done: &str) -> anyhow::Result<()> {
        let request = server.request(Method::POST, &["v1", "admin", "workers", &name.worker, act], &[]);
        let answer = server.ask(request).await?;
        if self.target.json {
            return Ok(output::json(&answer)?);
        }
        Ok(output::line(&format!("the worker {} {done}", name.worker))?)
    }
}

/// The workers as a table.
pub(super) fn table<'a>(workers: impl IntoIterator<Item = &'a WorkerStats>) -> String {
    let header = [
        "WORKER",
        "STATE",
        "RUNNING",
        "MAILBOX",
        "LAG",
        "READY",
        "LEASED",
        "HELD",
        "PER S",
        "WAIT P95",
        "RUN P95",
        "END P95",
        "RESTARTS",
        "DEAD",
        "LAST ERROR",
    ];
    output::table(&header, &[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], workers.into_iter().map(row))
}

fn row(worker: &WorkerStats) -> Vec<String> {
    // Nothing was measured yet: that is no time at all, and not a short one.
    let p95 = |measured: &Percentiles| output::millis((*measured != Percentiles::default()).then_some(measured.p95));
    let last_error = worker.last_error.as_ref();
    vec![
        worker.name.clone(),
        worker.state.clone(),
        format!("{}/{}", worker.running, worker.batch),
        format!("{}/{}", worker.mailbox.used, worker.mailbox.capacity),
        worker.lag.to_string(),
        worker.waiting.ready.to_string(),
        worker.waiting.leased.to_string(),
        worker.waiting.held.to_string(),
        format!("{:.1}", worker.per_second),
        p95(&worker.wait_ms),
        p95(&worker.run_ms),
        p95(&worker.end_to_end_ms),
        worker.restarts.to_string(),
        worker.dead_letters.to_string(),
        last_error.map_or_else(String::new, |error| format!("{} {}", output::time(&error.at), error.message)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_one_line() {
        let worker = r#"{"name": "email", "state": "breaker_open", "running": 2, "batch": 10,
            "mailbox": {"used": 3, "capacity": 64}, "lag": 41, "waiting": {"ready": 5, "leased": 1, "held": 0},
            "per_second": 1.25, "wait_ms": {"count": 9, "p50": 1, "p95": 12, "p99": 14}, "run_ms": {"p95": 250.2},
            "restarts": 1, "last_error": {"at": "2026-11-23T10:00:00.000Z", "message": "refused"}, "dead_letters": 7}"#;
        let text = table(&[serde_json::from_str(worker).unwrap()]);
        let cells: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        let line = "email breaker_open 2/10 3/64 41 5 1 0 1.2 12ms 250ms - 1 7 2026-11-23 10:00:00 refused";
        assert_eq!(cells[1].join(" "), line);
        assert!(text.starts_with("WORKER  STATE"), "{text}");
    }
}
