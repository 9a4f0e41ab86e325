//! A cheap HTTP/1.1 client, because it shares the cores with the server it measures: keep-alive, one request at a time,
//! responses of known length. It reads the status and the length and ignores the rest.

use std::{io::Write, net::SocketAddr};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The buffer size for one read.
const READ: usize = 16 << 10;

/// One connection to the server.
pub(super) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    body_begins_at: usize,
}

/// The relevant parts of a response's head.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    length: usize,
    body: usize,
}

impl Connection {
    /// Connects.
    pub(super) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("cannot connect to the server")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(READ), body_begins_at: 0 })
    }

    /// Sends a request, reads the whole response and returns its status.
    pub(super) async fn send(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let head = loop {
            self.read().await?;
            if let Some(head) = Head::read(&self.received)? {
                break head;
            }
        };
        while self.received.len() < head.length + head.body {
            self.read().await?;
        }
        self.body_begins_at = head.length;
        Ok(head.status)
    }

    /// The body of the last response.
    pub(super) fn body(&self) -> &[u8] {
        self.received.get(self.body_begins_at..).unwrap_or_default()
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        self.received.reserve(READ);
        let count = self.stream.read_buf(&mut self.received).await?;
        ensure!(count > 0, "the server has closed the connection");
        Ok(())
    }
}

impl Head {
    /// `None` while the head is not complete.
    fn read(received: &[u8]) -> anyhow::Result<Option<Self>> {
        const END: &[u8] = b"\r\n\r\n";
        let Some(end) = received.windows(END.len()).position(|bytes| bytes == END) else { return Ok(None) };
        let head = std::str::from_utf8(received.get(..end).unwrap_or_default())?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let mut body = 0;
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                body = value.trim().parse().context("a response's length is not a number")?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                bail!("a response came in chunks, which this client does not support");
            }
        }
        let status = status.context("the server does not speak HTTP")?;
        Ok(Some(Self { status, length: end + END.len(), body }))
    }
}

/// Replaces the content of `into` with a request. An empty token is not sent.
pub(super) fn write_request(into: &mut Vec<u8>, method: &str, path: &str, token: &str, json: &[u8]) {
    into.clear();
    let authorization = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    let content_type = if json.is_empty() { "" } else { "content-type: application/json\r\n" };
    // Writing into memory cannot fail.
    let _ = write!(
        into,
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\naccept-encoding: identity\r\n{authorization}{content_type}\
         content-length: {}\r\n\r\n",
        json.len()
    );
    into.extend_from_slice(json);
}

/// Sends a request with JSON (none if it is null) and reads JSON; everything except success is an error.
pub(super) async fn call(
    connection: &mut Connection,
    method: &str,
    path: &str,
    token: &str,
    json: &Value,
) -> anyhow::Result<Value> {
    let json = if json.is_null() { Vec::new() } else { serde_json::to_vec(json)? };
    let mut request = Vec::new();
    write_request(&mut request, method, path, token, &json);
    let status = connection.send(&request).await.with_context(|| format!("{method} {path}"))?;
    let body = connection.body();
    ensure!((200..300).contains(&status), "{method} {path} was answered {status}: {}", String::from_utf8_lossy(body));
    if body.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(body)?) }
}

/// A text in a response.
pub(super) fn text<'a>(answer: &'a Value, key: &str) -> anyhow::Result<&'a str> {
    answer.get(key).and_then(Value::as_str).with_context(|| format!("a response lacks {key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_complete() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\nx-y: z\r\n\r\nhello";
        assert_eq!(Head::read(answer.get(..30).unwrap()).unwrap(), None);
        assert_eq!(Head::read(answer).unwrap(), Some(Head { status: 201, length: answer.len() - 5, body: 5 }));
    }

    #[test]
    fn what_this_client_cannot_read_is_an_error() {
        for answer in ["nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"] {
            assert!(Head::read(answer.as_bytes()).is_err(), "{answer}");
        }
    }

    #[test]
    fn a_request_says_how_long_it_is() {
        let mut request = b"something else".to_vec();
        write_request(&mut request, "POST", "/v1/posts", "a.b.c", b"{}");
        let text = String::from_utf8(request).unwrap();
        assert!(text.starts_with("POST /v1/posts HTTP/1.1\r\n") && text.ends_with("content-length: 2\r\n\r\n{}"));
        assert!(text.contains("\r\nauthorization: Bearer a.b.c\r\n"), "{text}");
    }
}
