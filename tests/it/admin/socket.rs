//! A client of `/v1/admin/watch`.

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http::header::{AUTHORIZATION, HeaderValue},
    },
};

/// How long a test waits for the server to say something.
const PATIENCE: Duration = Duration::from_secs(60);

/// An open websocket. Unless it is read it answers no ping.
pub(super) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// What came.
#[derive(Debug)]
pub(super) enum Heard {
    Frame(Value),
    /// The end, with its code if the server gave one.
    End(Option<u16>),
}

impl Socket {
    /// Opens `/v1/admin/watch` with a query, which may be empty, and a token; or says which status and body the server answered.
    pub(super) async fn open(address: SocketAddr, query: &str, token: Option<&str>) -> Result<Self, (u16, Value)> {
        let mut request = format!("ws://{address}/v1/admin/watch{query}").into_client_request().unwrap();
        if let Some(token) = token {
            let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        match connect_async(request).await {
            Ok((stream, _)) => Ok(Self { stream }),
            Err(Error::Http(answer)) => {
                let body = answer.body().as_deref().unwrap_or_default();
                assert_eq!(answer.headers()["content-type"], "application/problem+json", "{answer:?}");
                Err((answer.status().as_u16(), serde_json::from_slice(body).unwrap()))
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// The next frame, or the end.
    pub(super) async fn hear(&mut self) -> Heard {
        loop {
            let message = timeout(PATIENCE, self.stream.next()).await.expect("the server says nothing");
            match message {
                Some(Ok(Message::Text(text))) => return Heard::Frame(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Heard::End(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Heard::End(None),
            }
        }
    }

    /// The next frame.
    #[track_caller]
    pub(super) fn frame(&mut self) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            match self.hear().await {
                Heard::Frame(frame) => frame,
                Heard::End(code) => panic!("{caller}: the server has ended it: {code:?}"),
            }
        }
    }

    /// Frames until one fits.
    pub(super) async fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let frame = self.frame().await;
            if fits(&frame) {
                return frame;
            }
        }
    }

    /// Everything up to the end; answers the number of frames and the code.
    pub(super) async fn end(&mut self) -> (Vec<Value>, Option<u16>) {
        let mut frames = Vec::new();
        loop {
            match self.hear().await {
                Heard::Frame(frame) => frames.push(frame),
                Heard::End(code) => return (frames, code),
            }
        }
    }

    pub(super) async fn say(&mut self, message: Message) {
        self.stream.send(message).await.unwrap();
    }
}
