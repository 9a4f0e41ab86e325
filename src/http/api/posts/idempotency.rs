//! The `Idempotency-Key` of a request: the client's key, and the fingerprint of what it was sent with.

use actix_web::HttpRequest;
use sha2::{Digest, Sha256};

use crate::{actors::IdempotencyKey, domain::Invalid};

const NAME: &str = "idempotency-key";
const MAX_LENGTH: usize = 255;

/// The request's idempotency key, if it has one. `body_hash` is the SHA-256 of the raw body, in hex.
///
/// # Errors
/// `invalid_key` if it is empty, too long, given twice, or not visible ASCII.
pub(super) fn key(request: &HttpRequest, body_hash: &str) -> Result<Option<IdempotencyKey>, Vec<Invalid>> {
    let mut values = request.headers().get_all(NAME);
    let Some(value) = values.next() else { return Ok(None) };
    let is_valid =
        |key: &&str| (1..=MAX_LENGTH).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    match value.to_str().ok().filter(is_valid) {
        Some(key) if values.next().is_none() => {
            Ok(Some(IdempotencyKey { key: key.to_owned(), fingerprint: fingerprint(request, body_hash) }))
        }
        _ => Err(vec![Invalid::new(
            "Idempotency-Key",
            "invalid_key",
            "must be one key of 1 to 255 visible ASCII characters",
        )]),
    }
}

fn fingerprint(request: &HttpRequest, body_hash: &str) -> String {
    let text = format!("{} {}\n{body_hash}", request.method(), request.path());
    crate::domain::hex(Sha256::digest(text.as_bytes()).as_slice())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn of(key: &str, path: &str, hash: &str) -> Result<Option<IdempotencyKey>, Vec<Invalid>> {
        super::key(&TestRequest::post().uri(path).insert_header((NAME, key)).to_http_request(), hash)
    }

    #[test]
    fn another_body_or_path_has_another_fingerprint() {
        let fingerprint = |path, hash| of("k", path, hash).unwrap().unwrap().fingerprint;
        assert_eq!(fingerprint("/a", "1"), fingerprint("/a", "1"));
        assert_ne!(fingerprint("/a", "1"), fingerprint("/a", "2"));
        assert_ne!(fingerprint("/a", "1"), fingerprint("/b", "1"));
    }

    #[test]
    fn keys_are_short_visible_ascii() {
        assert!(of(&"k".repeat(255), "/a", "1").unwrap().is_some());
        for key in ["", "two words", &"k".repeat(256)] {
            assert_eq!(of(key, "/a", "1").err().unwrap()[0].code, "invalid_key", "{key}");
        }
        assert!(super::key(&TestRequest::post().to_http_request(), "1").unwrap().is_none());
    }
}
