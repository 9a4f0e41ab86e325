//! What every answer carries, whoever made it: nothing is sniffed, framed, embedded elsewhere or kept where it should not be. A
//! handler's own value wins. `Strict-Transport-Security` is set by the proxy, which speaks TLS.

use actix_web::{
    Error, HttpResponse,
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
/// No cache keeps an answer, not even the browser's own, unless its handler says otherwise; and never a refusal.
const KEPT_NOWHERE: HeaderValue = HeaderValue::from_static("no-store");
/// By the reader's own cache, which asks each time whether it is still so.
pub(super) const KEPT_BY_THE_READER: (HeaderName, HeaderValue) =
    (CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));

/// Lets the reader's own cache keep an answer that is not about one person; it asks each time whether it is still so.
pub(super) fn kept_by_the_reader(mut response: HttpResponse) -> HttpResponse {
    let (name, value) = KEPT_BY_THE_READER;
    response.headers_mut().insert(name, value);
    response
}

/// Adds what an answer lacks.
///
/// # Errors
/// Those of the inner service.
pub(super) async fn protect<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let mut response = next.call(request).await?;
    let is_refusal = response.status().is_client_error() || response.status().is_server_error();
    let headers = response.headers_mut();
    if is_refusal {
        headers.insert(CACHE_CONTROL, KEPT_NOWHERE);
    }
    for (name, value) in PROTECTION.into_iter().chain([(CACHE_CONTROL, KEPT_NOWHERE)]) {
        if !headers.contains_key(&name) {
            headers.insert(name, value);
        }
    }
    Ok(response)
}
