//! Entity tags of single resources, `"v<version>"`, and the two conditional headers that clients send back (RFC 9110,
//! 8.8.3 and 13.1).

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderName},
};

pub(crate) mod tags;

use self::tags::{Tag, Tags};
use super::problem::{Code, Problem, Result};

/// The entity tag of that version, quotes included.
#[must_use]
pub fn of(version: u64) -> String {
    format!("\"v{version}\"")
}

/// The version that `If-Match` asks for; `None` without the header and for `*`.
///
/// Of several tags the highest version counts. A tag that this server never made, or a weak one, matches nothing:
/// version 0, which no resource has, so that the answer is 412.
///
/// # Errors
/// `invalid_header` if it is not a list of entity tags.
pub fn if_match(request: &HttpRequest) -> Result<Option<u64>> {
    Ok(match tags(request, header::IF_MATCH)? {
        Some(Tags::List(tags)) => {
            Some(tags.iter().filter(|tag| !tag.is_weak).filter_map(Tag::version).max().unwrap_or(0))
        }
        Some(Tags::Any) | None => None,
    })
}

/// Whether `If-None-Match` says that the client has that version already. A malformed header is as good as none.
#[must_use]
pub fn is_not_modified(request: &HttpRequest, version: u64) -> bool {
    match tags(request, header::IF_NONE_MATCH) {
        Ok(Some(Tags::Any)) => true,
        Ok(Some(Tags::List(tags))) => tags.iter().any(|tag| tag.version() == Some(version)),
        Ok(None) | Err(_) => false,
    }
}

/// `304 Not Modified` with the tag of that version.
#[must_use]
pub fn not_modified(version: u64) -> HttpResponse {
    HttpResponse::NotModified().insert_header((header::ETAG, of(version))).finish()
}

fn tags(request: &HttpRequest, name: HeaderName) -> Result<Option<Tags>> {
    let mut list = Vec::new();
    for value in request.headers().get_all(&name) {
        let tags = value.to_str().ok().and_then(Tags::parse).ok_or_else(|| {
            let detail = format!(r#"{name} must be * or a list of entity tags such as "v3", quotes included"#);
            Problem::new(Code::InvalidHeader).detail(detail)
        })?;
        match tags {
            Tags::Any => return Ok(Some(Tags::Any)),
            Tags::List(tags) => list.extend(tags),
        }
    }
    Ok((!list.is_empty()).then_some(Tags::List(list)))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn request(name: &'static str, value: &'static str) -> HttpRequest {
        TestRequest::get().insert_header((name, value)).to_http_request()
    }

    #[test]
    fn if_match_takes_our_tags_and_lets_no_other_match() {
        let cases = [
            ("\"v3\"", Some(3)),
            ("\"v3\", \"v12\"", Some(12)),
            ("*", None),
            ("W/\"v3\"", Some(0)),
            ("\"abc\"", Some(0)),
            ("\"v+3\", \"v03\"", Some(0)),
        ];
        for (value, version) in cases {
            assert_eq!(if_match(&request("if-match", value)).unwrap(), version, "{value}");
        }
        assert_eq!(if_match(&TestRequest::get().to_http_request()).unwrap(), None);
    }

    #[test]
    fn a_malformed_if_match_is_refused() {
        for value in ["v3", "3", "\"", "\"v3", ","] {
            assert_eq!(if_match(&request("if-match", value)).unwrap_err().code(), Code::InvalidHeader, "{value}");
        }
    }

    #[test]
    fn if_none_match_compares_weakly() {
        assert!(is_not_modified(&request("if-none-match", "W/\"v3\""), 3));
        assert!(is_not_modified(&request("if-none-match", "*"), 3));
        assert!(!is_not_modified(&request("if-none-match", "\"v2\""), 3));
    }
}
