//! The e-mail worker: one mail to every follower who wants it. Here: freezing the audience, and what follows from a step.
//!
//! `step.rs` walks the ledger, `copy.rs` sends one copy, `template.rs` writes it.

mod copy;
mod step;
mod template;

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use self::{
    copy::Dispatcher,
    step::{Step, Stepped},
    template::MailTemplate,
};
use crate::{
    actors::worker::{Delivery, Error, Interest, Outcome, Worker},
    clock::SharedClock,
    domain::{AccountId, EventKind, MailLinkKey, PostId, Timestamp, Viewer, may_see},
    gateways::Mailer,
    store::{Effects, MailAccess, MailState},
};

/// Readers frozen per step.
const AUDIENCE_CHUNK: usize = 1_000;
/// The timeout of a delivery, unless somebody says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// First freezes the audience into the ledger, then sends, step by step, to everybody whose row says `queued`.
///
/// Idempotent by the ledger's rows: a row is marked `sending` before its mail goes out and `sent` after. A row that a crash
/// left at `sending` is sent again only if the transport keeps one copy per Message-ID; otherwise it becomes `unknown`. What
/// the mail server puts off is tried again hours long; the mailing ends when every row is `sent`, `failed` or `unknown`. Two deliveries
/// of one post are safe side by side: one transaction claims a copy for one of them, and both know which copies are on their way
/// (`does_everything_side_by_side_and_nobody_sees_it`).
pub struct EmailWorker {
    dispatcher: Arc<Dispatcher>,
    public_url: String,
    links: OnceCell<MailLinkKey>,
    timeout: Duration,
}

/// Where a mailing goes on.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
enum Progress {
    /// The audience up to this reader is frozen.
    Freezing { after: AccountId, readers: u64 },
    /// The audience is frozen and gets its mails.
    Sending(Sending),
}

/// How far a mailing is: a pass over the ledger, and what it left behind for the next one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Sending {
    /// Copies handed over.
    sent: u64,
    /// Copies refused or not wanted any more.
    failed: u64,
    /// Copies that nobody knows about.
    unknown: u64,
    /// Everybody else.
    waiting: u64,
    /// Everybody up to this recipient has been dealt with in this pass.
    after: Option<AccountId>,
    /// Which pass it is, from 0.
    pass: u32,
    /// When the first of those left behind is due, in milliseconds since 1970.
    left_until: Option<i64>,
    /// When this goes on.
    resumes_at: Option<i64>,
}

impl Sending {
    /// One more copy stands like this for good; one that waits is none.
    fn count(&mut self, state: MailState) {
        match state {
            MailState::Sent => self.sent += 1,
            MailState::Failed => self.failed += 1,
            MailState::Unknown => self.unknown += 1,
            MailState::Queued | MailState::Sending => return,
        }
        self.waiting = self.waiting.saturating_sub(1);
    }

    /// Somebody is left for the next pass, due then.
    fn leave_until(&mut self, due: Timestamp) {
        let due = due.as_millis();
        self.left_until = Some(self.left_until.map_or(due, |left| left.min(due)));
    }
}

impl EmailWorker {
    /// With access to the ledger and a mailer; `public_url` is where links in mails lead.
    #[must_use]
    pub fn new(access: MailAccess, mailer: Arc<dyn Mailer>, clock: SharedClock, public_url: &str) -> Self {
        let dispatcher = Arc::new(Dispatcher::new(access, mailer, clock));
        Self { dispatcher, public_url: public_url.to_owned(), links: OnceCell::new(), timeout: TIMEOUT }
    }

    /// With the timeout of its deliveries: a step ends well before it.
    #[must_use]
    pub fn within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    async fn mail(&self, delivery: &Delivery, id: PostId, author: AccountId) -> Result<Outcome, Error> {
        match delivery.progress()? {
            None => match self.dispatcher.access.frozen(id).await? {
                // A first step that failed: who follows since then is not in the audience.
                Some(readers) => self.begin(id, author, readers).await,
                None => self.freeze(id, author, None, 0).await,
            },
            Some(Progress::Freezing { after, readers }) => self.freeze(id, author, Some(after), readers).await,
            Some(Progress::Sending(sending)) => self.send(id, author, sending).await,
        }
    }

