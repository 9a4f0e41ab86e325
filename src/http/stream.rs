//! A client's connection as the server reads and writes it: it keeps its place among the connections, and ends when nothing has been
//! answered on it for long. The HTTP layer has a time limit for the head of the first request and for idle connections, but none
//! for the head of a later request, nor for a client that never reads its answer.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::rt::net::TcpStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use super::connections::Place;

/// A client's connection.
pub(super) struct Stream {
    socket: TcpStream,
    /// How long it may go on without a byte of an answer, whatever comes in.
    patience: Duration,
    wrote_at: Instant,
    alarm: Pin<Box<Sleep>>,
    _place: Place,
}

impl Stream {
    /// A connection that has just been accepted.
    pub(super) fn new(socket: TcpStream, patience: Duration, place: Place) -> Self {
        Self { socket, patience, wrote_at: Instant::now(), alarm: Box::pin(sleep(patience)), _place: place }
    }

    /// What became of a write; one that waits may be one too many.
    fn wrote<T>(&mut self, written: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_pending() {
            return self.poll_patience(cx).map(Err);
        }
        self.wrote_at = Instant::now();
        written
    }

    /// Ready when it has gone on for too long without an answer.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            ready!(self.alarm.as_mut().poll(cx));
            let end = self.wrote_at + self.patience;
            if end <= Instant::now() {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            self.alarm.as_mut().reset(end);
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.socket).poll_read(cx, buffer) {
            Poll::Pending => self.poll_patience(cx).map(Err),
            read => read,
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.wrote(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.wrote(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::rt::net::TcpListener;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::{config::HttpSettings, http::connections::Connections};

    /// Two ends of a connection: a client's, and the server's.
    async fn connected(patience: Duration) -> (TcpStream, Stream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (socket, peer) = listener.accept().await.unwrap();
        let place = Connections::new(1, &HttpSettings::default()).admit(peer.ip()).unwrap();
        (client, Stream::new(socket, patience, place))
    }

    #[actix_web::test]
    async fn who_never_reads_an_answer_is_hung_up_on() {
        let (_client, mut stream) = connected(Duration::from_millis(100)).await;
        let ended = loop {
            if let Err(error) = stream.write_all(&[b'x'; 65_536]).await {
                break error.kind();
            }
        };
        assert_eq!(ended, io::ErrorKind::TimedOut);
    }

    #[actix_web::test]
    async fn who_only_ever_sends_a_little_is_hung_up_on() {
        let (mut client, mut stream) = connected(Duration::from_millis(100)).await;
        let sending = actix_web::rt::spawn(async move {
            while client.write_all(b"a").await.is_ok() {
                sleep(Duration::from_millis(1)).await;
            }
        });
        let ended = loop {
            if let Err(error) = stream.read(&mut [0; 64]).await {
                break error.kind();
            }
        };
        assert_eq!(ended, io::ErrorKind::TimedOut);
        drop(stream);
        sending.await.unwrap();
    }

    #[actix_web::test]
    async fn an_answer_now_and_then_keeps_it_open() {
        let (mut client, mut stream) = connected(Duration::from_secs(3)).await;
        for _ in 0..4 {
            let nothing = tokio::time::timeout(Duration::from_secs(1), stream.read_u8()).await;
            assert!(nothing.is_err(), "{nothing:?}");
            stream.write_all(b"a").await.unwrap();
            assert_eq!(client.read_u8().await.unwrap(), b'a');
        }
    }
}
