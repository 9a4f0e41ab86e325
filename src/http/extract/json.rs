//! JSON bodies: the type, the size, the syntax and the shape are checked, in this order, each with its own problem.

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header,
    web::{Bytes, Data},
};
use futures_util::{FutureExt, future::LocalBoxFuture};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::{
    body::{self, Packing},
    data_error,
};
use crate::{
    domain::Invalid,
    http::{
        problem::{Code, Problem, Result},
        state::State,
    },
};

/// The limit where no [`State`] says otherwise.
const DEFAULT_LIMIT: usize = 256 * 1024;

/// A JSON body.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A JSON body and the SHA-256 of its bytes, in hex: what an idempotency key is bound to.
#[derive(Debug)]
pub struct JsonWithHash<T> {
    /// The body.
    pub value: T,
    /// 64 hexadecimal digits.
    pub sha256: String,
}

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read(request.clone(), payload.take());
        async move { parse(&body.await?).map(Self) }.boxed_local()
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for JsonWithHash<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = read(request.clone(), payload.take());
        async move {
            let body = body.await?;
            Ok(Self { value: parse(&body)?, sha256: crate::domain::hex(Sha256::digest(&body).as_slice()) })
        }
        .boxed_local()
    }
}

async fn read(request: HttpRequest, payload: Payload) -> Result<Bytes> {
    check_type(&request)?;
    let packing = Packing::of(&request)?;
    let limit = request.app_data::<Data<State>>().map_or(DEFAULT_LIMIT, |state| state.config.http.body_limit.bytes());
    packing.unpack(body::sent(&request, payload, limit).await?, limit)
}

fn check_type(request: &HttpRequest) -> Result<()> {
    let kind = body::text(request, &header::CONTENT_TYPE);
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
        return Ok(());
    }
    Err(Problem::new(Code::UnsupportedMediaType).detail("Content-Type must be application/json"))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    if body.trim_ascii_start().starts_with(b"[") {
        // serde reads an array as a struct's fields in their order; nobody shall come to rely on it
        return Err(Invalid::new("body", "wrong_type", "must be an object").into());
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        if error.inner().is_data() { data_error::to_invalid(&error, "body").into() } else { malformed(error.inner()) }
    })?;
    reader.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(Code::MalformedJson).detail(error.to_string())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape is of interest")]
    struct Draft {
        title: String,
        #[serde(default)]
        tags: Vec<String>,
    }

    fn refusal(body: &[u8]) -> (Code, String) {
        let problem = parse::<Draft>(body).unwrap_err();
        let body = problem.body(None);
        (problem.code(), body.errors.first().map(|error| error.field.clone()).unwrap_or_default())
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        for body in [&b""[..], b"{", b"\xff\xfe", b"{\"title\":\"\xff\"}", b"{\"title\":\"a\"} x", b"nope"] {
            assert_eq!(refusal(body).0, Code::MalformedJson, "{body:?}");
        }
        assert_eq!(refusal("[".repeat(100_000).as_bytes()).0, Code::InvalidInput, "an array is no post");
    }

    #[test]
    fn what_has_the_wrong_shape_names_the_field() {
        let cases = [
            ("{}", "title"),
            (r#"{"title":1}"#, "title"),
            (r#"{"title":"a","x":1}"#, "x"),
            (r#"{"title":"a","tags":[1]}"#, "tags.0"),
        ];
        for (body, field) in cases {
            assert_eq!(refusal(body.as_bytes()), (Code::InvalidInput, field.to_owned()), "{body}");
        }
    }

    #[actix_web::test]
    async fn the_wrong_type_and_a_huge_body_are_refused_before_they_are_parsed() {
        let request = TestRequest::post().insert_header(("content-type", "text/plain")).set_payload("{}");
        let (request, mut payload) = request.to_http_parts();
        let problem = Json::<Draft>::from_request(&request, &mut payload).await.unwrap_err();
        assert_eq!(problem.code(), Code::UnsupportedMediaType);

        let request = TestRequest::post().insert_header(("content-type", "application/json; charset=utf-8"));
        let (request, mut payload) = request.set_payload(vec![b' '; DEFAULT_LIMIT + 1]).to_http_parts();
        let problem = Json::<Draft>::from_request(&request, &mut payload).await.unwrap_err();
        assert_eq!(problem.code(), Code::TooLarge);
    }
}
