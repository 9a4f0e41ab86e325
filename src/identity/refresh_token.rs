//! Refresh tokens: opaque, good for one use, known to the database only by their hash. Rotation and the detection of
//! reuse are `store::IdentityAccess`'s.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::domain::{SessionId, sha256_hex};

/// A refresh token, `<session>.<32 random bytes in base64url>`. The database keeps only [`RefreshToken::hash`].
pub struct RefreshToken {
    /// The session it belongs to.
    pub session: SessionId,
    secret: [u8; 32],
}

impl RefreshToken {
    /// A new token for a session.
    #[must_use]
    pub fn generate(session: SessionId) -> Self {
        Self { session, secret: rand::random() }
    }

    /// Reads a token that a client sent; `None` if this server cannot have made it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (session, secret) = text.split_once('.')?;
        let secret = URL_SAFE_NO_PAD.decode(secret).ok()?;
        let token = Self { session: session.parse().ok()?, secret: secret.try_into().ok()? };
        (token.expose() == text).then_some(token)
    }

    /// The text for the client, and for nobody else.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{}.{}", self.session, URL_SAFE_NO_PAD.encode(self.secret))
    }

    /// What the database keeps: SHA-256 in hex. The secret has 256 bits, so no salt and no slow hash is needed.
    #[must_use]
    pub fn hash(&self) -> String {
        sha256_hex(&[self.secret.as_slice()])
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshToken").field("session", &self.session).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_token_survives_the_round_trip_and_tells_nothing() {
        let token = RefreshToken::generate(SessionId::generate());
        let back = RefreshToken::parse(&token.expose()).unwrap();
        assert_eq!((back.session, back.hash()), (token.session, token.hash()));
        assert_ne!(RefreshToken::generate(token.session).hash(), token.hash());
        let secret = URL_SAFE_NO_PAD.encode(token.secret);
        assert!(!format!("{token:?}").contains(&secret) && !token.hash().contains(&secret));
    }

    #[test]
    fn hostile_refresh_tokens_are_refused() {
        let session = SessionId::generate();
        let short = format!("{session}.{}", URL_SAFE_NO_PAD.encode([0; 31]));
        let long = format!("{session}.{}", URL_SAFE_NO_PAD.encode([0; 33]));
        let foreign = format!("x.{}", URL_SAFE_NO_PAD.encode([0; 32]));
        let lower = format!("0000000001000000000000000a.{}", URL_SAFE_NO_PAD.encode([0; 32]));
        for text in ["", ".", "\u{1f980}.AAAA", &short, &long, &foreign, &lower] {
            assert!(RefreshToken::parse(text).is_none(), "{text}");
        }
    }
}
