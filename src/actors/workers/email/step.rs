//! One step of a mailing: it walks the ledger for a while, has copies sent side by side, and says where to go on.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::OwnedSemaphorePermit,
    task::JoinHandle,
    time::{Instant, sleep_until, timeout_at},
};

use super::{
    Sending,
    copy::{DeliveryResult, Dispatcher, is_due},
    template::MailTemplate,
};
use crate::{
    actors::worker::Error,
    domain::{AccountId, PostId, Timestamp},
    gateways,
    store::{MailState, Recipient},
};

/// Rows read at a time.
const PAGE: usize = 200;
/// After how long a pass looks again for copies that were still on their way.
const SOON: Duration = Duration::from_secs(1);

/// Where a mailing is after a step.
pub(super) enum Stepped {
    /// Every copy is sent, failed or unknown.
    Finished,
    /// It goes on.
    Goes(Sending),
}

/// One step.
pub(super) struct Step<'a> {
    dispatcher: &'a Arc<Dispatcher>,
    post: PostId,
    /// `None`: nobody else gets it.
    template: Option<Arc<MailTemplate>>,
    /// Only a first copy is begun after this.
    begins_until: Instant,
    /// No copy is waited for after this.
    waits_until: Instant,
    running: FuturesUnordered<JoinHandle<(Recipient, DeliveryResult)>>,
    /// Whether a copy was begun.
    has_begun: bool,
    /// Those who are on their way.
    begun: Vec<AccountId>,
    /// Whether the mail server has said yes or no to anybody.
    is_answered: bool,
    troubled: Vec<(Recipient, gateways::Error)>,
    silence: Option<String>,
    lost: Option<Error>,
}

impl<'a> Step<'a> {
    /// A step that ends well within a delivery's timeout.
    pub(super) fn new(
        dispatcher: &'a Arc<Dispatcher>,
        post: PostId,
        template: Option<Arc<MailTemplate>>,
        timeout: Duration,
    ) -> Self {
        let now = Instant::now();
        Self {
            dispatcher,
            post,
            template,
            begins_until: now + timeout / 3,
            waits_until: now + timeout * 2 / 3,
            running: FuturesUnordered::new(),
            has_begun: false,
            begun: Vec::new(),
            is_answered: false,
            troubled: Vec::new(),
            silence: None,
            lost: None,
        }
    }

    /// Goes on from `sending`.
    ///
    /// # Errors
    /// What stands in the way of everybody: the mail server or the database.
    pub(super) async fn run(mut self, mut sending: Sending) -> Result<Stepped, Error> {
        let is_through = self.walk(&mut sending).await?;
        while let Ok(Some(ended)) = timeout_at(self.waits_until, self.running.next()).await {
            self.note(ended.ok(), &mut sending);
        }
        if !self.begun.is_empty() {
            // They end by themselves; the next pass sees how.
            sending.leave_until(self.soon());
        }
        self.conclude(&mut sending).await?;
        if is_through {
            let Some(left_until) = sending.left_until.take() else { return Ok(Stepped::Finished) };
            (sending.after, sending.pass) = (None, sending.pass + 1);
            sending.resumes_at = sending.resumes_at.max(Some(left_until));
        }
        Ok(Stepped::Goes(sending))
    }

    /// Begins copies until the ledger ends, which it says, or there is a reason to stop.
    async fn walk(&mut self, sending: &mut Sending) -> Result<bool, Error> {
        loop {
            let rows = self.dispatcher.access.ledger(self.post, sending.after, PAGE).await?;
            let rows = self.settle_abandoned(rows, sending).await?;
            for row in &rows {
                if row.state == MailState::Queued && !self.begin(*row, sending).await? {
                    return Ok(false);
                }
                match row.state {
                    MailState::Sending => sending.leave_until(self.soon()),
                    // What an earlier pass has counted is counted.
                    state if sending.pass == 0 => sending.count(state),
                    _ => {}
                }
                sending.after = Some(row.account);
            }
            if rows.len() < PAGE {
                return Ok(true);
            }
        }
    }

    /// Decides about rows that say `sending` while nobody here sends them.
    async fn settle_abandoned(&self, mut rows: Vec<Recipient>, sending: &mut Sending) -> Result<Vec<Recipient>, Error> {
        let to = if self.dispatcher.mailer.is_idempotent() { MailState::Queued } else { MailState::Unknown };
        let mut abandoned = Vec::new();
        for row in &mut rows {
            if row.state == MailState::Sending && !self.dispatcher.is_in_flight(self.post, row.account) {
                row.state = to;
                abandoned.push(row.account);
                if sending.pass > 0 {
                    sending.count(to);
                }
            }
        }
        self.dispatcher.access.abandon(self.post, &abandoned, to, self.dispatcher.clock.now()).await?;
        Ok(rows)
    }

