//! One websocket of `/v1/admin/watch`, from its opening to its end.
//!
//! What a client has not read is bounded by its own answers: after [`WINDOW`] bytes it is sent a ping, and nothing more until
//! the pong comes back, which a client sends only when it has read up to there. Meanwhile the change_feed goes on; whoever comes back too
//! late gets a new snapshot. Whoever never comes back is cut off.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use actix_web::{
    HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    web::{Bytes, Data},
};
use actix_ws::{CloseCode, CloseReason, Message as Incoming, MessageStream, ProtocolError, Session};
use tokio::{
    sync::oneshot,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::{
    actors::monitor::{Message, Watch},
    http::{state::State, watch_tickets::Pass},
};

/// What may be on its way to a client that has not answered, in bytes. Well below what the server buffers for a connection, so that
/// it always asks the body of the answer for more, and hears that the client is cut off.
const WINDOW: u64 = 8 << 10;
/// How often a client is asked whether it is there, even if there is nothing to tell.
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long a client may take to answer, or to take a frame.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the clock and the session are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// Clients have nothing to say.
const LARGEST_FRAME: usize = 1 << 10;

/// One client and its connection.
pub(super) struct Watcher {
    session: Session,
    incoming: MessageStream,
    watch: Watch,
    pass: Pass,
    state: Data<State>,
    credit: Credit,
    cut: oneshot::Sender<()>,
}

/// How a connection ends.
enum End {
    /// With a word to the client.
    Told(CloseCode, &'static str),
    /// As the client wants.
    Left(Option<CloseReason>),
    /// It is gone already.
    Gone,
    /// It is there and does not read.
    Deaf,
}

impl Watcher {
    /// Begins to tell; answers the response that opens the websocket.
    pub(super) fn start(
        response: HttpResponse,
        session: Session,
        incoming: MessageStream,
        watch: Watch,
        pass: Pass,
        state: Data<State>,
    ) -> HttpResponse {
        let (cut, is_cut) = oneshot::channel();
        let incoming = incoming.max_frame_size(LARGEST_FRAME);
        let credit = Credit::new(Instant::now());
        actix_web::rt::spawn(Self { session, incoming, watch, pass, state, credit, cut }.run());
        response.map_body(|_, body| Cuttable { body, is_cut: Some(is_cut) }).map_into_boxed_body()
    }

    async fn run(mut self) {
        let reason = match self.tell_all().await {
            End::Told(code, text) => Some(CloseReason::from((code, text))),
            End::Left(reason) => reason,
            End::Gone => return,
            End::Deaf => {
                let _ = self.cut.send(());
                return;
            }
        };
        let _ = timeout(GOODBYE, self.session.close(reason)).await;
    }

    async fn tell_all(&mut self) -> End {
        let closing = self.watch.closing();
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let end = tokio::select! {
                () = closing.cancelled() => Some(End::Told(CloseCode::Away, "the node shuts down; come back with since")),
                message = self.incoming.recv() => self.hear(message).await,
                message = self.watch.next(), if self.credit.has_room() => self.tell(&message).await,
                _ = look.tick() => self.look().await,
            };
            if let Some(end) = end {
                return end;
            }
            if let Some(payload) = self.credit.wanted_ping(Instant::now())
                && let Some(end) = sent(self.session.ping(&payload)).await
            {
                return end;
            }
        }
    }

    async fn tell(&mut self, message: &Message) -> Option<End> {
        let text = message.text();
        self.credit.spend(text.len());
        sent(self.session.text(&*text)).await
    }

    async fn hear(&mut self, message: Option<Result<Incoming, ProtocolError>>) -> Option<End> {
        match message {
            Some(Ok(Incoming::Ping(payload))) => sent(self.session.pong(&payload)).await,
            Some(Ok(Incoming::Pong(payload))) => {
                self.credit.earn(&payload);
                None
            }
            Some(Ok(Incoming::Close(reason))) => Some(End::Left(reason)),
            Some(Ok(Incoming::Text(_) | Incoming::Binary(_) | Incoming::Continuation(_) | Incoming::Nop)) => None,
            Some(Err(ProtocolError::Overflow)) => Some(End::Told(CloseCode::Size, "there is nothing to be sent here")),
            Some(Err(ProtocolError::Io(_))) | None => Some(End::Gone),
            Some(Err(_)) => Some(End::Told(CloseCode::Protocol, "that is no websocket frame")),
        }
    }

    /// Whether the client still answers, and whether it may still watch.
    async fn look(&self) -> Option<End> {
        if self.credit.is_deaf(Instant::now()) {
            return Some(End::Deaf);
        }
        let now = self.state.clock.now();
        if now >= self.pass.ends_at {
            return Some(End::Told(CloseCode::Policy, "the access token has expired"));
        }
        match timeout(GOODBYE, self.state.repositories.identity().is_session_open(self.pass.session, now)).await {
            Ok(Ok(false)) => Some(End::Told(CloseCode::Policy, "the session was closed")),
            // A database that does not answer is a reason to go on watching.
            Ok(Ok(true) | Err(_)) | Err(_) => None,
        }
    }
}

/// Sends something; a connection that does not take it in time does not read.
async fn sent(sending: impl Future<Output = Result<(), actix_ws::Closed>>) -> Option<End> {
    match timeout(PATIENCE, sending).await {
        Ok(Ok(())) => None,
        Ok(Err(actix_ws::Closed)) => Some(End::Gone),
        Err(_) => Some(End::Deaf),
    }
}

/// How much a client has been sent, and how much of it it is known to have read.
#[derive(Debug)]
struct Credit {
    sent: u64,
    read: u64,
    /// The ping that waits for its pong: when it was sent, and behind how many bytes.
    asked: Option<(Instant, u64)>,
    asked_at: Instant,
}

impl Credit {
    fn new(now: Instant) -> Self {
        Self { sent: 0, read: 0, asked: None, asked_at: now }
    }

    fn has_room(&self) -> bool {
        self.sent.saturating_sub(self.read) < WINDOW
    }

    fn spend(&mut self, bytes: usize) {
        self.sent = self.sent.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// The payload of a ping that is to be sent now, if one is.
    fn wanted_ping(&mut self, now: Instant) -> Option<[u8; 8]> {
        let is_due = !self.has_room() || now.duration_since(self.asked_at) >= PING_EVERY;
        if self.asked.is_some() || !is_due {
            return None;
        }
        (self.asked, self.asked_at) = (Some((now, self.sent)), now);
        Some(self.sent.to_be_bytes())
    }

    /// A pong came. Only the answer to the present ping counts.
    fn earn(&mut self, payload: &[u8]) {
        if let Some((_, behind)) = self.asked.filter(|(_, behind)| payload == behind.to_be_bytes()) {
            (self.read, self.asked) = (behind, None);
        }
    }

    fn is_deaf(&self, now: Instant) -> bool {
        self.asked.is_some_and(|(at, _)| now.duration_since(at) >= PATIENCE)
    }
}

/// The body of the answer, until it is cut: then it fails, which is the one way to have the server drop a connection whose client
/// does not read.
struct Cuttable {
    body: BoxBody,
    is_cut: Option<oneshot::Receiver<()>>,
}

impl MessageBody for Cuttable {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if let Some(is_cut) = &mut self.is_cut {
            match Pin::new(is_cut).poll(context) {
                Poll::Ready(Ok(())) => return Poll::Ready(Some(Err("a watcher does not read".into()))),
                Poll::Ready(Err(_)) => self.is_cut = None,
                Poll::Pending => {}
            }
        }
        Pin::new(&mut self.body).poll_next(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_sent_beyond_the_window_until_the_client_has_read() {
        let start = Instant::now();
        let mut credit = Credit::new(start);
        assert_eq!(credit.wanted_ping(start), None, "nothing to ask about");
        credit.spend(8 << 10);
        assert!(!credit.has_room());
        let ping = credit.wanted_ping(start).unwrap();
        assert_eq!(credit.wanted_ping(start), None, "one ping at a time");
        credit.earn(b"another");
        assert!(!credit.has_room());
        credit.earn(&ping);
        assert!(credit.has_room() && !credit.is_deaf(start + PATIENCE));
    }

    #[test]
    fn a_silent_client_is_asked_and_then_deaf() {
        let start = Instant::now();
        let mut credit = Credit::new(start);
        assert!(credit.wanted_ping(start + PING_EVERY).is_some());
        assert!(!credit.is_deaf(start + PING_EVERY));
        assert!(credit.is_deaf(start + PING_EVERY + PATIENCE));
    }
}
