//! Handles: the names of accounts in links.

use super::check_length;
use crate::domain::Invalid;

text_newtype!(
    /// An account's name in links, unique: 2 to 30 of `a-z 0-9 _ -`, starting with a letter.
    #[derive(Debug)]
    Handle
);

/// Words that are used, or may be used in future, in place of a handle in links.
const RESERVED: [&str; 14] = [
    "admin",
    "api",
    "docs",
    "feed",
    "healthz",
    "me",
    "oauth2",
    "readyz",
    "root",
    "search",
    "static",
    "system",
    "v1",
    "well-known",
];

impl Handle {
    /// Trims, lower-cases and checks a handle.
    ///
    /// # Errors
    /// `empty`, `too_short`, `too_long`, `invalid_characters` or `reserved`, on the field `handle`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim().to_ascii_lowercase();
        check_length("handle", &text, 2, 30)?;
        let is_allowed = |c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-');
        if !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.chars().all(is_allowed) {
            let message = "must consist of a-z, 0-9, _ and -, and start with a letter";
            return Err(Invalid::new("handle", "invalid_characters", message));
        }
        if RESERVED.contains(&text.as_str()) {
            return Err(Invalid::new("handle", "reserved", "is a reserved word"));
        }
        Ok(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_lower_cased() {
        assert_eq!(Handle::parse(" Ada_L-1 ").unwrap().as_str(), "ada_l-1");
    }

    #[test]
    fn odd_and_reserved_handles_are_refused() {
        for (text, code) in [
            ("", "empty"),
            ("a", "too_short"),
            ("1a", "invalid_characters"),
            ("-ada", "invalid_characters"),
            ("a/b", "invalid_characters"),
            ("adä", "invalid_characters"),
            ("Admin", "reserved"),
            ("well-known", "reserved"),
        ] {
            assert_eq!(Handle::parse(text).unwrap_err().code, code, "{text}");
        }
        assert_eq!(Handle::parse(&"a".repeat(31)).unwrap_err().code, "too_long");
    }
}