    /// Deals with a row that waits; `false` if it has to wait for the next step.
    async fn begin(&mut self, row: Recipient, sending: &mut Sending) -> Result<bool, Error> {
        let now = self.dispatcher.clock.now();
        let Some(template) = self.template.clone() else {
            self.dispatcher.access.give_up(self.post, &[row.account], "the post was taken back", now).await?;
            sending.count(MailState::Failed);
            return Ok(!self.is_late());
        };
        if !is_due(row.due, now) {
            sending.leave_until(row.due);
            return Ok(true);
        }
        let Some(slot) = self.slot(sending).await else { return Ok(false) };
        self.running.push(self.dispatcher.send(self.post, row, &template, slot));
        self.begun.push(row.account);
        self.has_begun = true;
        Ok(true)
    }

    /// Waits for one of the places that all mailings share; `None` if this step is to begin no more copies.
    async fn slot(&mut self, sending: &mut Sending) -> Option<OwnedSemaphorePermit> {
        loop {
            let is_stopped = self.lost.is_some() || self.silence.is_some() || !self.troubled.is_empty();
            if is_stopped || (self.has_begun && self.is_late()) {
                return None;
            }
            tokio::select! {
                biased;
                Some(ended) = self.running.next() => self.note(ended.ok(), sending),
                slot = Arc::clone(&self.dispatcher.slots).acquire_owned() => return slot.ok(),
                () = sleep_until(self.begins_until) => return None,
            }
        }
    }

    /// Takes note of how a copy ended; one whose task has panicked stays among those on their way.
    fn note(&mut self, ended: Option<(Recipient, DeliveryResult)>, sending: &mut Sending) {
        let Some((recipient, result)) = ended else { return };
        self.begun.retain(|account| *account != recipient.account);
        self.is_answered |=
            matches!(result, DeliveryResult::Sent | DeliveryResult::Refused | DeliveryResult::PutOff(_));
        match result {
            DeliveryResult::Sent => sending.count(MailState::Sent),
            DeliveryResult::Refused | DeliveryResult::Unwanted => sending.count(MailState::Failed),
            DeliveryResult::Unknown(reason) => {
                sending.count(MailState::Unknown);
                self.silence = Some(reason);
            }
            DeliveryResult::PutOff(due) => sending.leave_until(due),
            DeliveryResult::Taken => sending.leave_until(self.soon()),
            DeliveryResult::Trouble(error) => self.troubled.push((recipient, error)),
            DeliveryResult::Lost(error) => self.lost = Some(error.into()),
        }
    }

    /// What trouble means. If nobody got through, the mail server is in trouble, and no recipient is to blame. If others did,
    /// it is those recipients' own: they are put off, so that a server that hangs up on one of them holds up nobody else.
    async fn conclude(&mut self, sending: &mut Sending) -> Result<(), Error> {
        if let Some(error) = self.lost.take() {
            return Err(error);
        }
        let pause = self.troubled.iter().find_map(|(_, error)| match error {
            gateways::Error::RateLimited { retry_after } => Some(*retry_after),
            _ => None,
        });
        let is_new = |(recipient, _): &(Recipient, gateways::Error)| recipient.tries == 0;
        if !self.is_answered && (self.troubled.is_empty() || self.troubled.iter().any(is_new)) {
            let first = self.troubled.first().map(|(_, error)| Error::from(error.clone()));
            let trouble = pause.map(Error::RateLimited).or(first).or(self.silence.take().map(Error::Transient));
            return trouble.map_or(Ok(()), Err);
        }
        for (recipient, error) in std::mem::take(&mut self.troubled) {
            let result = self.dispatcher.put_off(self.post, recipient, &error.to_string()).await?;
            self.note(Some((recipient, result)), sending);
        }
        let pause = pause.map(|pause| self.dispatcher.clock.now().plus(pause).as_millis());
        sending.resumes_at = sending.resumes_at.max(pause);
        Ok(())
    }

    fn is_late(&self) -> bool {
        Instant::now() >= self.begins_until
    }

    fn soon(&self) -> Timestamp {
        self.dispatcher.clock.now().plus(SOON)
    }
}
