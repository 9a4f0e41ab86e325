//! The mail ledger: one row per post and recipient, frozen before the first mail goes out.

use surrealdb::types::{Object, RecordId, SurrealValue, Value};

use super::{
    Result, Store,
    batch::Batch,
    keys::{self, parts},
    query::Query,
};
use crate::domain::{AccountId, PostId, Timestamp};

/// How one copy of a mail stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailState {
    /// In the frozen audience, not handed over yet.
    Queued,
    /// About to be handed to the mail server: after a crash nobody knows whether it was.
    Sending,
    /// The mail server has it.
    Sent,
    /// The mail server refused it for good, or the recipient no longer wants it.
    Failed,
    /// Was `Sending` when the process died, and the transport cannot tell a second copy from the first: never sent again.
    Unknown,
}

impl MailState {
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
        [Self::Queued, Self::Sending, Self::Sent, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == word)
            .unwrap_or(Self::Unknown)
    }
}

/// One row of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipient {
    /// Who is to get the mail.
    pub account: AccountId,
    /// How their copy stands.
    pub state: MailState,
}

#[derive(SurrealValue)]
struct LedgerRow {
    id: RecordId,
    state: String,
}

fn ledger_id(post: PostId, recipient: AccountId) -> RecordId {
    keys::record("mail", parts![post, recipient])
}

/// Puts readers into the frozen audience of a post; those who are in it already stay as they are.
pub(super) async fn freeze(store: &Store, post: PostId, readers: &[AccountId]) -> Result<()> {
    let mut batch = Batch::default();
    for reader in readers {
        let row = LedgerRow { id: ledger_id(post, *reader), state: MailState::Queued.as_str().to_owned() };
        batch.put("mail", row);
    }
    if batch.len() == 0 {
        return Ok(());
    }
    store.write(batch.into_transaction()).await.map(drop)
}

/// The next `limit` rows of a post's ledger, behind `after`.
pub(super) async fn ledger(
    store: &Store,
    post: PostId,
    after: Option<AccountId>,
    limit: usize,
) -> Result<Vec<Recipient>> {
    let from = match after {
        Some(recipient) => parts![post, recipient],
        None => parts![post, ""],
    };
    let range = keys::range("mail", from, after.is_some(), parts![post, "~"]);
    let ids = store.read(Query::page(range, limit)).await?.rows::<RecordId>(0)?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = store.read(Query::new("SELECT id, state FROM $ids").bind("ids", ids)).await?;
    let recipient = |row: LedgerRow| {
        let mut parts = keys::Parts::of(row.id)?;
        parts.text()?;
        Ok(Recipient { account: parts.parsed()?, state: MailState::parse(&row.state) })
    };
    rows.rows::<LedgerRow>(0)?.into_iter().map(recipient).collect()
}

/// Writes how some copies stand now.
pub(super) async fn mark(
    store: &Store,
    post: PostId,
    states: &[(AccountId, MailState, Option<String>)],
    at: Timestamp,
) -> Result<()> {
    if states.is_empty() {
        return Ok(());
    }
    let mark = |(recipient, state, error): &(AccountId, MailState, Option<String>)| {
        let mut row = Object::default();
        row.insert("state", state.as_str());
        row.insert("at", at.as_millis());
        row.insert("error", error.clone());
        let mut mark = Object::default();
        mark.insert("id", ledger_id(post, *recipient));
        mark.insert("row", Value::Object(row));
        Value::Object(mark)
    };
    let marks: Vec<Value> = states.iter().map(mark).collect();
    let text = "BEGIN; FOR $mark IN $marks { UPSERT $mark.id MERGE $mark.row RETURN NONE }; COMMIT";
    store.write(Query::new(text).bind("marks", marks)).await.map(drop)
}
