//! The reply of a model, independent of the protocol.

use super::budget::Tokens;

/// A model's reply to one call.
pub(super) struct Reply {
    pub(super) said: Said,
    pub(super) tokens: Tokens,
}

/// What it replied.
pub(super) enum Said {
    /// A JSON text, which may be a verdict.
    Answer(String),
    /// It refused.
    Refused,
    /// The reply was cut short.
    CutShort,
    /// The post is too long for the model.
    TooLong,
    /// Something that is not an answer.
    Nothing(&'static str),
}

impl Reply {
    /// A reply without token counts.
    pub(super) fn uncounted(said: Said) -> Self {
        Self { said, tokens: Tokens::default() }
    }
}
