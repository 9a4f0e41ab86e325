//! Running one delivery: on the work runtime, in its span, under its timeout, with panics caught.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{Delivery, Error, Interest, Outcome, Worker, disposition::RunResult};
use crate::{
    clock::SharedClock,
    domain::{Event, EventKind, PostId},
    store::{Claimed, Deliveries, EventLog},
};

/// Where a delivery came from, and thus how it is completed.
pub(super) enum Origin {
    /// The log.
    Fast(Arc<Event>),
    /// The retry queue.
    Exception(Box<Claimed>),
}

impl Origin {
    pub(super) fn event(&self) -> &Event {
        match self {
            Self::Fast(event) => event,
            Self::Exception(claimed) => &claimed.event,
        }
    }

    pub(super) fn receive(&self) -> u32 {
        match self {
            Self::Fast(_) => 1,
            Self::Exception(claimed) => claimed.receive,
        }
    }

    pub(super) fn delivery(&self) -> Delivery {
        match self {
            Self::Fast(event) => Delivery { event: Arc::clone(event), receive: 1, progress: None },
            Self::Exception(claimed) => Delivery {
                event: Arc::new(claimed.event.clone()),
                receive: claimed.receive,
                progress: claimed.progress.clone(),
            },
        }
    }
}

/// What a run needs besides its delivery.
pub(super) struct Run<W> {
    pub(super) worker: Arc<W>,
    pub(super) log: EventLog,
    pub(super) deliveries: Deliveries,
    pub(super) clock: SharedClock,
    pub(super) timeout: Duration,
    /// Cuts the run short when the node ends.
    pub(super) cut_short: CancellationToken,
    /// Whether a verdict may release a held row of this worker.
    pub(super) releases: bool,
}

impl<W: Worker> Run<W> {
    /// Starts the run as a task of its own and waits for its end.
    pub(super) async fn run(self, delivery: Delivery, runtime: tokio::runtime::Handle) -> RunResult {
        let (timeout, cut_short) = (self.timeout, self.cut_short.clone());
        let event = &delivery.event;
        let span = tracing::info_span!(
            "delivery",
            worker = W::NAME,
            delivery_id = %event.id,
            receive = delivery.receive,
            event = event.kind.name(),
            post_id = event.kind.post().map(tracing::field::display),
            trace_id = event.trace.trace_id(),
        );
        let task = async move {
            tokio::select! {
                biased;
                ended = tokio::time::timeout(timeout, self.perform(&delivery)) => {
                    ended.map_or(RunResult::TimedOut(timeout), RunResult::Ended)
                }
                () = cut_short.cancelled() => RunResult::CutShort,
            }
        };
        match runtime.spawn(task.instrument(span)).await {
            Ok(ran) => ran,
            Err(error) => RunResult::Panicked(panic_message(error)),
        }
    }

    async fn perform(&self, delivery: &Delivery) -> Result<Outcome, Error> {
        let kind = &delivery.event.kind;
        if self.releases
            && let Some((post, is_approved)) = verdict(kind)
            && let Err(error) = self.release(post, is_approved).await
        {
            return Err(error);
        }
        if W::interest(kind) == Interest::Handle { self.worker.perform(delivery).await } else { Ok(Outcome::done()) }
    }

    async fn release(&self, post: PostId, is_approved: bool) -> Result<(), Error> {
        let publication = self.log.publication_of(post).await?;
        Ok(self.deliveries.release(post, publication, is_approved, self.clock.now()).await?)
    }
}

/// The post an event brings the verdict on, and whether it is approved.
pub(super) fn verdict(kind: &EventKind) -> Option<(PostId, bool)> {
    match kind {
        EventKind::PostApproved { post, .. } => Some((*post, true)),
        EventKind::PostRejected { post, .. } | EventKind::PostDeleted { post, .. } => Some((*post, false)),
        EventKind::PostPublished { .. }
        | EventKind::PostEdited { .. }
        | EventKind::AuthorFollowed { .. }
        | EventKind::AuthorUnfollowed { .. } => None,
    }
}

fn panic_message(error: tokio::task::JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "the run was cancelled".to_owned() };
    panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panicked without a message".to_owned())
}
