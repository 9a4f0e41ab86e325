//! The moderation worker: asks the moderator for a verdict on what was published or edited.

use std::sync::Arc;

use crate::{
    actors::{
        self, Command, Publisher,
        worker::{Delivery, Error, Interest, Outcome, Sharing, Turn, Worker},
    },
    domain::{EventId, EventKind, Moderation, Post, PostId},
    gateways::{Moderator, Submission},
    store::ModerationAccess,
};

/// Judges posts. The verdict goes through the publisher, because it has consequences of its own.
///
/// Only the newest text of a post is judged: a delivery of an event that a later edit has superseded is done at once, because
/// that edit's own delivery brings the verdict, after a crash or from the dead letters, too. One post is judged once at a time, and
/// authors take turns.
///
/// Idempotent by post and content hash: a verdict on text that has a verdict already, be it a model's or a person's, is
/// dropped; one on text that has changed meanwhile hides the post if it is a rejection, and counts for nothing else. Two deliveries of one
/// post are safe side by side for the same reason: of two verdicts on one text the publisher takes the first.
pub struct ModerationWorker {
    access: ModerationAccess,
    moderator: Arc<dyn Moderator>,
    publisher: Publisher,
}

impl ModerationWorker {
    /// With a moderator to ask and a publisher to tell.
    #[must_use]
    pub fn new(access: ModerationAccess, moderator: Arc<dyn Moderator>, publisher: Publisher) -> Self {
        Self { access, moderator, publisher }
    }

    async fn judge(&self, delivery: &Delivery, id: PostId) -> Result<Outcome, Error> {
        let event = delivery.event.id;
        let Some(post) = self.access.post(id, event).await?.filter(|post| waits(post, event)) else {
            return Ok(Outcome::done());
        };
        let (title, body) = (post.title.as_str(), post.body.as_str());
        let verdict = self.moderator.judge(&Submission { author: post.author, title, tags: &post.tags, body }).await?;
        let command = Command::Judge { post: id, content_hash: post.content_hash.clone(), verdict };
        match self.publisher.submit(command, delivery.event.trace).await {
            Ok(_) | Err(actors::Error::NotFound) => Ok(Outcome::done()),
            Err(error) => Err(Error::Transient(error.to_string())),
        }
    }
}

/// Whether a post waits for the verdict that this event asks for, and not for a later one's.
fn waits(post: &Post, event: EventId) -> bool {
    post.moderation == Moderation::Pending && post.announced_by() <= Some(event)
}

impl Worker for ModerationWorker {
    const NAME: &'static str = "moderation";

    fn interest(event: &EventKind) -> Interest {
        Interest::handle_if(matches!(event, EventKind::PostPublished { .. } | EventKind::PostEdited { .. }))
    }

    async fn perform(&self, delivery: &Delivery) -> Result<Outcome, Error> {
        match delivery.event.kind.post() {
            Some(post) => self.judge(delivery, post).await,
            None => Ok(Outcome::done()),
        }
    }

    fn sharing(&self) -> Option<Sharing> {
        Some(Sharing { turn, leaves_half: !self.moderator.is_quick() })
    }
}

/// An author's turn, about one post.
fn turn(event: &EventKind) -> Option<Turn> {
    match event {
        EventKind::PostPublished { post, author, .. } | EventKind::PostEdited { post, author, .. } => {
            Some(Turn { author: *author, post: *post })
        }
        _ => None,
    }
}
