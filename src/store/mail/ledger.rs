//! The mail ledger: one row per post and recipient, frozen before the first mail goes out.

use surrealdb::types::{RecordId, SurrealValue};

use crate::{
    domain::{AccountId, PostId, Timestamp},
    store::{
        Result, Store,
        batch::Batch,
        keys::{self, parts},
        query::Query,
    },
};

/// How one copy of a mail stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailState {
    /// In the frozen audience, not handed over yet, or put off by the mail server.
    Queued,
    /// About to be handed to the mail server: after a crash nobody knows whether it was.
    Sending,
    /// The mail server has it.
    Sent,
    /// The mail server refused it for good, or the recipient is not to get it any more.
    Failed,
    /// Nobody knows whether the mail server has it, and it cannot tell a second copy from the first: never sent again.
    Unknown,
}

impl MailState {
    const ALL: [Self; 5] = [Self::Queued, Self::Sending, Self::Sent, Self::Failed, Self::Unknown];

    /// The word in the ledger.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    fn parse(word: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.as_str() == word).unwrap_or(Self::Unknown)
    }
}

/// One row of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipient {
    /// Who is to get the mail.
    pub account: AccountId,
    /// How their copy stands.
    pub state: MailState,
    /// How often the mail server has put it off.
    pub tries: u32,
    /// When it may be tried; long ago unless it was put off.
    pub due: Timestamp,
}

/// How many copies of a mail stand how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MailCounts {
    /// In the audience and not handed over yet.
    pub waiting: u64,
    /// Just being handed over.
    pub sending: u64,
    /// The mail server has them.
    pub sent: u64,
    /// Refused, or not wanted any more.
    pub failed: u64,
    /// Nobody knows.
    pub unknown: u64,
}

#[derive(SurrealValue)]
struct NewRow {
    id: RecordId,
    state: String,
}

#[derive(SurrealValue)]
struct MailingRow {
    id: RecordId,
    readers: i64,
    /// Since when it is complete; none in rows of older versions.
    at: Option<i64>,
}

#[derive(SurrealValue)]
struct LedgerRow {
    id: RecordId,
    state: String,
    /// Missing unless it was put off.
    tries: Option<i64>,
    due: Option<i64>,
}

#[derive(SurrealValue)]
struct CountRow {
    state: String,
    n: i64,
}

fn ledger_id(post: PostId, recipient: AccountId) -> RecordId {
    keys::record("mail", parts![post, recipient])
}

fn mailing_id(post: PostId) -> RecordId {
    keys::named("mailing", post.to_string())
}

fn rows_of(post: PostId, after: Option<AccountId>) -> RecordId {
    let from = match after {
        Some(recipient) => parts![post, recipient],
        None => parts![post, ""],
    };
    keys::range("mail", from, after.is_some(), parts![post, "~"])
}

/// Puts readers into the audience of a post; those who are in it already stay as they are. `complete` says that these
/// are the last, and how many there are in all.
pub(super) async fn freeze(
    store: &Store,
    post: PostId,
    readers: &[AccountId],
    complete: Option<u64>,
    at: Timestamp,
) -> Result<()> {
    let mut batch = Batch::default();
    for reader in readers {
        batch.put("mail", NewRow { id: ledger_id(post, *reader), state: MailState::Queued.as_str().to_owned() });
    }
    if let Some(readers) = complete {
        let (id, readers) = (mailing_id(post), i64::try_from(readers).unwrap_or(i64::MAX));
        batch.put("mailing", MailingRow { id, readers, at: Some(at.as_millis()) });
    }
    if batch.len() == 0 {
        return Ok(());
    }
    store.commit(batch).await
}

/// How many readers a complete audience has; `None` as long as it is not.
pub(super) async fn frozen(store: &Store, post: PostId) -> Result<Option<u64>> {
    let row: Option<MailingRow> = store.one(mailing_id(post)).await?;
    Ok(row.map(|row| u64::try_from(row.readers).unwrap_or(0)))
}

/// The next `limit` rows of a post's ledger, behind `after`.
pub(super) async fn ledger(
    store: &Store,
    post: PostId,
    after: Option<AccountId>,
    limit: usize,
) -> Result<Vec<Recipient>> {
    let rows: Vec<LedgerRow> = store.rows(store.page(rows_of(post, after), limit).await?).await?;
    let recipient = |row: LedgerRow| {
        let mut parts = keys::Parts::of(row.id)?;
        parts.text()?;
        Ok(Recipient {
            account: parts.parsed()?,
            state: MailState::parse(&row.state),
            tries: u32::try_from(row.tries.unwrap_or(0)).unwrap_or(u32::MAX),
            due: Timestamp::from_millis(row.due.unwrap_or(0)),
        })
    };
    rows.into_iter().map(recipient).collect()
}

/// A change of some rows.
pub(super) struct Mark<'a> {
    /// Only rows that stand like this are changed.
    pub(super) from: &'a [MailState],
    pub(super) to: MailState,
    /// Why, if something went wrong.
    pub(super) error: Option<&'a str>,
    /// For a row that was put off: how often by now, and until when.
    pub(super) put_off: Option<(u32, Timestamp)>,
    pub(super) at: Timestamp,
}

/// Changes rows; says how many stood as they had to.
pub(super) async fn mark(store: &Store, post: PostId, recipients: &[AccountId], mark: Mark<'_>) -> Result<usize> {
    if recipients.is_empty() {
        return Ok(0);
    }
    let ids: Vec<RecordId> = recipients.iter().map(|recipient| ledger_id(post, *recipient)).collect();
    let from: Vec<String> = mark.from.iter().map(|state| state.as_str().to_owned()).collect();
    let text = "UPDATE $ids SET state = $to, at = $at, error = $error, tries = $tries ?? tries, due = $due ?? due \
                WHERE state IN $from RETURN VALUE id";
    let query = Query::new(text)
        .bind("ids", ids)
        .bind("from", from)
        .bind("to", mark.to.as_str())
        .bind("at", mark.at.as_millis())
        .bind("error", mark.error.map(str::to_owned))
        .bind("tries", mark.put_off.map(|(tries, _)| i64::from(tries)))
        .bind("due", mark.put_off.map(|(_, due)| due.as_millis()));
    Ok(store.write(query).await?.rows::<RecordId>(0)?.len())
}

/// How many rows of a post stand how.
pub(super) async fn counts(store: &Store, post: PostId) -> Result<MailCounts> {
    let text = "SELECT state, count() AS n FROM array::first([$range]) GROUP BY state";
    let rows: Vec<CountRow> = store.read(Query::new(text).bind("range", rows_of(post, None))).await?.rows(0)?;
    let mut counts = MailCounts::default();
    for row in rows {
        let n = u64::try_from(row.n).unwrap_or(0);
        match MailState::parse(&row.state) {
            MailState::Queued => counts.waiting += n,
            MailState::Sending => counts.sending += n,
            MailState::Sent => counts.sent += n,
            MailState::Failed => counts.failed += n,
            MailState::Unknown => counts.unknown += n,
        }
    }
    Ok(counts)
}
