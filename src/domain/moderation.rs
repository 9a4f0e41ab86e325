//! Verdicts of moderators (models or people) on posts.

use super::Timestamp;

/// The moderation state of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moderation {
    /// Its current text has not been judged yet.
    Pending,
    /// It was approved.
    Approved,
    /// Only its author and moderators may see it.
    Rejected,
    /// The moderator could not decide; a person must.
    Review,
}

impl Moderation {
    /// All of them, in the order a post may pass through them.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Approved, Self::Rejected, Self::Review];

    /// The name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Review => "review",
        }
    }

    /// The state with that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// What a moderator decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Show it.
    Approve,
    /// Hide it.
    Reject,
    /// Ask a person.
    Review,
}

impl From<Decision> for Moderation {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Approve => Self::Approved,
            Decision::Reject => Self::Rejected,
            Decision::Review => Self::Review,
        }
    }
}

/// A decision with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What was decided.
    pub decision: Decision,
    /// Which rules the post violates, in snake_case: `profanity`, `spam_links`, `repetition`. Empty when approved.
    pub categories: Vec<String>,
    /// A sentence for the author and for moderators.
    pub reason: String,
    /// Who judged: `rules/1`, a model's name, or `person`.
    pub model: String,
    /// Which version of the prompt was used for a model.
    pub prompt: Option<String>,
    /// What the judgement cost.
    pub usage: Usage,
}

/// The stored reasons of a post's current verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grounds {
    /// What was decided.
    pub decision: Moderation,
    /// Which rules the post violates; empty if a person decided.
    pub categories: Vec<String>,
    /// A sentence for the author and for moderators.
    pub reason: String,
    /// Who judged.
    pub judge: Judge,
    /// When.
    pub at: Timestamp,
}

/// Who judged a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judge {
    /// A model, or the built-in rules.
    Model {
        /// Its name.
        name: String,
        /// Which version of the prompt was used, if any.
        prompt: Option<String>,
    },
    /// A moderator.
    Person {
        /// Their handle at that time.
        handle: String,
    },
}

/// What a judgement cost; all zero for a moderator that is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens sent.
    pub input_tokens: u64,
    /// Tokens received.
    pub output_tokens: u64,
    /// Millionths of a US dollar, at the configured prices.
    pub cost_micros: u64,
    /// How long the moderator took, in milliseconds, over all its calls.
    pub latency_ms: u64,
}
