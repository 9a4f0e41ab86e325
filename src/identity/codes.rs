//! Codes: the six digits that go out by mail and prove that somebody reads it. How many tries there are, and until
//! when, is `store::IdentityAccess`'s to count.

use std::{fmt, num::NonZeroU32, time::Duration};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};
use hmac::{Hmac, KeyInit, Mac};
use rand::RngExt;
use sha2::Sha256;

use crate::{
    domain::{Email, Invalid, Timestamp, hex},
    store::CodeRecord,
};

/// Makes codes, and no more than a few an hour for one address: so nobody's mailbox is flooded, and as each code may be tried
/// a few times only, nobody gets to guess one.
pub struct Codes {
    key: [u8; 32],
    /// By a keyed hash of the address in 65,536 places, so that memory is bounded whatever comes.
    limit: Option<DefaultKeyedRateLimiter<u16>>,
}

/// An address is sent no more codes for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this address was sent too many codes; the newest one is good until it expires")]
pub struct TooManyCodes {
    /// For how long.
    pub wait: Duration,
}

impl Codes {
    /// With a key that nothing else uses, and the most codes an address is sent in an hour; `None` for no limit.
    #[must_use]
    pub fn new(key: [u8; 32], per_hour: Option<NonZeroU32>) -> Self {
        Self { key, limit: per_hour.map(|most| RateLimiter::keyed(Quota::per_hour(most))) }
    }

    /// Counts one mail about signing up to that address, whether or not somebody has it.
    ///
    /// # Errors
    /// If it has got enough.
    pub fn admit(&self, email: &Email) -> Result<(), TooManyCodes> {
        let Some(limit) = &self.limit else { return Ok(()) };
        let place = self.mac(&[b"place\n", email.as_str().as_bytes()]);
        let place = place.first_chunk().map_or(0, |bytes| u16::from_be_bytes(*bytes));
        limit
            .check_key(&place)
            .map_err(|not_until| TooManyCodes { wait: not_until.wait_time_from(limit.clock().now()) })
    }

    /// A new code for an address, and what the database keeps of it.
    #[must_use]
    pub fn issue(&self, email: &Email, now: Timestamp, ttl: Duration) -> (ConfirmationCode, CodeRecord) {
        let code = ConfirmationCode::generate();
        let record = CodeRecord { hash: self.hash(email, &code), expires_at: now.plus(ttl) };
        (code, record)
    }

    /// What the database keeps: HMAC-SHA-256 in hex over the address and the code. Six digits are too few for a hash without
    /// a key; how often a code is guessed is bounded by its tries, its short life and [`Codes::admit`].
    #[must_use]
    pub fn hash(&self, email: &Email, code: &ConfirmationCode) -> String {
        hex(&self.mac(&[b"code\n", email.as_str().as_bytes(), b"\n", code.0.as_bytes()]))
    }

    fn mac(&self, parts: &[&[u8]]) -> Vec<u8> {
        // A key of any length is fine with HMAC: there is nothing to fail.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return Vec::new() };
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().to_vec()
    }
}

impl fmt::Debug for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Codes(…)")
    }
}

/// Six digits. Never logged; the database keeps only [`Codes::hash`].
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
    fn a_code_is_good_for_one_address_of_one_server_only() {
        let (ada, eve) = (Email::parse("ada@example.org").unwrap(), Email::parse("eve@example.org").unwrap());
        let (here, there) = (Codes::new([7; 32], None), Codes::new([8; 32], None));
        let code = ConfirmationCode::parse("012345").unwrap();
        assert_ne!(here.hash(&ada, &code), here.hash(&eve, &code));
        assert_ne!(here.hash(&ada, &code), there.hash(&ada, &code));
        assert_eq!(here.hash(&ada, &code).len(), 64);
    }

    #[test]
    fn an_address_is_sent_a_few_codes_an_hour_and_others_are_not_kept_waiting() {
        let codes = Codes::new([7; 32], NonZeroU32::new(3));
        let (ada, eve) = (Email::parse("ada@example.org").unwrap(), Email::parse("eve@example.org").unwrap());
        for _ in 0..3 {
            codes.admit(&ada).unwrap();
        }
        assert!(codes.admit(&ada).unwrap_err().wait > Duration::ZERO);
        codes.admit(&eve).unwrap();
    }
}
