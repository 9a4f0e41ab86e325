//! Dead letters: deliveries that ran out of receives or were rejected by their worker, with their whole story.

use surrealdb::types::{RecordId, SurrealValue, Value};

use super::{
    Claimed, Failure, Result, Store,
    batch::Batch,
    deliveries,
    events::{self, EventRow},
    keys::{self, parts},
};
use crate::domain::{EventId, Timestamp};

/// What the `DeadLetterActor` may do: move a delivery to the dead letters.
#[derive(Clone)]
pub struct DeadLetters {
    store: Store,
}

#[derive(SurrealValue)]
struct DeadLetterRow {
    id: RecordId,
    event: EventRow,
    failures: Vec<Failure>,
    receives: i64,
    dead_at: i64,
}

impl DeadLetters {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone() }
    }

    /// Of which events there are dead letters.
    #[cfg(test)]
    pub(crate) async fn ids(&self) -> Result<Vec<EventId>> {
        let mut answers = self.store.read(super::query::Query::new("SELECT VALUE id FROM dead_letter")).await?;
        let id = |id: RecordId| {
            let mut parts = keys::Parts::of(id)?;
            parts.text()?;
            Ok(EventId { epoch: parts.parsed()?, seq: u64::try_from(parts.int()?).unwrap_or(0) })
        };
        answers.rows::<RecordId>(0)?.into_iter().map(id).collect()
    }

    /// Moves a leased delivery of `worker` to the dead letters, in one transaction.
    ///
    /// # Errors
    /// [`super::Error::Refused`] when the lease was lost; after any error the delivery simply becomes visible again.
    pub async fn bury(&self, worker: &str, delivery: &Claimed, now: Timestamp) -> Result<()> {
        let mut batch = Batch::default();
        let text = "LET $row_ = DELETE $id_ WHERE lease = $token_ RETURN BEFORE; \
                    IF array::len($row_) = 0 { THROW 'lease lost' }; \
                    UPSERT $dead_ CONTENT $letter_ RETURN NONE";
        let dead = dead_letter_id(worker, delivery.event.id);
        let letter = DeadLetterRow {
            id: dead.clone(),
            event: (&delivery.event).into(),
            failures: delivery.failures.clone(),
            receives: i64::from(delivery.receive),
            dead_at: now.as_millis(),
        };
        batch.statement(
            text,
            [
                ("id", deliveries::delivery_id(worker, delivery.event.id).into_value()),
                ("token", delivery.token.clone().into_value()),
                ("dead", dead.into_value()),
                ("letter", letter.into_value()),
                ("row", Value::None),
            ],
        );
        self.store.write(batch.into_transaction()).await.map(drop)
    }
}

/// `dead_letter:[worker, epoch, seq]`.
pub(super) fn dead_letter_id(worker: &str, event: EventId) -> RecordId {
    keys::record("dead_letter", parts![worker, event.epoch, events::seq(event.seq)])
}
