//! `broadsheet audit`: who did what.

use std::process::ExitCode;

use clap::Args;

use super::{
    list::List,
    output,
    server::{Target, read},
    wire::Act,
};

/// What `broadsheet audit` is told.
#[derive(Debug, Args)]
pub(in crate::cli) struct AuditTrail {
    #[command(flatten)]
    target: Target,
    /// How many acts are shown, newest first
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

impl AuditTrail {
    /// Shows the newest acts.
    ///
    /// # Errors
    /// Why the server does not answer, or says no.
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let mut server = self.target.server()?;
        let list = List::fetch(&mut server, &["v1", "admin", "audit"], &[], usize::try_from(self.limit)?).await?;
        if self.target.json {
            output::json(&serde_json::to_value(list)?)?;
            return Ok(ExitCode::SUCCESS);
        }
        let acts: Vec<Act> = read(&server, list.items.into())?;
        let rows = acts.into_iter().map(|act| {
            let detail = if act.detail.is_null() { String::new() } else { act.detail.to_string() };
            vec![output::time(&act.at), act.by.handle, act.act, act.target, detail]
        });
        output::line(&output::table(&["AT (UTC)", "BY", "ACT", "TARGET", "DETAIL"], &[], rows))?;
        Ok(ExitCode::SUCCESS)
    }
}
