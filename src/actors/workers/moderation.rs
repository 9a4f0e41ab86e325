//! The moderation worker: asks the moderator for a verdict on what was published or edited.

use std::sync::Arc;

use crate::{
    actors::{
        self, Command, Publisher,
        worker::{Delivery, Error, Outcome, Worker},
    },
    domain::{EventKind, Moderation as State, PostId},
    gateways::{Moderator, Submission},
    store::ModerationAccess,
};

/// Judges posts. The verdict goes through the publisher, because it has consequences of its own.
///
/// Idempotent by post and content hash: a verdict on text that has changed meanwhile, or that has a verdict already, be it a
/// model's or a person's, is dropped.
pub struct Moderation {
    access: ModerationAccess,
    moderator: Arc<dyn Moderator>,
    publisher: Publisher,
}

impl Moderation {
    /// With a moderator to ask and a publisher to tell.
    #[must_use]
    pub fn new(access: ModerationAccess, moderator: Arc<dyn Moderator>, publisher: Publisher) -> Self {
        Self { access, moderator, publisher }
    }

    async fn judge(&self, delivery: &Delivery, id: PostId) -> Result<Outcome, Error> {
        let Some(post) = self.access.post(id).await?.filter(|post| post.moderation == State::Pending) else {
            return Ok(Outcome::done());
        };
        let submission = Submission { title: post.title.as_str(), tags: &post.tags, body: post.body.as_str() };
        let verdict = self.moderator.judge(&submission).await?;
        let command = Command::Judge { post: id, content_hash: post.content_hash.clone(), verdict };
        match self.publisher.submit(command, delivery.event.trace).await {
            Ok(_) | Err(actors::Error::NotFound) => Ok(Outcome::done()),
            Err(error) => Err(Error::Transient(error.to_string())),
        }
    }
}

impl Worker for Moderation {
    const NAME: &'static str = "moderation";

    fn subscribes_to(event: &EventKind) -> bool {
        matches!(event, EventKind::PostPublished { .. } | EventKind::PostEdited { .. })
    }

    async fn perform(&self, delivery: &Delivery) -> Outcome {
        match delivery.event.kind.post() {
            Some(post) => self.judge(delivery, post).await.into(),
            None => Outcome::done(),
        }
    }
}
