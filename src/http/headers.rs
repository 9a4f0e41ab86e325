//! What every answer carries, whoever made it: nothing is sniffed, framed, embedded elsewhere or kept where it should not be. A
//! handler that sets one of these itself has its way. `Strict-Transport-Security` is for whoever speaks TLS: the proxy.

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
        X_FRAME_OPTIONS,
    },
    middleware::Next,
};

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PROTECTION: [(HeaderName, HeaderValue); 5] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'")),
];
/// Where answers are about one person, or hold tokens: no cache keeps them, not even the browser's own. Nor refusals.
const PERSONAL: [&str; 6] = ["/v1/identity/", "/v1/me", "/v1/feed", "/v1/moderation/", "/v1/admin/", "/mail/"];
const NOT_AT_ALL: HeaderValue = HeaderValue::from_static("no-store");
/// By the reader's own cache, which asks each time whether it is still so.
const BY_THE_READER: HeaderValue = HeaderValue::from_static("private, no-cache");

/// Adds what an answer lacks.
///
/// # Errors
/// Those of the inner service.
pub(super) async fn protect<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let is_personal = PERSONAL.iter().any(|prefix| request.path().starts_with(prefix));
    let mut response = next.call(request).await?;
    let is_refusal = response.status().is_client_error() || response.status().is_server_error();
    let kept = if is_personal || is_refusal { NOT_AT_ALL } else { BY_THE_READER };
    let headers = response.headers_mut();
    for (name, value) in PROTECTION.into_iter().chain([(CACHE_CONTROL, kept)]) {
        if !headers.contains_key(&name) {
            headers.insert(name, value);
        }
    }
    Ok(response)
}
