//! One step of a job: the one transaction in which letters are moved or deleted and the job says so.

use std::collections::BTreeSet;

use surrealdb::types::{RecordId, SurrealValue};

use super::{Jobs, job_id};
use crate::{
    domain::{DeadLetterId, Job, JobId, JobKind, JobState, Subscription, Timestamp},
    store::{
        Error, Guard, Result,
        batch::{Batch, Change, Then},
        dead_letters::{self, DeadLetterRow},
        deliveries::{self, DeliveryRow},
    },
};

/// One step of a job.
pub struct Step<'a> {
    /// Which job.
    pub job: JobId,
    /// Who takes it; it must own the job.
    pub node: &'a str,
    /// The present time: deliveries become due now.
    pub now: Timestamp,
    /// Until when the job is this node's, unless it goes on.
    pub lease_until: Timestamp,
    /// How many letters at most.
    pub limit: usize,
    /// Whether anybody takes deliveries from a subscription.
    pub is_served: &'a (dyn Fn(&Subscription) -> bool + Send + Sync),
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stepped {
    /// It is committed.
    Committed {
        /// How the job is now.
        state: JobState,
        /// Whose subscriptions have something due.
        subscriptions: BTreeSet<Subscription>,
    },
    /// Somebody else changed the same letters; nothing was written, and the step is to be taken again.
    Again,
    /// The job has ended, or is another node's.
    Lost,
}

impl Jobs {
    /// Takes the next step of a job: its next letters are deleted, become deliveries that are due now if it is a redrive, and
    /// the job says how far it is, all in one transaction.
    ///
    /// A letter stays where it is if nobody serves its subscription, or if its delivery exists all the same; the job counts it as
    /// skipped. A letter that the job has redriven and that died again is not touched a second time.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn step(&self, step: &Step<'_>) -> Result<Stepped> {
        let Some(row) = self.row(step.job).await? else { return Ok(Stepped::Lost) };
        if row.owner != step.node || row.state != JobState::Running.as_str() {
            return Ok(Stepped::Lost);
        }
        let after = row.after.clone();
        let job = row.into_job()?;
        let batch = self.select(&job, &after, step).await?;
        let (state, subscriptions) = (batch.state, batch.subscriptions());
        match self.store.commit(batch.into_batch(&after, step)?).await {
            Ok(()) => Ok(Stepped::Committed { state, subscriptions }),
            Err(Error::Exists(_)) => Ok(Stepped::Again),
            Err(Error::Refused(Guard::JobLost)) => Ok(Stepped::Lost),
            Err(Error::Refused(_)) => Ok(Stepped::Again),
            Err(error) => Err(error),
        }
    }

    /// The next letters of a job, and what becomes of them.
    async fn select(&self, job: &Job, after: &str, step: &Step<'_>) -> Result<Selected> {
        let until = dead_letters::place_behind(job.at);
        let rows = dead_letters::oldest(&self.store, &job.filter, after, step.limit).await?;
        let mut is_last = rows.len() < step.limit;
        let mut selected = Selected::new(job, after);
        for row in rows {
            let place = row.place.clone().unwrap_or_default();
            if place > until {
                is_last = true;
                break;
            }
            selected.after = place;
            if row.matches(&job.filter)? && !row.was_redriven_by(job.id) {
                selected.letters.push((row.letter_id()?, row));
            }
        }
        if job.kind == JobKind::Redrive {
            selected
                .leave(|id| !(step.is_served)(&id.subscription), "nobody serves the worker's subscription any more");
            let pending = self.pending(&selected.letters).await?;
            selected.leave(|id| pending.contains(id), "its delivery is on its way already");
        }
        selected.state = if is_last { JobState::Done } else { JobState::Running };
        Ok(selected)
    }

    /// Which of these letters have a delivery all the same.
    async fn pending(&self, letters: &[(DeadLetterId, DeadLetterRow)]) -> Result<BTreeSet<DeadLetterId>> {
        if letters.is_empty() {
            return Ok(BTreeSet::new());
        }
        let row = |id: &DeadLetterId| deliveries::delivery_id(id.subscription.as_str(), id.event);
        let ids: Vec<RecordId> = letters.iter().map(|(id, _)| row(id)).collect();
        let found = self.store.ids(ids).await?;
        Ok(letters.iter().map(|(id, _)| id.clone()).filter(|id| found.contains(&row(id))).collect())
    }
}

/// What one step is to do.
struct Selected {
    job: JobId,
    kind: JobKind,
    state: JobState,
    letters: Vec<(DeadLetterId, DeadLetterRow)>,
    skipped: usize,
    error: Option<String>,
    after: String,
}

impl Selected {
    fn new(job: &Job, after: &str) -> Self {
        Self {
            job: job.id,
            kind: job.kind,
            state: job.state,
            letters: Vec::new(),
            skipped: 0,
            error: None,
            after: after.to_owned(),
        }
    }

    /// Leaves letters where they are.
    fn leave(&mut self, is_left: impl Fn(&DeadLetterId) -> bool, why: &str) {
        let before = self.letters.len();
        if let Some((id, _)) = self.letters.iter().find(|(id, _)| is_left(id)) {
            self.error = Some(format!("left where it is: {id}: {why}"));
        }
        self.letters.retain(|(id, _)| !is_left(id));
        self.skipped += before - self.letters.len();
    }

    fn subscriptions(&self) -> BTreeSet<Subscription> {
        match self.kind {
            JobKind::Redrive => self.letters.iter().map(|(id, _)| id.subscription.clone()).collect(),
            JobKind::Discard => BTreeSet::new(),
        }
    }

    fn into_batch(self, after: &str, step: &Step<'_>) -> Result<Batch> {
        let mut batch = Batch::default();
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let then = Then::set([
            ("after", self.after.into_value()),
            ("state", self.state.as_str().into_value()),
            ("updated_at", step.now.as_millis().into_value()),
            ("lease_until", step.lease_until.as_millis().into_value()),
        ]);
        let then = then.and_add("done", count(self.letters.len())).and_add("skipped", count(self.skipped));
        let then = match self.error {
            Some(error) => then.and_set("error", error),
            None => then,
        };
        let own = [
            ("owner", step.node.into_value()),
            ("state", JobState::Running.as_str().into_value()),
            ("after", after.into_value()),
        ];
        batch.change(Change::guarded(job_id(self.job), own, Guard::JobLost, then));
        for (_, row) in &self.letters {
            // By place, too: a letter that was redriven and died again since it was read is another letter.
            let place = ("place", row.place.clone().into_value());
            batch.change(Change::guarded(row.id.clone(), [place], Guard::LettersChanged, Then::Delete));
        }
        for (id, row) in self.letters {
            match self.kind {
                JobKind::Redrive => batch.create("delivery", DeliveryRow::redriven(&id, row, self.job, step.now)),
                JobKind::Discard => batch.put("abandoned", row.abandoned(step.now, dead_letters::DISCARDED)?),
            }
        }
        Ok(batch)
    }
}
