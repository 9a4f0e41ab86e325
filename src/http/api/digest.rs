//! What lists show of a body: its beginning as plain text, and how long reading it takes.

use crate::domain::{Body, excerpt, plain_text};

/// The longest excerpt, in characters.
const EXCERPT_CHARS: usize = 280;
const WORDS_PER_MINUTE: usize = 200;
/// For texts that are written without spaces between words.
const CHARS_PER_MINUTE: usize = 1_500;

/// What a list shows of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// The beginning as plain text.
    pub excerpt: String,
    /// How long reading the whole takes; at least 1.
    pub reading_minutes: u32,
}

impl Digest {
    /// Reads a body.
    #[must_use]
    pub fn of(body: &Body) -> Self {
        let text = plain_text(body);
        let by_words = text.split_whitespace().count().div_ceil(WORDS_PER_MINUTE);
        let minutes = by_words.max(text.chars().count() / CHARS_PER_MINUTE).max(1);
        Self { excerpt: excerpt(&text, EXCERPT_CHARS), reading_minutes: u32::try_from(minutes).unwrap_or(u32::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(markdown: &str) -> Digest {
        Digest::of(&Body::from_trusted(markdown.to_owned()))
    }

    #[test]
    fn an_excerpt_is_plain_text_of_at_most_280_characters() {
        assert_eq!(digest("# Tea\n\nIt is **hot** & <i>good</i>.").excerpt, "Tea It is hot & <i>good</i>.");
        for text in ["word ".repeat(10_000), "\u{e4}".repeat(10_000), "\u{1f980} ".repeat(500)] {
            let excerpt = digest(&text).excerpt;
            assert!((200..=280).contains(&excerpt.chars().count()), "{excerpt}");
        }
    }

    #[test]
    fn reading_takes_a_minute_for_200_words_and_never_none() {
        for (words, minutes) in [(1, 1), (200, 1), (201, 2), (1_000, 5)] {
            assert_eq!(digest(&"word ".repeat(words)).reading_minutes, minutes, "{words} words");
        }
        assert_eq!(digest(&"\u{8336}".repeat(30_000)).reading_minutes, 20, "text without spaces");
        assert_eq!(digest("![]()").reading_minutes, 1);
    }
}
