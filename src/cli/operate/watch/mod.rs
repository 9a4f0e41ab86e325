//! `broadsheet watch`: the workers as they work. `stream.rs` is the connection, `snapshot.rs` what is known, `show.rs` what is seen.

mod show;
mod snapshot;
mod stream;

use std::{
    convert::Infallible,
    io::{self, IsTerminal},
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use tokio::time::MissedTickBehavior;

use self::{show::Show, snapshot::Snapshot, stream::Stream};
use super::server::{Server, Target};
use crate::backoff::Backoff;

/// Before the first try to connect again; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// No pause is longer.
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// A terminal is drawn no oftener.
const FRAME: Duration = Duration::from_millis(100);

/// What `broadsheet watch` is told.
#[derive(Debug, Args)]
pub(in crate::cli) struct Watch {
    #[command(flatten)]
    target: Target,
}

impl Watch {
    /// Watches until Ctrl-C.
    ///
    /// # Errors
    /// If the server cannot be reached to begin with, or says no.
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let mut server = self.target.server()?;
        let mut show = match (self.target.json, io::stdout().is_terminal()) {
            (true, _) => Show::Json,
            (false, true) => Show::Screen { is_drawn: false },
            (false, false) => Show::Lines,
        };
        tokio::select! {
            ended = watch(&mut server, &mut show) => match ended? {},
            stopped = tokio::signal::ctrl_c() => {
                stopped?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// Connects again and again, from where the last connection ended.
async fn watch(server: &mut Server, show: &mut Show) -> anyhow::Result<Infallible> {
    let mut snapshot = Snapshot::new(server.address());
    let mut backoff = Backoff::new(FIRST_PAUSE, MAX_PAUSE);
    loop {
        let lost = match Stream::open(server, snapshot.since().as_deref()).await {
            Ok(mut stream) => {
                let (is_alive, lost) = follow(&mut stream, &mut snapshot, show).await?;
                if is_alive {
                    backoff.reset();
                }
                lost
            }
            Err(failure) if failure.is_passing() && snapshot.since().is_some() => failure.to_string(),
            Err(failure) => return Err(failure.into()),
        };
        snapshot.note(&format!("the connection is lost ({lost}); trying again"));
        show.lost(&snapshot)?;
        tokio::time::sleep(backoff.pause()).await;
    }
}

/// Shows what comes until the connection ends; answers whether anything came, and why it ended.
async fn follow(stream: &mut Stream, snapshot: &mut Snapshot, show: &mut Show) -> anyhow::Result<(bool, String)> {
    let mut frames = tokio::time::interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut is_alive, mut is_stale) = (false, false);
    loop {
        tokio::select! {
            message = stream.next() => match message {
                Ok(text) => {
                    is_alive = true;
                    is_stale = true;
                    let lines = snapshot.take(&text)?;
                    show.change(&text, &lines)?;
                }
                Err(lost) => return Ok((is_alive, lost)),
            },
            _ = frames.tick(), if is_stale => {
                show.frame(snapshot)?;
                is_stale = false;
            }
        }
    }
}
