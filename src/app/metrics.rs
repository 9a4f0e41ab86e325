//! Sets up the separate listener for metrics, if `metrics.listen` is set.

use std::net::{SocketAddr, TcpListener};

use actix_web::dev::{Server, ServerHandle};

use crate::{
    config::{Config, ModerationProvider},
    http,
    metrics::{Exposition, Judge},
};

/// The server for `/metrics`.
pub(super) struct Exporter {
    pub(super) address: SocketAddr,
    server: Option<Server>,
    handle: ServerHandle,
}

impl Exporter {
    /// Creates the server on a bound listener.
    pub(super) fn new(exposition: Exposition, listener: TcpListener) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let server = http::bind_metrics(exposition, listener)?;
        Ok(Self { address, handle: server.handle(), server: Some(server) })
    }

    /// Answers scrapes in the background of the current actix system.
    pub(super) fn serve(&mut self) {
        if let Some(server) = self.server.take() {
            tracing::info!(address = %self.address, "serving metrics at /metrics");
            actix_web::rt::spawn(server);
        }
    }

    /// Stops answering.
    pub(super) async fn stop(&self) {
        self.handle.stop(false).await;
    }
}

/// The moderator's name in metrics.
pub(super) fn judge(config: &Config) -> Judge {
    let provider = match config.moderation.provider {
        ModerationProvider::Rules => return Judge { provider: None, name: "rules".to_owned() },
        ModerationProvider::Bedrock => "aws.bedrock",
        ModerationProvider::OpenAi => "openai",
    };
    let name = config.moderation.model();
    Judge { provider: Some(provider), name: name.to_owned() }
}
