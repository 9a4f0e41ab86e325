//! `broadsheet serve`: runs a node until SIGTERM or Ctrl-C.

use std::{io::Write, process::ExitCode, sync::Arc, time::Duration};

use tokio::signal::unix::{SignalKind, signal};

use crate::{
    app::{self, App},
    clock::SystemClock,
    config::Config,
    telemetry,
};

/// How long the database may take to close its files.
const CLOSING: Duration = Duration::from_secs(5);

pub(super) fn run(config: Config) -> anyhow::Result<ExitCode> {
    telemetry::init(&config.log)?;
    super::keep_to_ourselves();
    let runtime = app::work_runtime()?;
    let served = actix_web::rt::System::new().block_on(async {
        // Before anything else, because the first process of a container ignores the signal while it has no handler.
        let mut terminate = signal(SignalKind::terminate())?;
        let app = App::build(config, Arc::new(SystemClock), &runtime).await?;
        writeln!(std::io::stdout(), "listening on http://{}", app.address)?;
        let shutdown = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        };
        app.run_until(shutdown).await
    });
    runtime.shutdown_timeout(CLOSING);
    served.map(|()| ExitCode::SUCCESS)
}
