//! The texts of a review: a moderator's reason and an author's appeal.

use std::fmt;

use super::{check_characters, check_length};
use crate::domain::Invalid;

text_newtype!(
    /// Why a moderator decided as they did, for the author to read: 1 to 500 characters.
    #[derive(Debug)]
    Reason
);
text_newtype!(
    /// An author's objection to a rejection: 1 to 2,000 characters.
    AppealText
);

impl Reason {
    /// Trims and checks a reason; line ends become `\n`.
    ///
    /// # Errors
    /// `empty`, `too_long` or `control_characters`, on the field `reason`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        lines("reason", text, 500).map(Self)
    }
}

impl AppealText {
    /// Trims and checks an appeal; line ends become `\n`.
    ///
    /// # Errors
    /// `empty`, `too_long` or `control_characters`, on the field `text`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        lines("text", text, 2_000).map(Self)
    }
}

impl fmt::Debug for AppealText {
    /// Shows only the length: what people write does not belong in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AppealText({} bytes)", self.0.len())
    }
}

fn lines(field: &'static str, text: &str, max: usize) -> Result<String, Invalid> {
    let text = text.trim().replace("\r\n", "\n");
    check_length(field, &text, 1, max)?;
    check_characters(field, &text, &['\n', '\t'])?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_and_appeals_have_their_limits() {
        assert_eq!(Reason::parse(" two\r\nlines ").unwrap().as_str(), "two\nlines");
        assert_eq!(Reason::parse(" \n ").unwrap_err(), Invalid::new("reason", "empty", "must not be empty"));
        assert!(Reason::parse(&"ß".repeat(500)).is_ok());
        assert_eq!(Reason::parse(&"ß".repeat(501)).unwrap_err().code, "too_long");
        assert_eq!(Reason::parse("a\0b").unwrap_err().code, "control_characters");
        assert!(AppealText::parse(&"ß".repeat(2_000)).is_ok());
        assert_eq!(AppealText::parse(&"ß".repeat(2_001)).unwrap_err().field, "text");
    }

    #[test]
    fn an_appeal_does_not_show_itself_in_logs() {
        assert_eq!(format!("{:?}", AppealText::parse("secret").unwrap()), "AppealText(6 bytes)");
    }
}
