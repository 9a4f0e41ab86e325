//! The rows of verdicts, rulings and appeals, and what posts' rows remember of them.

use surrealdb::types::{RecordId, SurrealValue};

use super::{KeptAppeal, appeal_id, text_id};
use crate::{
    domain::{
        Appeal, AppealState, AppealText, Grounds, Judge, Moderation, Post, PostId, Reason, Ruling, Timestamp, Verdict,
    },
    store::{Error, Result, keys},
};

/// The columns of a model's verdict.
pub(in crate::store) const VERDICT: [&str; 10] = [
    "decision",
    "categories",
    "reason",
    "model",
    "prompt",
    "input_tokens",
    "output_tokens",
    "cost_micros",
    "latency_ms",
    "at",
];
/// The columns of a person's verdict.
pub(in crate::store) const RULING: [&str; 5] = ["decision", "reason", "by", "handle", "at"];

/// `verdict:[post, content hash]`; what it cost is missing in rows of versions that did not ask models.
#[derive(SurrealValue)]
pub(in crate::store) struct VerdictRow {
    pub(super) id: RecordId,
    decision: String,
    categories: Vec<String>,
    reason: String,
    model: String,
    prompt: Option<String>,
    input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    cost_micros: Option<i64>,
    latency_ms: Option<i64>,
    at: i64,
}

/// The row of a verdict on a post's present text.
pub(in crate::store) fn verdict_row(post: &Post, verdict: &Verdict, at: Timestamp) -> VerdictRow {
    let number = |number: u64| Some(i64::try_from(number).unwrap_or(i64::MAX));
    VerdictRow {
        id: text_id("verdict", post.id, &post.content_hash),
        decision: Moderation::from(verdict.decision).as_str().to_owned(),
        categories: verdict.categories.clone(),
        reason: verdict.reason.clone(),
        model: verdict.model.clone(),
        prompt: verdict.prompt.clone(),
        input_tokens: number(verdict.usage.input_tokens),
        output_tokens: number(verdict.usage.output_tokens),
        cost_micros: number(verdict.usage.cost_micros),
        latency_ms: number(verdict.usage.latency_ms),
        at: at.as_millis(),
    }
}

impl TryFrom<VerdictRow> for Grounds {
    type Error = Error;

    fn try_from(row: VerdictRow) -> Result<Self> {
        Ok(Self {
            decision: decision(&row.decision)?,
            categories: row.categories,
            reason: row.reason,
            judge: Judge::Model { name: row.model, prompt: row.prompt },
            at: Timestamp::from_millis(row.at),
        })
    }
}

/// `ruling:[post, content hash]`.
#[derive(SurrealValue)]
pub(in crate::store) struct RulingRow {
    pub(super) id: RecordId,
    decision: String,
    reason: String,
    by: String,
    handle: String,
    at: i64,
}

pub(in crate::store) fn ruling_row(post: PostId, ruling: &Ruling, handle: &str, reason: &Reason) -> RulingRow {
    RulingRow {
        id: text_id("ruling", post, &ruling.content_hash),
        decision: Moderation::from(ruling.decision()).as_str().to_owned(),
        reason: reason.as_str().to_owned(),
        by: ruling.by.to_string(),
        handle: handle.to_owned(),
        at: ruling.at.as_millis(),
    }
}

impl TryFrom<RulingRow> for Grounds {
    type Error = Error;

    fn try_from(row: RulingRow) -> Result<Self> {
        Ok(Self {
            decision: decision(&row.decision)?,
            categories: Vec::new(),
            reason: row.reason,
            judge: Judge::Person { handle: row.handle },
            at: Timestamp::from_millis(row.at),
        })
    }
}

fn decision(word: &str) -> Result<Moderation> {
    Moderation::parse(word).ok_or_else(|| Error::Corrupt(format!("verdict: unknown decision {word}")))
}

/// `appeal:[post, content hash]`.
#[derive(SurrealValue)]
pub(in crate::store) struct AppealRow {
    pub(super) id: RecordId,
    text: String,
    at: i64,
    state: String,
    reason: Option<String>,
    decided_at: Option<i64>,
}

pub(in crate::store) fn appeal_row(post: PostId, appeal: &Appeal, text: &AppealText) -> AppealRow {
    AppealRow {
        id: appeal_id(post, &appeal.content_hash),
        text: text.as_str().to_owned(),
        at: appeal.at.as_millis(),
        state: appeal.state.as_str().to_owned(),
        reason: None,
        decided_at: None,
    }
}

impl TryFrom<AppealRow> for KeptAppeal {
    type Error = Error;

    fn try_from(row: AppealRow) -> Result<Self> {
        Ok(Self {
            text: row.text,
            at: Timestamp::from_millis(row.at),
            state: appeal_state(&row.state)?,
            decided_at: row.decided_at.map(Timestamp::from_millis),
            reason: row.reason,
        })
    }
}

fn appeal_state(word: &str) -> Result<AppealState> {
    AppealState::parse(word).ok_or_else(|| Error::Corrupt(format!("appeal: unknown state {word}")))
}

/// A ruling as its post's row remembers it.
#[derive(Debug, Clone, SurrealValue)]
pub(in crate::store) struct RulingMark {
    content_hash: String,
    approved: bool,
    by: String,
    at: i64,
}

impl From<&Ruling> for RulingMark {
    fn from(ruling: &Ruling) -> Self {
        Self {
            content_hash: ruling.content_hash.clone(),
            approved: ruling.is_approved,
            by: ruling.by.to_string(),
            at: ruling.at.as_millis(),
        }
    }
}

impl TryFrom<RulingMark> for Ruling {
    type Error = Error;

    fn try_from(mark: RulingMark) -> Result<Self> {
        Ok(Self {
            content_hash: mark.content_hash,
            is_approved: mark.approved,
            by: keys::parsed(&mark.by)?,
            at: Timestamp::from_millis(mark.at),
        })
    }
}

/// An appeal as its post's row remembers it.
#[derive(Debug, Clone, SurrealValue)]
pub(in crate::store) struct AppealMark {
    content_hash: String,
    at: i64,
    state: String,
}

impl From<&Appeal> for AppealMark {
    fn from(appeal: &Appeal) -> Self {
        Self {
            content_hash: appeal.content_hash.clone(),
            at: appeal.at.as_millis(),
            state: appeal.state.as_str().to_owned(),
        }
    }
}

impl TryFrom<AppealMark> for Appeal {
    type Error = Error;

    fn try_from(mark: AppealMark) -> Result<Self> {
        Ok(Self {
            content_hash: mark.content_hash,
            at: Timestamp::from_millis(mark.at),
            state: appeal_state(&mark.state)?,
        })
    }
}
