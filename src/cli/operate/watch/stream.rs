//! The websocket of `/v1/admin/watch`, over the same client, certificates and token as every other request. Text comes in; what it
//! means is not looked at here.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode, Upgraded, header};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Bytes, Message, Utf8Bytes,
        handshake::{client::generate_key, derive_accept_key},
        protocol::Role,
    },
};

use super::super::{failure::Failure, server::Server};
use crate::cli::remote::{printable, reason};

/// So long the server may take to say whether it lets us watch.
const OPENING: Duration = Duration::from_secs(30);
/// After so much silence the server is asked for a sign of life, and after as much again it is given up.
const SILENCE: Duration = Duration::from_secs(20);

/// An open connection.
pub(super) struct Stream {
    socket: WebSocketStream<Upgraded>,
}

impl Stream {
    /// Opens one, going on after `since` (`<stream>.<seq>`) if the server still can.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn open(server: &mut Server, since: Option<&str>) -> Result<Self, Failure> {
        let (key, query) = (generate_key(), since.map(|since| ("since", since)));
        let request = server
            .request(Method::GET, &["v1", "admin", "watch"], query.as_slice())
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, &key);
        let address = server.address().to_owned();
        let unreachable = |reason: String| Failure::Unreachable { address: address.clone(), reason };
        let opening = timeout(OPENING, server.open(request)).await;
        let response = opening.map_err(|_| unreachable("no answer in time".to_owned()))??;
        let accepted = response.headers().get(header::SEC_WEBSOCKET_ACCEPT).map(header::HeaderValue::as_bytes);
        let is_accepted = accepted == Some(derive_accept_key(key.as_bytes()).as_bytes());
        if response.status() != StatusCode::SWITCHING_PROTOCOLS || !is_accepted {
            let what = format!("status {} and no websocket", response.status().as_u16());
            return Err(Failure::UnexpectedResponse { address, what });
        }
        let upgraded = response.upgrade().await.map_err(|error| unreachable(reason(&error)))?;
        Ok(Self { socket: WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await })
    }

    /// The next text.
    ///
    /// # Errors
    /// Why there will be none.
    pub(super) async fn next(&mut self) -> Result<Utf8Bytes, String> {
        loop {
            let message = match timeout_at(Instant::now() + SILENCE, self.socket.next()).await {
                Ok(message) => message,
                Err(_) => {
                    self.ping().await?;
                    let answer = timeout(SILENCE, self.socket.next()).await;
                    answer.map_err(|_| "the server is silent".to_owned())?
                }
            };
            match message {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Close(frame))) => {
                    let said = frame.map(|frame| printable(&frame.reason)).filter(|said| !said.is_empty());
                    return Err(said.unwrap_or_else(|| "the server has closed it".to_owned()));
                }
                // Pings are answered by the library.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(printable(&error.to_string())),
                None => return Err("the server has closed it".to_owned()),
            }
        }
    }

    async fn ping(&mut self) -> Result<(), String> {
        self.socket.send(Message::Ping(Bytes::new())).await.map_err(|error| error.to_string())
    }
}
