//! One copy on its way to one recipient, as a task of its own: a step that is cancelled neither cuts a mail in half nor
//! forgets what became of it.

use std::{collections::HashSet, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
};
use tracing::Instrument;

use super::template::MailTemplate;
use crate::{
    clock::SharedClock,
    domain::{AccountId, PostId, Timestamp},
    gateways::{self, Mailer},
    store::{self, MailAccess, MailState, Recipient},
};

/// How long a recipient whom the server puts off is left alone, try by try; after the last one the copy has failed.
const WAITS: [Duration; 4] = [
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(60 * 60),
    Duration::from_secs(3 * 60 * 60),
];

/// A wait that is longer than this was made by a clock that has been set back since.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether what waits for a time may go on.
pub(super) fn is_due(at: Timestamp, now: Timestamp) -> bool {
    at <= now || at.since(now) > LONGEST_WAIT
}

/// What all mailings of this node share.
pub(super) struct Dispatcher {
    pub(super) access: MailAccess,
    pub(super) mailer: Arc<dyn Mailer>,
    pub(super) clock: SharedClock,
    /// So many copies are marked as being sent at once, and no more: after a crash they are the ones in doubt.
    pub(super) slots: Arc<Semaphore>,
    in_flight: Mutex<HashSet<(PostId, AccountId)>>,
}

/// What became of a copy.
#[derive(Debug)]
pub(super) enum DeliveryResult {
    /// The mail server has it.
    Sent,
    /// The mail server refused it, or put it off too often.
    Refused,
    /// The reader does not want it any more, or the address takes no mail.
    Unwanted,
    /// Nobody knows whether the mail server has it, and why not.
    Unknown(String),
    /// The mail server puts it off: it waits until then.
    PutOff(Timestamp),
    /// It waits: the mail server is in trouble, or so it seems.
    Trouble(gateways::Error),
    /// Somebody else has it.
    Taken,
    /// The database is in trouble.
    Lost(store::Error),
}

impl Dispatcher {
    pub(super) fn new(access: MailAccess, mailer: Arc<dyn Mailer>, clock: SharedClock) -> Self {
        let slots = Arc::new(Semaphore::new(mailer.at_once().max(1)));
        Self { access, mailer, clock, slots, in_flight: Mutex::default() }
    }

    /// Whether a copy is on its way in this very process.
    pub(super) fn is_in_flight(&self, post: PostId, recipient: AccountId) -> bool {
        self.in_flight.lock().contains(&(post, recipient))
    }

    /// Sends a copy.
    pub(super) fn send(
        self: &Arc<Self>,
        post: PostId,
        recipient: Recipient,
        template: &Arc<MailTemplate>,
        slot: OwnedSemaphorePermit,
    ) -> JoinHandle<(Recipient, DeliveryResult)> {
        self.in_flight.lock().insert((post, recipient.account));
        let copy = InFlightCopy { dispatcher: Arc::clone(self), post, recipient };
        let template = Arc::clone(template);
        let sending = async move {
            let result = copy.run(&template).await.unwrap_or_else(DeliveryResult::Lost);
            drop(slot);
            (recipient, result)
        };
        tokio::spawn(sending.in_current_span())
    }

    /// Puts a copy off; says until when, or that this was its last try.
    pub(super) async fn put_off(
        &self,
        post: PostId,
        recipient: Recipient,
        reason: &str,
    ) -> Result<DeliveryResult, store::Error> {
        let (now, tries) = (self.clock.now(), recipient.tries + 1);
        let wait = usize::try_from(recipient.tries).ok().and_then(|tries| WAITS.get(tries));
        let Some(wait) = wait else {
            let reason = format!("{reason}; given up after {tries} tries");
            self.access.put_off(post, recipient.account, (tries, now), &reason, now).await?;
            self.access.give_up(post, &[recipient.account], &reason, now).await?;
            return Ok(DeliveryResult::Refused);
        };
        let due = now.plus(*wait);
        self.access.put_off(post, recipient.account, (tries, due), reason, now).await?;
        Ok(DeliveryResult::PutOff(due))
    }
}

/// A copy that is on its way until this is dropped.
struct InFlightCopy {
    dispatcher: Arc<Dispatcher>,
    post: PostId,
    recipient: Recipient,
}

impl InFlightCopy {
    async fn run(self, template: &MailTemplate) -> Result<DeliveryResult, store::Error> {
        let (dispatcher, post, account) = (&*self.dispatcher, self.post, self.recipient.account);
        let reader = dispatcher.access.reader(account).await?;
        let obstacle = match &reader {
            Some(reader) if reader.is_suppressed => Some("suppressed"),
            Some(reader) if reader.account.mail.new_posts => None,
            Some(_) | None => Some("no longer wants it"),
        };
        let (Some(reader), None) = (reader, obstacle) else {
            dispatcher.access.give_up(post, &[account], obstacle.unwrap_or_default(), dispatcher.clock.now()).await?;
            return Ok(DeliveryResult::Unwanted);
        };
        if !dispatcher.access.claim(post, account, dispatcher.clock.now()).await? {
            return Ok(DeliveryResult::Taken);
        }
        let Err(error) = dispatcher.mailer.send(&template.to(&reader.account)).await else {
            self.finish(MailState::Sent, None).await?;
            return Ok(DeliveryResult::Sent);
        };
        let reason = error.to_string();
        match error {
            gateways::Error::Permanent(_) | gateways::Error::Undeliverable(_) => {
                self.finish(MailState::Failed, Some(&reason)).await?;
                Ok(DeliveryResult::Refused)
            }
            gateways::Error::Uncertain(_) => {
                self.finish(MailState::Unknown, Some(&reason)).await?;
                Ok(DeliveryResult::Unknown(reason))
            }
            gateways::Error::Deferred(_) => dispatcher.put_off(post, self.recipient, &reason).await,
            gateways::Error::Transient(_) | gateways::Error::RateLimited { .. } => {
                self.finish(MailState::Queued, Some(&reason)).await?;
                Ok(DeliveryResult::Trouble(error))
            }
        }
    }

    async fn finish(&self, to: MailState, error: Option<&str>) -> Result<(), store::Error> {
        let dispatcher = &self.dispatcher;
        dispatcher.access.finish(self.post, self.recipient.account, to, error, dispatcher.clock.now()).await
    }
}

impl Drop for InFlightCopy {
    fn drop(&mut self) {
        self.dispatcher.in_flight.lock().remove(&(self.post, self.recipient.account));
    }
}
