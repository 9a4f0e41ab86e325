//! Splits a search text into pieces: words, phrases and `key:value` pairs, each required or excluded. Every text is
//! valid; `query` decides what the pieces mean.

/// One piece of a search text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// Whether it is preceded by `-`.
    pub(super) is_excluded: bool,
    /// The key before its colon, if it is a known one.
    pub(super) key: Option<Key>,
    /// A word, or the text between quotation marks.
    pub(super) text: &'a str,
}

/// A word before a colon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Tag,
    Author,
    Before,
    After,
}

impl Key {
    fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "tag" => Some(Self::Tag),
            "author" => Some(Self::Author),
            "before" => Some(Self::Before),
            "after" => Some(Self::After),
            _ => None,
        }
    }
}

/// The pieces of a text. Quotation marks may be straight or typographic; an unclosed one extends to the end.
pub(super) struct Lexer<'a> {
    rest: &'a str,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    fn take_key(&mut self) -> Option<Key> {
        let (name, value) = self.rest.split_once(':')?;
        let key = Key::named(name)?;
        if value.is_empty() || value.starts_with(is_space) {
            return None;
        }
        self.rest = value;
        Some(key)
    }

    fn take_text(&mut self) -> &'a str {
        let rest = self.rest;
        let (text, rest) = match rest.strip_prefix(is_quote) {
            Some(quoted) => quoted.split_once(is_quote).unwrap_or((quoted, "")),
            None => rest.split_at(rest.find(|c: char| is_space(c) || is_quote(c)).unwrap_or(rest.len())),
        };
        self.rest = rest;
        text
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let rest = self.rest.trim_start_matches(is_space);
        if rest.is_empty() {
            return None;
        }
        self.rest = rest.trim_start_matches('-');
        let is_excluded = self.rest.len() < rest.len();
        let key = self.take_key();
        Some(Piece { is_excluded, key, text: self.take_text() })
    }
}

fn is_space(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\u{201c}' | '\u{201d}' | '\u{201e}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<(bool, Option<Key>, &str)> {
        Lexer::new(text).map(|piece| (piece.is_excluded, piece.key, piece.text)).collect()
    }

    #[test]
    fn words_phrases_and_pairs_are_told_apart() {
        assert_eq!(
            pieces(r#"rust -"two words" tag:"a b" -author:ada other:x"#),
            [
                (false, None, "rust"),
                (true, None, "two words"),
                (false, Some(Key::Tag), "a b"),
                (true, Some(Key::Author), "ada"),
                (false, None, "other:x"),
            ]
        );
    }

    #[test]
    fn odd_punctuation_has_a_reading() {
        assert_eq!(pieces(r#"a"b c"#), [(false, None, "a"), (false, None, "b c")]);
        assert_eq!(pieces("tag: x"), [(false, None, "tag:"), (false, None, "x")]);
        assert_eq!(pieces("- x"), [(true, None, ""), (false, None, "x")]);
        assert_eq!(pieces("\u{201c}a b\u{201d}"), [(false, None, "a b")]);
        assert_eq!(pieces("\"\" \0 \n"), [(false, None, "")]);
    }
}
