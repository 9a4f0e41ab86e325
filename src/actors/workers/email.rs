//! The e-mail worker: one mail to every follower who wants it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    actors::worker::{Delivery, Error, Outcome, Worker},
    clock::SharedClock,
    domain::{Account, AccountId, EventKind, Post, PostId, Viewer, may_see, render},
    gateways::{self, Mail, Mailer},
    store::{Effects, MailAccess, MailState},
};

/// Readers frozen per step.
const AUDIENCE_CHUNK: usize = 1_000;
/// Mails per step: with a transport whose interrupted sends are `unknown`, few, so that a crash leaves few of them.
const IDEMPOTENT_CHUNK: usize = 100;
const CAREFUL_CHUNK: usize = 10;

/// First freezes the audience into the ledger, then sends, chunk by chunk, to everybody whose row says `queued`.
///
/// Idempotent by the ledger's rows: a row is marked `sending` before the mail goes out and `sent` after. A row that a crash
/// left at `sending` is sent again only if the transport keeps one copy per Message-ID; otherwise it becomes `unknown`.
pub struct Email {
    access: MailAccess,
    mailer: Arc<dyn Mailer>,
    clock: SharedClock,
    public_url: String,
}

/// Where a mailing goes on.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
enum Progress {
    /// The audience up to this reader is frozen.
    Freezing { after: AccountId, readers: usize },
    /// Everybody up to this recipient has been dealt with.
    Sending { after: Option<AccountId>, sent: usize },
}

impl Email {
    /// With access to the ledger and a mailer; `public_url` is where links in mails lead.
    #[must_use]
    pub fn new(access: MailAccess, mailer: Arc<dyn Mailer>, clock: SharedClock, public_url: &str) -> Self {
        Self { access, mailer, clock, public_url: public_url.to_owned() }
    }

    async fn mail(&self, delivery: &Delivery, id: PostId, author: AccountId) -> Result<Outcome, Error> {
        let read = |progress| serde_json::from_value(progress).map_err(|error| Error::Fault(error.to_string()));
        match delivery.progress.clone().map(read).transpose()? {
            None => self.freeze(id, author, None, 0).await,
            Some(Progress::Freezing { after, readers }) => self.freeze(id, author, Some(after), readers).await,
            Some(Progress::Sending { after, sent }) => self.send(id, author, after, sent).await,
        }
    }

    async fn freeze(
        &self,
        id: PostId,
        author: AccountId,
        after: Option<AccountId>,
        readers: usize,
    ) -> Result<Outcome, Error> {
        let audience = self.access.audience(author, after, AUDIENCE_CHUNK).await?;
        let accounts = self.access.accounts(&audience).await?;
        let wanting: Vec<AccountId> =
            accounts.iter().filter(|account| account.mail.new_posts).map(|account| account.id).collect();
        self.access.freeze(id, &wanting).await?;
        let readers = readers + wanting.len();
        match audience.last() {
            Some(last) if audience.len() == AUDIENCE_CHUNK => proceed(&Progress::Freezing { after: *last, readers }),
            _ if readers == 0 => Ok(Outcome::done()),
            _ => self.send(id, author, None, 0).await,
        }
    }

    async fn send(
        &self,
        id: PostId,
        author: AccountId,
        after: Option<AccountId>,
        sent: usize,
    ) -> Result<Outcome, Error> {
        let post = self.access.post(id).await?.filter(|post| may_see(post, Viewer::Public));
        let author = self.access.accounts(&[author]).await?.pop();
        // Deleted or rejected meanwhile: nobody else gets it.
        let (Some(post), Some(author)) = (post, author) else { return Ok(Outcome::done()) };
        let chunk = if self.mailer.is_idempotent() { IDEMPOTENT_CHUNK } else { CAREFUL_CHUNK };
        let rows = self.access.ledger(id, after, chunk).await?;
        let Some(last) = rows.last().map(|row| row.account) else { return Ok(Outcome::done()) };
        let is_pending = |state| match state {
            MailState::Queued => true,
            MailState::Sending => self.mailer.is_idempotent(),
            MailState::Sent | MailState::Failed | MailState::Unknown => false,
        };
        let lost = rows.iter().filter(|row| row.state == MailState::Sending && !is_pending(row.state));
        let mut marks: Vec<_> = lost.map(|row| (row.account, MailState::Unknown, None)).collect();
        let pending: Vec<AccountId> = rows.iter().filter(|row| is_pending(row.state)).map(|row| row.account).collect();
        if !self.mailer.is_idempotent() {
            marks.extend(pending.iter().map(|account| (*account, MailState::Sending, None)));
        }
        self.access.mark(id, &marks, self.clock.now()).await?;
        let copies = self.send_copies(&post, &author, &pending).await;
        let done = copies.iter().filter(|copy| copy.1 == MailState::Sent).count();
        let trouble = copies.iter().find_map(|copy| copy.3.clone());
        let marks: Vec<_> = copies.into_iter().map(|(account, state, error, _)| (account, state, error)).collect();
        self.access.mark(id, &marks, self.clock.now()).await?;
        if let Some(trouble) = trouble {
            return Err(trouble.into());
        }
        if rows.len() < chunk {
            return Ok(Outcome::done());
        }
        proceed(&Progress::Sending { after: Some(last), sent: sent + done })
    }

