//! Codes: the six digits that go out by mail and prove that somebody reads it. How many tries there are, and until
//! when, is `store::IdentityAccess`'s to count.

use std::fmt;

use rand::RngExt;

use crate::domain::{Email, Invalid, sha256_hex};

/// Six digits. Never logged; the database keeps only [`ConfirmationCode::hash`].
#[derive(Clone, PartialEq, Eq)]
pub struct ConfirmationCode(String);

impl ConfirmationCode {
    /// A new code from the system's cryptographic randomness, each as likely as any other.
    #[must_use]
    pub fn generate() -> Self {
        Self(format!("{:06}", rand::rng().random_range(0..1_000_000_u32)))
    }

    /// Reads what somebody typed.
    ///
    /// # Errors
    /// `invalid_code`, on the field `code`, if it is not six digits.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if text.len() != 6 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Invalid::new("code", "invalid_code", "must be the 6 digits from the mail"));
        }
        Ok(Self(text.to_owned()))
    }

    /// What the database keeps: SHA-256 in hex over the address and the code. Guessing is bounded by the number of
    /// tries and by the code's short life, not by the cost of the hash.
    #[must_use]
    pub fn hash(&self, email: &Email) -> String {
        sha256_hex(&[email.as_str().as_bytes(), &[0], self.0.as_bytes()])
    }

    /// The digits, for the mail and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ConfirmationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConfirmationCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_six_digits_and_come_back_as_typed() {
        for _ in 0..1_000 {
            let code = ConfirmationCode::generate();
            assert_eq!(ConfirmationCode::parse(&format!(" {}\n", code.expose())).unwrap(), code);
            assert!(!format!("{code:?}").contains(code.expose()));
        }
    }

    #[test]
    fn hostile_codes_are_refused() {
        for text in ["", "12345", "1234567", "12345a", "+12345", "１２３４５６", "12３45"] {
            assert_eq!(ConfirmationCode::parse(text).unwrap_err().code, "invalid_code", "{text}");
        }
    }

    #[test]
    fn a_code_is_good_for_one_address_only() {
        let (ada, eve) = (Email::parse("ada@example.org").unwrap(), Email::parse("eve@example.org").unwrap());
        let code = ConfirmationCode::parse("012345").unwrap();
        assert_ne!(code.hash(&ada), code.hash(&eve));
        assert_eq!(code.hash(&ada).len(), 64);
    }
}
