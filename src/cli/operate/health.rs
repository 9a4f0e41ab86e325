//! `broadsheet health`: one line and an exit code, for container health checks. No token, little patience.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use reqwest::Client;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{failure::Failure, output};
use crate::cli::{
    ConfigFile,
    remote::{self, printable, reason},
};

/// An orchestrator asks again soon enough.
const TIMEOUT: Duration = Duration::from_secs(3);

/// What `broadsheet health` is told.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 ready (with --live: alive); 1 not ready, or not alive; 2 wrong usage; 78 the \
configuration is wrong.")]
pub(in crate::cli) struct Health {
    /// Address of the server; without it the one that the configuration says it listens on
    #[arg(long, env = "BROADSHEET_URL")]
    url: Option<String>,
    #[command(flatten)]
    config: ConfigFile,
    /// Ask only whether it is alive, not whether it can take requests
    #[arg(long)]
    live: bool,
    /// Print the server's JSON, for scripts
    #[arg(long)]
    json: bool,
}

/// What the server says, or what is said in its place.
#[derive(Debug, Serialize, Deserialize)]
struct Condition {
    status: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
}

impl Health {
    /// Asks once.
    ///
    /// # Errors
    /// If there is no address to ask.
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let url = match &self.url {
            Some(url) => url.clone(),
            None => address_of(self.config.load()?.http.listen)?,
        };
        let base = remote::base(&url).ok_or_else(|| Failure::Address(printable(&url)))?;
        let client = remote::client(&base).timeout(TIMEOUT).build();
        let client = client.map_err(|error| Failure::Client(reason(&error)))?;
        let (is_well, condition) = self.ask(&client, &base).await;
        output::line(&if self.json { serde_json::to_string(&condition)? } else { condition.line() })?;
        Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn ask(&self, client: &Client, base: &Url) -> (bool, Condition) {
        let path = if self.live { "healthz" } else { "readyz" };
        let not_alive = |why: String| Condition {
            status: "not_alive".to_owned(),
            reasons: vec![format!("{} does not answer: {why}", base.as_str().trim_end_matches('/'))],
        };
        let response = match client.get(remote::below(base, &[path])).send().await {
            Ok(response) => response,
            Err(error) => return (false, not_alive(reason(&error))),
        };
        let status = response.status();
        match response.bytes().await.map(|body| serde_json::from_slice::<Condition>(&body)) {
            Ok(Ok(condition)) => (status.is_success(), condition),
            Ok(Err(_)) => (false, not_alive(format!("something else does, with status {}", status.as_u16()))),
            Err(error) => (false, not_alive(reason(&error))),
        }
    }
}

impl Condition {
    fn line(&self) -> String {
        let status = self.status.replace('_', " ");
        let line = if self.reasons.is_empty() { status } else { format!("{status}: {}", self.reasons.join("; ")) };
        printable(&line)
    }
}

/// Where somebody on this machine reaches a server that listens there.
fn address_of(listen: SocketAddr) -> Result<String, Failure> {
    if listen.port() == 0 {
        return Err(Failure::Usage("http.listen takes any free port: say where the server is with --url".to_owned()));
    }
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    Ok(format!("http://{}", SocketAddr::new(ip, listen.port())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_asked_on_this_machine() {
        for (listen, url) in [
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("[::]:80", "http://[::1]:80"),
            ("10.1.2.3:1", "http://10.1.2.3:1"),
        ] {
            assert_eq!(address_of(listen.parse().unwrap()).unwrap(), url);
        }
        assert!(matches!(address_of("127.0.0.1:0".parse().unwrap()), Err(Failure::Usage(_))));
    }

    #[test]
    fn all_reasons_stand_in_one_line() {
        let reasons = vec!["worker email is degraded".to_owned(), "a\nb".to_owned()];
        let condition = Condition { status: "not_ready".to_owned(), reasons };
        assert_eq!(condition.line(), "not ready: worker email is degraded; a\u{fffd}b");
    }
}