    /// Sends to some recipients. At the first sign that the mail server is in trouble the rest stays queued.
    async fn send_copies(&self, post: &Post, author: &Account, recipients: &[AccountId]) -> Vec<Copy> {
        let accounts = match self.access.accounts(recipients).await {
            Ok(accounts) => accounts,
            Err(error) => {
                let trouble = gateways::Error::Transient(error.to_string());
                return recipients
                    .iter()
                    .map(|recipient| (*recipient, MailState::Queued, None, Some(trouble.clone())))
                    .collect();
            }
        };
        let mut copies: Vec<Copy> = Vec::with_capacity(recipients.len());
        let mut trouble: Option<gateways::Error> = None;
        for recipient in recipients {
            let account = accounts.iter().find(|account| account.id == *recipient && account.mail.new_posts);
            let Some(account) = account else {
                copies.push((*recipient, MailState::Failed, Some("no longer wants it".to_owned()), None));
                continue;
            };
            if trouble.is_some() {
                copies.push((*recipient, MailState::Queued, None, None));
                continue;
            }
            copies.push(match self.mailer.send(&self.compose(post, author, account)).await {
                Ok(()) => (*recipient, MailState::Sent, None, None),
                Err(gateways::Error::Permanent(reason) | gateways::Error::Undeliverable(reason)) => {
                    (*recipient, MailState::Failed, Some(reason), None)
                }
                Err(gateways::Error::Uncertain(reason)) => (*recipient, MailState::Unknown, Some(reason), None),
                Err(error) => {
                    trouble = Some(error.clone());
                    (*recipient, MailState::Queued, None, Some(error))
                }
            });
        }
        copies
    }

    fn compose(&self, post: &Post, author: &Account, recipient: &Account) -> Mail {
        let (name, title, body) = (author.name.as_str(), post.title.as_str(), post.body.as_str());
        let link = format!("{}/v1/posts/{}", self.public_url, post.id);
        let footer = format!(
            "You get this because you follow {name}. To get no more mail, set mail.new_posts to false in your account."
        );
        let html = format!(
            "<!doctype html><meta charset=\"utf-8\"><h1>{}</h1><p>by {}</p>{}<hr><p><a href=\"{link}\">{link}</a></p><p>{}</p>",
            escape(title),
            escape(name),
            render(&post.body).as_str(),
            escape(&footer),
        );
        Mail {
            message_id: format!("{}.{}@{}", post.id, recipient.id, host(&self.public_url)),
            to: recipient.email.clone(),
            to_name: Some(recipient.name.clone()),
            subject: format!("{name}: {title}"),
            text: format!("{title}\nby {name}\n\n{body}\n\n-- \n{link}\n{footer}\n"),
            html: Some(html),
            headers: vec![("List-Id".to_owned(), format!("<{}.{}>", author.handle, host(&self.public_url)))],
        }
    }
}

/// A recipient, how their copy stands now, why it failed, and what trouble the mail server is in.
type Copy = (AccountId, MailState, Option<String>, Option<gateways::Error>);

impl Worker for Email {
    const NAME: &'static str = "email";
    const WAITS_FOR_APPROVAL: bool = true;

    fn subscribes_to(event: &EventKind) -> bool {
        matches!(event, EventKind::PostPublished { .. })
    }

    fn skips(event: &EventKind) -> bool {
        matches!(event, EventKind::PostPublished { notify: false, .. })
    }

    async fn perform(&self, delivery: &Delivery) -> Outcome {
        match &delivery.event.kind {
            EventKind::PostPublished { post, author, .. } => self.mail(delivery, *post, *author).await.into(),
            _ => Outcome::done(),
        }
    }
}

fn proceed(progress: &Progress) -> Result<Outcome, Error> {
    let progress = serde_json::to_value(progress).map_err(|error| Error::Fault(error.to_string()))?;
    Ok(Outcome::Continue { progress, effects: Effects::none() })
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The host in the public URL, for Message-IDs and List-Ids.
fn host(public_url: &str) -> String {
    url::Url::parse(public_url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_else(|| "localhost".to_owned())
}
