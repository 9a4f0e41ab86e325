//! The analytics worker: counts what happens, by author, tag and day.

use crate::{
    actors::worker::{Delivery, Error, Interest, Outcome, Worker},
    domain::{EventKind, Moderation},
    store::{AnalyticsAccess, Effects},
};

/// Adds to the counters.
///
/// Exactly once: the counters are effects, committed in the same transaction as the worker's cursor. Two deliveries of one post are
/// safe side by side: each adds what its own event says, whatever the order, and reads nothing.
pub struct AnalyticsWorker {
    access: AnalyticsAccess,
}

impl AnalyticsWorker {
    /// With access to the counters.
    #[must_use]
    pub fn new(access: AnalyticsAccess) -> Self {
        Self { access }
    }

    fn count(&self, delivery: &Delivery) -> Effects {
        let at = delivery.event.at;
        match &delivery.event.kind {
            EventKind::PostPublished { author, change, .. } => self.access.content(*author, 1, change, at),
            EventKind::PostEdited { author, change, .. } => self.access.content(*author, 0, change, at),
            EventKind::PostDeleted { author, change, .. } => self.access.content(*author, -1, change, at),
            EventKind::PostApproved { author, hidden, .. } => {
                self.access.verdict(*author, Moderation::Approved, *hidden, at)
            }
            EventKind::PostRejected { author, hidden, .. } => {
                self.access.verdict(*author, Moderation::Rejected, *hidden, at)
            }
            EventKind::AuthorFollowed { author, .. } => self.access.followers(*author, 1, at),
            EventKind::AuthorUnfollowed { author, .. } => self.access.followers(*author, -1, at),
        }
    }
}

impl Worker for AnalyticsWorker {
    const NAME: &'static str = "analytics";

    fn interest(_: &EventKind) -> Interest {
        Interest::Handle
    }

    async fn perform(&self, delivery: &Delivery) -> Result<Outcome, Error> {
        Ok(Outcome::Done(self.count(delivery)))
    }
}
