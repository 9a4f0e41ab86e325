//! Delivery receipts: how far the consequences of publishing a post have come. Read from the workers' state, never written.

use super::{PostId, Timestamp};

/// One post's receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The post.
    pub post: PostId,
    /// One line per worker that subscribes to its publication, in the order of registration.
    pub deliveries: Vec<ReceiptLine>,
}

/// How far one worker has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptLine {
    /// The worker's name.
    pub worker: &'static str,
    /// How far it is.
    pub state: DeliveryState,
    /// Receives spent so far; 0 when it went through at once or has not been taken yet.
    pub receives: u32,
    /// How far a long delivery has come, in the worker's own words.
    pub progress: Option<serde_json::Value>,
    /// When it will be tried next.
    pub due_at: Option<Timestamp>,
    /// When it was dead-lettered.
    pub settled_at: Option<Timestamp>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// The state of one delivery, as readers of a receipt see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// Not taken yet, or running for the first time.
    Pending,
    /// Waits for the post's approval.
    Held,
    /// Has failed at least once, or goes on in chunks.
    Retrying,
    /// Finished.
    Done,
    /// Out of receives, or rejected by the worker: in the dead letters.
    Dead,
    /// There was nothing to do: the post asked for no mail, or was rejected before any was sent.
    Skipped,
}

impl DeliveryState {
    /// The word on the wire.
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
