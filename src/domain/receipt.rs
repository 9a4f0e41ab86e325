//! Delivery receipts: what each worker has done with a published post. Derived from the workers' state, never stored.

use super::{PostId, Timestamp};

/// One post's receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The post.
    pub post: PostId,
    /// One line per worker that subscribes to its publication, in the order of registration.
    pub deliveries: Vec<ReceiptLine>,
}

/// What one worker has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptLine {
    /// The worker's name.
    pub worker: &'static str,
    /// The state of its delivery.
    pub state: DeliveryState,
    /// Failed receives so far; 0 if it succeeded at once or has not started.
    pub receives: u32,
    /// The progress of a long delivery, in the worker's own format.
    pub progress: Option<serde_json::Value>,
    /// When it will be tried next.
    pub due_at: Option<Timestamp>,
    /// When it was dead-lettered.
    pub settled_at: Option<Timestamp>,
    /// The last error.
    pub last_error: Option<String>,
}

/// The state of one delivery, as readers of a receipt see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// Not started, or running for the first time.
    Pending,
    /// Waits for the post's approval.
    Held,
    /// Has failed at least once, or continues in chunks.
    Retrying,
    /// Finished.
    Done,
    /// Out of receives, or rejected by the worker: in the dead letters.
    Dead,
    /// There was nothing to do: the post asked for no mail, or was rejected before any was sent.
    Skipped,
}

impl DeliveryState {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Held => "held",
            Self::Retrying => "retrying",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Skipped => "skipped",
        }
    }
}
