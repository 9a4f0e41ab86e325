//! One operator who watches all the time over a websocket, and comes back with `since` whenever the access token has ended.

use std::{cell::Cell, net::SocketAddr, time::Duration};

use futures_util::StreamExt;
use serde_json::Value;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{
        Message,
        client::IntoClientRequest,
        http::header::{AUTHORIZATION, HeaderValue},
    },
};

use super::oracle::Oracle;

/// How long nothing may be heard, not even a ping.
const PATIENCE: Duration = Duration::from_secs(60);
/// The token has ended.
const POLICY: u16 = 1008;

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Watched {
    pub(super) frames: u64,
    pub(super) snapshots: u64,
    pub(super) connections: u64,
}

/// Watches until it is told that it is over. Sequence numbers must have no gaps, over reconnections, too.
pub(super) async fn watch(address: SocketAddr, room: &Oracle, is_over: &Cell<bool>) -> Watched {
    let mut watched = Watched::default();
    let mut since: Option<(String, u64)> = None;
    while !is_over.get() {
        let query = since.as_ref().map_or(String::new(), |(stream, seq)| format!("?since={stream}.{seq}"));
        let mut request = format!("ws://{address}/v1/admin/watch{query}").into_client_request().unwrap();
        let token = HeaderValue::try_from(format!("Bearer {}", room.person(0).token)).unwrap();
        request.headers_mut().insert(AUTHORIZATION, token);
        let (mut socket, _) = connect_async(request).await.expect("the websocket opens");
        watched.connections += 1;
        while !is_over.get() {
            match tokio::time::timeout(PATIENCE, socket.next()).await.expect("the server says something") {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    let seq = frame["seq"].as_u64().unwrap();
                    watched.frames += 1;
                    if frame["type"] == "snapshot" {
                        watched.snapshots += 1;
                        since = Some((frame["stream"].as_str().unwrap().to_owned(), seq));
                    } else {
                        let (_, last) = since.as_mut().expect("a snapshot comes first");
                        assert_eq!(seq, *last + 1, "a change is missing: {frame}");
                        *last = seq;
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    assert_eq!(frame.map(|frame| frame.code.into()), Some(POLICY), "the server ended the websocket");
                    break;
                }
                Some(Ok(_)) => {}
                other => panic!("the websocket broke: {other:?}"),
            }
        }
    }
    watched
}
