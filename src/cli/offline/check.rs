//! `broadsheet check`: verifies a data folder.

use std::{io::Write, process::ExitCode};

use clap::Args;

use super::DataFolder;
use crate::{
    app,
    cli::keep_to_ourselves,
    store::{self, Report, Store},
};

/// The arguments of `broadsheet check`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Check {
    #[command(flatten)]
    folder: DataFolder,
}

impl Check {
    pub(in crate::cli) fn run(self) -> anyhow::Result<ExitCode> {
        keep_to_ourselves();
        let database = self.folder.existing()?;
        let runtime = app::work_runtime()?;
        let handle = runtime.handle().clone();
        let checking = runtime.spawn(async move {
            let store = Store::inspect(&database, handle).await?;
            let report = store::check(&store, |finding| {
                let _ = writeln!(std::io::stdout(), "{finding}");
            });
            let report = report.await;
            store.close().await;
            report
        });
        let report = runtime.block_on(checking)??;
        writeln!(std::io::stdout(), "{}", summary(&report))?;
        Ok(if report.findings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn summary(report: &Report) -> String {
    let rows: u64 = report.rows.values().sum();
    let tables = report.rows.values().filter(|rows| **rows > 0).count();
    let posts = report.rows.get("post").copied().unwrap_or(0);
    let found = match report.findings {
        0 => "no problems found".to_owned(),
        1 => "1 problem found".to_owned(),
        findings => format!("{findings} problems found"),
    };
    let left_out: String = report.left_out.iter().map(|what| format!("\nnot checked: {what}")).collect();
    format!("{found}: {rows} rows in {tables} tables, {posts} of them posts{left_out}")
}
