//! The `DeadLetterActor`: moves deliveries to the dead letters. If a move fails, the delivery becomes visible again at its
//! deadline, and the next receive tries the move again.

use std::sync::Arc;

use actix::prelude::*;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::{
    clock::SharedClock,
    store::{self, Claimed, DeadLetters},
};

/// Moves that may wait at once.
const QUEUE: usize = 256;

/// The one actor that writes dead letters.
pub struct DeadLetterActor {
    dead_letters: DeadLetters,
    clock: SharedClock,
}

/// The handle on the `DeadLetterActor`.
#[derive(Clone)]
pub struct DeadLetterSink {
    address: Addr<DeadLetterActor>,
    permits: Arc<Semaphore>,
}

#[derive(Message)]
#[rtype(result = "()")]
struct MoveToDeadLetters {
    worker: String,
    delivery: Claimed,
    reply: oneshot::Sender<store::Result<()>>,
    _permit: OwnedSemaphorePermit,
}

impl DeadLetterActor {
    /// Starts the actor on an arbiter.
    #[must_use]
    pub fn start(dead_letters: DeadLetters, clock: SharedClock, arbiter: &ArbiterHandle) -> DeadLetterSink {
        let address = Supervisor::start_in_arbiter(arbiter, move |_| Self { dead_letters, clock });
        DeadLetterSink { address, permits: Arc::new(Semaphore::new(QUEUE)) }
    }
}

impl DeadLetterSink {
    /// Moves a leased delivery of `worker` to the dead letters.
    pub(super) async fn send(self, worker: String, delivery: Claimed) -> store::Result<()> {
        let stopped = || store::Error::Unavailable("the dead letter actor has stopped".to_owned());
        let permit = self.permits.acquire_owned().await.map_err(|_| stopped())?;
        let (reply, moved) = oneshot::channel();
        self.address.try_send(MoveToDeadLetters { worker, delivery, reply, _permit: permit }).map_err(|_| stopped())?;
        moved.await.map_err(|_| stopped())?
    }
}

impl Actor for DeadLetterActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(QUEUE);
    }
}

impl Supervised for DeadLetterActor {}

impl Handler<MoveToDeadLetters> for DeadLetterActor {
    type Result = ();

    fn handle(&mut self, request: MoveToDeadLetters, ctx: &mut Self::Context) {
        let (dead_letters, now) = (self.dead_letters.clone(), self.clock.now());
        let moving = async move {
            let moved = dead_letters.add(&request.worker, &request.delivery, now).await;
            let event = &request.delivery.event;
            match &moved {
                Ok(()) => tracing::error!(
                    worker = request.worker,
                    delivery_id = %event.id,
                    post_id = event.kind.post().map(tracing::field::display),
                    trace_id = event.trace.trace_id(),
                    receives = request.delivery.receive,
                    last_error = request.delivery.failures.last().map(|failure| failure.message.as_str()),
                    "a delivery went to the dead letters"
                ),
                Err(error) => tracing::warn!(
                    worker = request.worker,
                    delivery_id = %event.id,
                    %error,
                    "a delivery could not be moved to the dead letters; it will be tried again"
                ),
            }
            let _ = request.reply.send(moved);
        };
        ctx.spawn(moving.into_actor(self));
    }
}
