//! Slugs: the names of posts in links.

use super::{Title, check_length};
use crate::domain::{Invalid, PostId};

text_newtype!(
    /// A post's name in links, unique per author: 1 to 100 of `a-z 0-9 -`, no hyphen at either end.
    #[derive(Debug)]
    Slug
);

impl Slug {
    /// Trims and checks a slug chosen by the author.
    ///
    /// # Errors
    /// `empty`, `too_long` or `invalid_characters`, on the field `slug`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        check_length("slug", text, 1, 100)?;
        let is_allowed = |c| matches!(c, 'a'..='z' | '0'..='9' | '-');
        if !text.chars().all(is_allowed) || text.starts_with('-') || text.ends_with('-') {
            let message = "must consist of a-z, 0-9 and -, and not start or end with a hyphen";
            return Err(Invalid::new("slug", "invalid_characters", message));
        }
        Ok(Self(text.to_owned()))
    }

    /// Makes a slug from a title: its words in ASCII, and 40 random bits of the post's id, so that equal titles do not
    /// collide.
    #[must_use]
    pub fn from_title(title: &Title, id: PostId) -> Self {
        let words = slug::slugify(title.as_str());
        let words = match cut_at_hyphen(&words, 80) {
            "" => "post",
            words => words,
        };
        // A ULID has 26 base-32 characters; the last 8 of them are the low 40 of its 80 random bits.
        let tail: String = id.to_string().chars().skip(18).map(|c| c.to_ascii_lowercase()).collect();
        Self(format!("{words}-{tail}"))
    }
}

/// The longest run of whole words that fits; a first word that is too long is cut. `text` is ASCII.
fn cut_at_hyphen(text: &str, max: usize) -> &str {
    let Some((head, rest)) = text.split_at_checked(max) else { return text };
    let is_at_word_end = rest.is_empty() || rest.starts_with('-');
    let head = if is_at_word_end { head } else { head.rsplit_once('-').map_or(head, |(words, _)| words) };
    head.trim_matches('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug_of(title: &str) -> String {
        Slug::from_title(&Title::from_trusted(title.to_owned()), PostId::from_parts(0, 31)).to_string()
    }

    #[test]
    fn a_title_becomes_a_slug_in_ascii() {
        assert_eq!(slug_of("Crème brûlée, & more!"), "creme-brulee-more-0000000z");
        assert_eq!(slug_of("!!!"), "post-0000000z");
    }

    #[test]
    fn every_slug_made_of_a_title_is_valid() {
        for title in ["x".repeat(200), "word ".repeat(40), "日本語".to_owned(), "🦀".to_owned(), "-".to_owned()] {
            let slug = slug_of(&title);
            assert_eq!(Slug::parse(&slug).unwrap().as_str(), slug);
        }
        assert_eq!(cut_at_hyphen("one-two-three", 7), "one-two");
        assert_eq!(cut_at_hyphen("one-two-three", 9), "one-two");
    }

    #[test]
    fn hostile_slugs_are_refused() {
        for text in ["-a", "a-", "A", "a/b", "..", "a b", "ä"] {
            assert_eq!(Slug::parse(text).unwrap_err().code, "invalid_characters", "{text}");
        }
        assert_eq!(Slug::parse("").unwrap_err().code, "empty");
        assert_eq!(Slug::parse(&"a".repeat(101)).unwrap_err().code, "too_long");
    }
}
