//! Receipts: how far the consequences of a publication have come, read from the workers' rows.

use std::sync::Arc;

use super::worker::{Interest, Status};
use crate::{
    domain::{DeliveryState, EventId, EventKind, Post, Receipt, ReceiptLine},
    store::{self, ReceiptReads, Trail},
};

/// Makes receipts.
#[derive(Clone)]
pub struct Receipts {
    reads: ReceiptReads,
    workers: Vec<Arc<Status>>,
}

impl Receipts {
    /// From the workers' rows and, for workers that keep their cursors themselves, from their status.
    #[must_use]
    pub fn new(reads: ReceiptReads, workers: Vec<Arc<Status>>) -> Self {
        Self { reads, workers }
    }

    /// The receipt of a post's publication; without lines for a draft.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn of(&self, post: &Post) -> store::Result<Receipt> {
        let (Some(event), Some(published_at)) = (post.published_by, post.published_at) else {
            return Ok(Receipt { post: post.id, deliveries: Vec::new() });
        };
        let kind = EventKind::PostPublished {
            post: post.id,
            author: post.author,
            published_at,
            notify: post.notify,
            change: crate::domain::ContentChange::default(),
        };
        let concerned: Vec<&Arc<Status>> =
            self.workers.iter().filter(|worker| (worker.interest)(&kind) != Interest::Ignore).collect();
        let names: Vec<String> = concerned.iter().map(|worker| worker.subscription.clone()).collect();
        let trails = self.reads.trails(&names, event).await?;
        let line = |(worker, trail): (&Arc<Status>, Trail)| line(worker, trail, &kind, event, post);
        Ok(Receipt { post: post.id, deliveries: concerned.into_iter().zip(trails).map(line).collect() })
    }
}

fn line(worker: &Status, trail: Trail, kind: &EventKind, event: EventId, post: &Post) -> ReceiptLine {
    let blank = ReceiptLine {
        worker: worker.name,
        state: DeliveryState::Pending,
        receives: 0,
        progress: None,
        due_at: None,
        settled_at: None,
        last_error: None,
    };
    match trail {
        Trail::Dead { at, receives, last_error } => {
            ReceiptLine { state: DeliveryState::Dead, receives, settled_at: Some(at), last_error, ..blank }
        }
        Trail::Pending { is_held, due, receives, progress, last_error } => {
            let state = if is_held { DeliveryState::Held } else { DeliveryState::Retrying };
            ReceiptLine { state, receives, progress, due_at: due, last_error, ..blank }
        }
        Trail::Cursor { settled } => {
            let settled = if worker.is_local { worker.snapshot().settled.get(&event.epoch).copied() } else { settled };
            let is_settled = settled.is_some_and(|settled| settled >= event.seq);
            let is_rejected = worker.waits_for_approval && post.is_withdrawn;
            let state = match is_settled {
                false => DeliveryState::Pending,
                true if (worker.interest)(kind) == Interest::Skip || is_rejected => DeliveryState::Skipped,
                true => DeliveryState::Done,
            };
            ReceiptLine { state, ..blank }
        }
    }
}
