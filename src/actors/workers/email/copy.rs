//! One copy on its way to one recipient, as a task of its own: a step that is cancelled neither cuts a mail in half nor
//! forgets what became of it.

use std::{collections::HashSet, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
};
use tracing::Instrument;

use super::letter::Letter;
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
pub(super) struct Desk {
    pub(super) access: MailAccess,
    pub(super) mailer: Arc<dyn Mailer>,
    pub(super) clock: SharedClock,
    /// So many copies are marked as being sent at once, and no more: after a crash they are the ones in doubt.
    pub(super) slots: Arc<Semaphore>,
    in_flight: Mutex<HashSet<(PostId, AccountId)>>,
}

/// What became of a copy.
#[derive(Debug)]
pub(super) enum Fate {
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

impl Desk {
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
        letter: &Arc<Letter>,
        slot: OwnedSemaphorePermit,
    ) -> JoinHandle<(Recipient, Fate)> {
        self.in_flight.lock().insert((post, recipient.account));
        let flight = Flight { desk: Arc::clone(self), post, recipient };
        let letter = Arc::clone(letter);
        let sending = async move {
            let fate = flight.run(&letter).await.unwrap_or_else(Fate::Lost);
            drop(slot);
            (recipient, fate)
        };
        tokio::spawn(sending.in_current_span())
    }

    /// Puts a copy off; says until when, or that this was its last try.
    pub(super) async fn put_off(&self, post: PostId, recipient: Recipient, reason: &str) -> Result<Fate, store::Error> {
        let (now, tries) = (self.clock.now(), recipient.tries + 1);
        let wait = usize::try_from(recipient.tries).ok().and_then(|tries| WAITS.get(tries));
        let Some(wait) = wait else {
            let reason = format!("{reason}; given up after {tries} tries");
            self.access.put_off(post, recipient.account, (tries, now), &reason, now).await?;
            self.access.give_up(post, &[recipient.account], &reason, now).await?;
            return Ok(Fate::Refused);
        };
        let due = now.plus(*wait);
        self.access.put_off(post, recipient.account, (tries, due), reason, now).await?;
        Ok(Fate::PutOff(due))
    }
}

/// A copy that is on its way until this is dropped.
struct Flight {
    desk: Arc<Desk>,
    post: PostId,
    recipient: Recipient,
}

impl Flight {
    async fn run(self, letter: &Letter) -> Result<Fate, store::Error> {
        let (desk, post, account) = (&*self.desk, self.post, self.recipient.account);
        let reader = desk.access.reader(account).await?;
        let obstacle = match &reader {
            Some(reader) if reader.is_suppressed => Some("suppressed"),
            Some(reader) if reader.account.mail.new_posts => None,
            Some(_) | None => Some("no longer wants it"),
        };
        let (Some(reader), None) = (reader, obstacle) else {
            desk.access.give_up(post, &[account], obstacle.unwrap_or_default(), desk.clock.now()).await?;
            return Ok(Fate::Unwanted);
        };
        if !desk.access.claim(post, account, desk.clock.now()).await? {
            return Ok(Fate::Taken);
        }
        let Err(error) = desk.mailer.send(&letter.to(&reader.account)).await else {
            self.finish(MailState::Sent, None).await?;
            return Ok(Fate::Sent);
        };
        let reason = error.to_string();
        match error {
            gateways::Error::Permanent(_) | gateways::Error::Undeliverable(_) => {
                self.finish(MailState::Failed, Some(&reason)).await?;
                Ok(Fate::Refused)
            }
            gateways::Error::Uncertain(_) => {
                self.finish(MailState::Unknown, Some(&reason)).await?;
                Ok(Fate::Unknown(reason))
            }
            gateways::Error::Deferred(_) => desk.put_off(post, self.recipient, &reason).await,
            gateways::Error::Transient(_) | gateways::Error::RateLimited { .. } => {
                self.finish(MailState::Queued, Some(&reason)).await?;
                Ok(Fate::Trouble(error))
            }
        }
    }

    async fn finish(&self, to: MailState, error: Option<&str>) -> Result<(), store::Error> {
        let desk = &self.desk;
        desk.access.finish(self.post, self.recipient.account, to, error, desk.clock.now()).await
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.desk.in_flight.lock().remove(&(self.post, self.recipient.account));
    }
}
