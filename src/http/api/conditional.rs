//! JSON answers whose entity tag is made from what they say: for single resources that carry no version.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, ContentType},
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::http::{
    etag,
    problem::{Problem, Result},
};

/// The view with its entity tag, or 304 if the client has it already.
///
/// # Errors
/// `internal` for a view that cannot be serialised.
pub fn json(request: &HttpRequest, view: &impl Serialize) -> Result<HttpResponse> {
    let body = serde_json::to_vec(view).map_err(Problem::internal)?;
    let tag = digest(&body);
    if etag::is_not_modified(request, tag) {
        return Ok(etag::not_modified(tag));
    }
    Ok(HttpResponse::Ok().insert_header((header::ETAG, etag::of(tag))).content_type(ContentType::json()).body(body))
}

/// A number that stands for these bytes: the first 64 bits of their SHA-256.
#[must_use]
pub fn digest(bytes: &[u8]) -> u64 {
    Sha256::digest(bytes).iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn what_has_not_changed_is_not_sent_again() {
        let first = json(&TestRequest::get().to_http_request(), &"same").unwrap();
        assert_eq!(first.status(), 200);
        let tag = first.headers().get(header::ETAG).unwrap().clone();
        let again = TestRequest::get().insert_header((header::IF_NONE_MATCH, tag)).to_http_request();
        assert_eq!(json(&again, &"same").unwrap().status(), 304);
        assert_eq!(json(&again, &"other").unwrap().status(), 200);
    }
}
