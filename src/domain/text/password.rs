//! Passwords before hashing. They are never stored, compared or shown.

use std::fmt;

use super::{check_length, control_characters};
use crate::domain::Invalid;

/// A password as entered: 10 to 200 characters, so at most 800 bytes.
pub struct Password(String);

impl Password {
    /// Checks a password; nothing is trimmed or changed.
    ///
    /// # Errors
    /// `empty`, `too_short`, `too_long`, `control_characters` or `too_simple` (one character repeated), on the field `password`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        check_length("password", text, 10, 200)?;
        if text.chars().any(char::is_control) {
            return Err(control_characters("password"));
        }
        let first = text.chars().next();
        if text.chars().all(|c| Some(c) == first) {
            return Err(Invalid::new("password", "too_simple", "must not be a single character repeated"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The password itself, for hashing and verifying only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    /// Hides the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_kept_as_typed_and_not_shown() {
        let password = Password::parse(" correct horse ").unwrap();
        assert_eq!(password.expose(), " correct horse ");
        assert_eq!(format!("{password:?}"), "Password(…)");
    }

    #[test]
    fn weak_and_oversized_passwords_are_refused() {
        for (text, code) in [
            (String::new(), "empty"),
            ("ninechars".to_owned(), "too_short"),
            ("ab".repeat(101), "too_long"),
            ("correct\0horse".to_owned(), "control_characters"),
            ("ä".repeat(12), "too_simple"),
        ] {
            assert_eq!(Password::parse(&text).unwrap_err().code, code, "{text:?}");
        }
    }
}
