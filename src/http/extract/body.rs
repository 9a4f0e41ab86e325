//! The bytes of a body, bounded: as they come over the wire, and unpacked. Nothing here knows what they mean.

use std::io::Read;

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    error::PayloadError,
    http::header,
    web::{Bytes, BytesMut},
};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use futures_util::{FutureExt, StreamExt, future::LocalBoxFuture};

use crate::http::problem::{Code, Problem, Result};

/// Enough for any form that a mail program or one of our pages sends.
const FORM_LIMIT: usize = 16 * 1024;

/// A small body as it was sent, whatever it says of itself.
#[derive(Debug)]
pub struct Form(pub Bytes);

impl FromRequest for Form {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move { sent(&request, payload, FORM_LIMIT).await.map(Self) }.boxed_local()
    }
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    Gzip,
    Deflate,
}

impl Packing {
    /// What `Content-Encoding` says.
    pub(super) fn of(request: &HttpRequest) -> Result<Self> {
        match text(request, &header::CONTENT_ENCODING).to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::None),
            "gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            _ => Err(Problem::new(Code::UnsupportedMediaType).detail("Content-Encoding must be gzip, deflate or none")),
        }
    }

    /// The body unpacked, if it has at most `limit` bytes: what is packed unpacks to a thousand times its size, so no more is
    /// unpacked than may be kept.
    pub(super) fn unpack(self, packed: Bytes, limit: usize) -> Result<Bytes> {
        let reader: Box<dyn Read + '_> = match self {
            Self::None => return Ok(packed),
            Self::Gzip => Box::new(MultiGzDecoder::new(&*packed)),
            Self::Deflate => Box::new(ZlibDecoder::new(&*packed)),
        };
        let mut body = Vec::new();
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        reader.take(most).read_to_end(&mut body).map_err(undecodable)?;
        if body.len() > limit { Err(too_large(limit)) } else { Ok(body.into()) }
    }
}

/// The bytes that a client sends, unless they are more than `limit`.
pub(super) async fn sent(request: &HttpRequest, mut payload: Payload, limit: usize) -> Result<Bytes> {
    let announced: Option<usize> = text(request, &header::CONTENT_LENGTH).parse().ok();
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let mut body = BytesMut::with_capacity(announced.unwrap_or_default());
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| match error {
            PayloadError::Overflow => too_large(limit),
            other => undecodable(other),
        })?;
        if body.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// A header's text; empty without the header.
pub(super) fn text<'a>(request: &'a HttpRequest, name: &header::HeaderName) -> &'a str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().trim()
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::TooLarge).detail(format!("the body must not exceed {limit} bytes"))
}

fn undecodable(error: impl std::fmt::Display) -> Problem {
    Problem::new(Code::BadRequest).detail("the body ended early or cannot be decoded").cause(error)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().into()
    }

    #[test]
    fn a_bomb_is_unpacked_no_further_than_the_limit() {
        let bomb = gzip(&vec![b' '; 10 << 20]);
        assert!(bomb.len() < 16 << 10);
        let code = |limit| Packing::Gzip.unpack(bomb.clone(), limit).map(|body| body.len()).map_err(|p| p.code());
        assert_eq!(code((10 << 20) - 1), Err(Code::TooLarge));
        assert_eq!(code(10 << 20), Ok(10 << 20));
        // What lies behind the limit is not even looked at.
        let cut = bomb.slice(..bomb.len() - 100);
        assert_eq!(Packing::Gzip.unpack(cut, 1 << 20).unwrap_err().code(), Code::TooLarge);
    }

    #[test]
    fn what_is_no_gzip_or_ends_early_cannot_be_decoded() {
        let whole = gzip(b"{}");
        for (packing, bytes) in [
            (Packing::Gzip, Bytes::from_static(b"{}")),
            (Packing::Gzip, whole.slice(..whole.len() - 9)),
            (Packing::Deflate, whole.clone()),
        ] {
            assert_eq!(packing.unpack(bytes, 100).unwrap_err().code(), Code::BadRequest);
        }
        assert_eq!(Packing::Gzip.unpack(whole, 100).unwrap(), "{}");
    }
}
