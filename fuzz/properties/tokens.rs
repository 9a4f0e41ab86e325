//! Tokens and signed links.

use std::{sync::LazyLock, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto::sign};

use super::{
    people::{ADA, ada},
    texts,
};
use crate::{
    domain::{MailLink, MailLinkKey, SessionId, Timestamp},
    identity::{RefreshToken, Tokens},
};

/// The start of a PKCS#8 document with an Ed25519 key, up to its seed.
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
const SEED: [u8; 32] = [7; 32];
const ISSUER: &str = "https://a.example";

struct Made {
    tokens: Tokens,
    access: String,
    id: String,
}

static MADE: LazyLock<Made> = LazyLock::new(|| {
    let tokens = Tokens::new(SEED, ISSUER.to_owned(), Duration::from_secs(900));
    let issued = tokens.issue(&ada(), SessionId::from_parts(1, 1), now()).unwrap_or_else(|error| panic!("{error}"));
    Made { tokens, access: issued.access_token, id: issued.id_token }
});

fn now() -> Timestamp {
    Timestamp::from_millis(1_000_000)
}

/// Only tokens made here, unchanged, are accepted: neither invented tokens, nor recombined parts of real ones, nor real
/// ones with a few bytes changed.
pub fn tokens(data: &[u8]) {
    let [head, claims, rest] = texts(data);
    let made = &*MADE;
    let [real_head, real_claims, real_signature] = parts(&made.access);
    let (head64, claims64) = (URL_SAFE_NO_PAD.encode(&head), URL_SAFE_NO_PAD.encode(&claims));
    for forged in [
        rest.clone(),
        format!("{head64}.{claims64}.{rest}"),
        format!("{head64}.{claims64}.{real_signature}"),
        format!("{real_head}.{claims64}.{real_signature}"),
        format!("{head64}.{real_claims}.{real_signature}"),
        format!("{head64}.{claims64}.{}", signed(&head64, &claims64, Algorithm::HS256)),
        made.id.clone(),
        changed(&made.access, data),
    ] {
        assert!(forged == made.access || made.tokens.verify(&forged, now()).is_err(), "{forged}");
    }
    // A holder of the key may claim anything, but in the right form.
    let own = format!("{head64}.{claims64}.{}", signed(&head64, &claims64, Algorithm::EdDSA));
    if let Ok(said) = made.tokens.verify(&own, now()) {
        assert!(said.expires_at > now() && claims.contains(ISSUER), "{claims}");
        assert!(head.to_lowercase().contains("at+jwt") && head.contains("EdDSA"), "{head}");
    }
    links(&rest, data);
    if let Some(token) = RefreshToken::parse(&rest) {
        assert_eq!(token.expose(), rest);
    }
}

fn links(text: &str, data: &[u8]) {
    let key = MailLinkKey::new(SEED);
    let token = key.token(MailLink::Unsubscribe, ADA);
    for text in [text, &changed(&token, data)] {
        if let Some(account) = key.open(MailLink::Unsubscribe, text) {
            assert_eq!(key.token(MailLink::Unsubscribe, account), text);
        }
        if let Some(account) = key.open(MailLink::Subscribe, text) {
            assert_eq!(key.token(MailLink::Subscribe, account), text);
        }
    }
}

/// The token with some bytes changed: each pair of the input is a position and the new byte.
fn changed(token: &str, data: &[u8]) -> String {
    let mut bytes = token.as_bytes().to_vec();
    for pair in data.chunks_exact(2).take(4) {
        let place = usize::from(pair[0]) * 7 % bytes.len();
        bytes[place] = pair[1] & 0x7f;
    }
    String::from_utf8(bytes).unwrap_or_default()
}

fn parts(token: &str) -> [&str; 3] {
    let mut parts = token.split('.');
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

/// Signs with our key, or, as in the classic attack, with the public key as a shared secret.
fn signed(head: &str, claims: &str, algorithm: Algorithm) -> String {
    let key = match algorithm {
        Algorithm::EdDSA => EncodingKey::from_ed_der(&[PKCS8_HEAD.as_slice(), &SEED].concat()),
        _ => EncodingKey::from_secret(ed25519_dalek::SigningKey::from_bytes(&SEED).verifying_key().as_bytes()),
    };
    sign(format!("{head}.{claims}").as_bytes(), &key, algorithm).unwrap_or_else(|error| panic!("{error}"))
}
