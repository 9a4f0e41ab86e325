//! What both protocols are translated into.

use super::budget::Tokens;

/// What a model has replied to one call.
pub(super) struct Reply {
    pub(super) said: Said,
    pub(super) tokens: Tokens,
}

/// What it said.
pub(super) enum Said {
    /// This JSON text, which may be a verdict.
    Answer(String),
    /// That it does not want to.
    Refused,
    /// More than there was room for.
    CutShort,
    /// That the post does not fit into it.
    TooLong,
    /// Something that is no answer.
    Nothing(&'static str),
}

impl Reply {
    /// A reply without a count of tokens.
    pub(super) fn uncounted(said: Said) -> Self {
        Self { said, tokens: Tokens::default() }
    }
}
