//! What a moderator, model or person, says of a post.

use super::Timestamp;

/// Where a post stands with the moderators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moderation {
    /// Nobody has judged its present text yet.
    Pending,
    /// It is fine.
    Approved,
    /// Nobody but its author and moderators may see it.
    Rejected,
    /// The moderator could not decide; a person must.
    Review,
}

impl Moderation {
    /// All of them, in the order a post may pass through them.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Approved, Self::Rejected, Self::Review];

    /// The word on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Review => "review",
        }
    }

    /// The state of that name.
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

/// A decision with its grounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What was decided.
    pub decision: Decision,
    /// Which rules it touched, in snake_case: `profanity`, `spam_links`, `repetition`. Empty when approved.
    pub categories: Vec<String>,
    /// A sentence for the author and for moderators.
    pub reason: String,
    /// Who judged: `rules/1`, a model's name, or `person`.
    pub model: String,
    /// Which version of the prompt a model was asked with.
    pub prompt: Option<String>,
    /// What asking cost.
    pub usage: Usage,
}

/// The grounds of a post's present verdict, as they were kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grounds {
    /// What was decided.
    pub decision: Moderation,
    /// Which rules it touched; none when a person decided.
    pub categories: Vec<String>,
    /// A sentence for the author and for moderators.
    pub reason: String,
    /// Who judged.
    pub judge: Judge,
    /// When.
    pub at: Timestamp,
}

/// Who has judged a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judge {
    /// A model, or the built-in rules.
    Model {
        /// Its name.
        name: String,
        /// Which version of the prompt it was asked with, if it was asked with one.
        prompt: Option<String>,
    },
    /// A moderator.
    Person {
        /// The handle they had then.
        handle: String,
    },
}

/// What it cost to ask a moderator; all zero for one that costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens sent.
    pub input_tokens: u64,
    /// Tokens received.
    pub output_tokens: u64,
    /// Millionths of a US dollar, as the configured prices have it.
    pub cost_micros: u64,
    /// How long the moderator took, in milliseconds, over all its calls.
    pub latency_ms: u64,
}
