//! Tags: what a post is about.

use super::{check_characters, check_length};
use crate::domain::{Invalid, MAX_TAGS};

text_newtype!(
    /// A tag: 1 to 40 letters and digits of any script and `- _ . + #`, in lower case.
    #[derive(Debug)]
    Tag
);

impl Tag {
    /// Trims, lower-cases and checks a tag; spaces inside become hyphens.
    ///
    /// # Errors
    /// `empty`, `too_long`, `control_characters` or `invalid_characters`, on the field `tag`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        check_characters("tag", text.trim(), &[])?;
        let text = text.split_whitespace().collect::<Vec<_>>().join("-").to_lowercase();
        check_length("tag", &text, 1, 40)?;
        let is_allowed = |c: char| c.is_alphanumeric() || is_mark(c) || matches!(c, '-' | '_' | '.' | '+' | '#');
        if !text.chars().all(is_allowed) || !text.chars().any(char::is_alphanumeric) {
            let message = "must consist of letters and digits, and of - _ . + # between them";
            return Err(Invalid::new("tag", "invalid_characters", message));
        }
        Ok(Self(text))
    }

    /// Checks a post's tags; a duplicate is kept once, at its first position.
    ///
    /// # Errors
    /// `too_many` on the field `tags`, and what is wrong with each, on `tags.0`, `tags.1`, …
    pub fn parse_list(texts: &[String]) -> Result<Vec<Self>, Vec<Invalid>> {
        if texts.len() > MAX_TAGS {
            return Err(vec![Invalid::new("tags", "too_many", format!("must be at most {MAX_TAGS}"))]);
        }
        let mut tags = Vec::with_capacity(texts.len());
        let mut wrong = Vec::new();
        for (place, text) in texts.iter().enumerate() {
            match Self::parse(text) {
                Ok(tag) if tags.contains(&tag) => {}
                Ok(tag) => tags.push(tag),
                Err(invalid) => wrong.push(invalid.under(format!("tags.{place}"))),
            }
        }
        if wrong.is_empty() { Ok(tags) } else { Err(wrong) }
    }
}

/// Marks that belong to the preceding letter but are not alphanumeric themselves: combining accents, viramas and nuktas
/// of Indic scripts, tone marks of Thai and Lao, signs of Myanmar and Khmer, the Japanese voicing marks.
fn is_mark(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}'
            | '\u{64b}'..='\u{65f}'
            | '\u{93c}' | '\u{94d}' | '\u{9bc}' | '\u{9cd}' | '\u{a3c}' | '\u{a4d}' | '\u{abc}' | '\u{acd}'
            | '\u{b3c}' | '\u{b4d}' | '\u{bcd}' | '\u{c4d}' | '\u{cbc}' | '\u{ccd}' | '\u{d4d}' | '\u{dca}'
            | '\u{e47}'..='\u{e4e}'
            | '\u{ec8}'..='\u{ece}'
            | '\u{1037}' | '\u{1039}' | '\u{103a}'
            | '\u{17c9}'..='\u{17d3}'
            | '\u{3099}' | '\u{309a}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_all_scripts_are_taken() {
        for (text, tag) in [
            (" Rust ", "rust"),
            ("C++", "c++"),
            ("c#", "c#"),
            ("Big  Data", "big-data"),
            ("हिन्दी", "हिन्दी"),
            ("ÄRGER", "ärger"),
        ] {
            assert_eq!(Tag::parse(text).unwrap().as_str(), tag);
        }
    }

    #[test]
    fn odd_tags_are_refused() {
        for (text, code) in [
            (" ", "empty"),
            ("a/b", "invalid_characters"),
            ("<b>", "invalid_characters"),
            ("--", "invalid_characters"),
            ("a,b", "invalid_characters"),
            ("a\nb", "control_characters"),
            ("a\u{202e}b", "control_characters"),
        ] {
            assert_eq!(Tag::parse(text).unwrap_err().code, code, "{text:?}");
        }
        assert_eq!(Tag::parse(&"x".repeat(41)).unwrap_err().code, "too_long");
    }

    #[test]
    fn a_list_keeps_the_first_of_equal_tags_and_names_the_bad_ones() {
        let texts = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
        let tags = Tag::parse_list(&texts(&["Rust", "web", "rust"])).unwrap();
        assert_eq!(tags.iter().map(Tag::as_str).collect::<Vec<_>>(), ["rust", "web"]);
        let wrong = Tag::parse_list(&texts(&["ok", "", "a/b"])).unwrap_err();
        assert_eq!(wrong.iter().map(|invalid| invalid.field.as_str()).collect::<Vec<_>>(), ["tags.1", "tags.2"]);
        assert_eq!(Tag::parse_list(&texts(&["x"; MAX_TAGS + 1])).unwrap_err()[0].code, "too_many");
    }
}