    async fn freeze(
        &self,
        id: PostId,
        author: AccountId,
        after: Option<AccountId>,
        readers: u64,
    ) -> Result<Outcome, Error> {
        let access = &self.dispatcher.access;
        let audience = access.audience(author, after, AUDIENCE_CHUNK).await?;
        let accounts = access.accounts(&audience).await?;
        let wanting: Vec<AccountId> =
            accounts.iter().filter(|account| account.mail.new_posts).map(|account| account.id).collect();
        let readers = readers + u64::try_from(wanting.len()).unwrap_or(0);
        let next = audience.last().filter(|_| audience.len() == AUDIENCE_CHUNK);
        let complete = (next.is_none() && readers > 0).then_some(readers);
        access.freeze(id, &wanting, complete, self.dispatcher.clock.now()).await?;
        match next {
            Some(last) => Outcome::continue_from(&Progress::Freezing { after: *last, readers }, Effects::none()),
            None => self.begin(id, author, readers).await,
        }
    }

    /// Begins with a complete audience.
    async fn begin(&self, id: PostId, author: AccountId, readers: u64) -> Result<Outcome, Error> {
        if readers == 0 {
            return Ok(Outcome::done());
        }
        self.send(id, author, Sending { waiting: readers, ..Sending::default() }).await
    }

    async fn send(&self, id: PostId, author: AccountId, mut sending: Sending) -> Result<Outcome, Error> {
        let now = self.dispatcher.clock.now();
        let resumes_at = sending.resumes_at.take().map(Timestamp::from_millis);
        if let Some(at) = resumes_at.filter(|at| !copy::is_due(*at, now)) {
            return Ok(Outcome::Snooze(at.since(now)));
        }
        if sending.pass > 0 && sending.after.is_none() {
            let counts = self.dispatcher.access.counts(id).await?;
            (sending.sent, sending.failed, sending.unknown) = (counts.sent, counts.failed, counts.unknown);
            sending.waiting = counts.waiting + counts.sending;
        }
        let template = self.template(id, author).await?.map(Arc::new);
        match Step::new(&self.dispatcher, id, template, self.timeout).run(sending).await? {
            Stepped::Finished => Ok(Outcome::done()),
            Stepped::Goes(sending) => Outcome::continue_from(&Progress::Sending(sending), Effects::none()),
        }
    }

    /// What goes out; `None` if the post has been deleted or rejected meanwhile: nobody else gets it then.
    async fn template(&self, id: PostId, author: AccountId) -> Result<Option<MailTemplate>, Error> {
        let access = &self.dispatcher.access;
        let post = access.post(id).await?.filter(|post| may_see(post, Viewer::Public));
        let author = access.accounts(&[author]).await?.pop();
        let links = self.links.get_or_try_init(|| access.link_key()).await?;
        Ok(post.zip(author).map(|(post, author)| MailTemplate::new(&post, &author, &self.public_url, links.clone())))
    }
}

impl Worker for EmailWorker {
    const NAME: &'static str = "email";
    const WAITS_FOR_APPROVAL: bool = true;

    fn interest(event: &EventKind) -> Interest {
        match event {
            EventKind::PostPublished { notify: false, .. } => Interest::Skip,
            EventKind::PostPublished { .. } | EventKind::PostApproved { restores: Some(_), .. } => Interest::Handle,
            _ => Interest::Ignore,
        }
    }

    async fn perform(&self, delivery: &Delivery) -> Result<Outcome, Error> {
        match &delivery.event.kind {
            EventKind::PostPublished { post, author, .. } => self.mail(delivery, *post, *author).await,
            // What a rejection has dropped goes out after all; the ledger knows who has it already, and whose copy was given up.
            EventKind::PostApproved { post, author, .. } => match self.dispatcher.access.post(*post).await? {
                Some(found) if found.notify => self.mail(delivery, *post, *author).await,
                Some(_) | None => Ok(Outcome::done()),
            },
            _ => Ok(Outcome::done()),
        }
    }
}
