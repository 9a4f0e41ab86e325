//! What ties a request to the log and to the events it causes: the request id, the W3C trace, the span, and one line
//! per request. Paths are logged as routes (`/v1/posts/{id}`), never with their values or queries.

use std::time::{Duration, Instant};

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use tracing::{Instrument, Span, debug, error, field::Empty, info, info_span};

use super::{
    problem::Problem,
    request_id::{REQUEST_ID, RequestId},
    state::State,
};
use crate::{
    domain::TraceContext,
    metrics::{ActiveRequest, HttpMetrics},
};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The trace that a request belongs to; a new one outside of the server.
#[must_use]
pub fn trace_of(request: &HttpRequest) -> TraceContext {
    let kept = request.extensions().get::<TraceContext>().copied();
    kept.unwrap_or_else(|| take_or_make_trace(request.headers()))
}

/// The outermost middleware: names the request, opens its span, logs and measures its end.
///
/// # Errors
/// Those of the inner service.
pub async fn observe<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let started = Instant::now();
    let id = RequestId::take_or_make(request.headers());
    let trace = take_or_make_trace(request.headers());
    let (trace_id, method) = (trace.trace_id(), request.method());
    let span = info_span!("request", request_id = id.as_str(), %trace_id, %method, route = Empty);
    let measured = Measured::begin(&request);
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(trace);
    let mut result = next.call(request).instrument(span.clone()).await;
    let _entered = span.enter();
    measured.end(&result, started.elapsed());
    match &mut result {
        Ok(response) => {
            if let Ok(value) = HeaderValue::try_from(id.as_str()) {
                response.headers_mut().insert(REQUEST_ID, value);
            }
            let route = response.request().match_pattern();
            log(&span, route.as_deref(), response.status(), started.elapsed(), response.response().error());
        }
        Err(error) => log(&span, None, error.as_response_error().status_code(), started.elapsed(), Some(&*error)),
    }
    result
}

/// The measuring of one request; nothing is measured outside of the server, nor on the listener for metrics itself.
struct Measured(Option<(HttpMetrics, ActiveRequest, Method)>);

impl Measured {
    fn begin(request: &ServiceRequest) -> Self {
        let metrics = request.app_data::<Data<State>>().map(|state| state.metrics.http.clone());
        Self(metrics.map(|metrics| (metrics.clone(), metrics.begin(), request.method().clone())))
    }

    fn end<B>(self, result: &Result<ServiceResponse<B>, Error>, took: Duration) {
        let Some((metrics, _active, method)) = self.0 else { return };
        let (route, status) = match result {
            Ok(response) => (response.request().match_pattern(), response.status()),
            Err(error) => (None, error.as_response_error().status_code()),
        };
        metrics.answered(method.as_str(), route.as_deref(), status.as_u16(), took);
    }
}

fn log(span: &Span, route: Option<&str>, status: StatusCode, took: Duration, error: Option<&Error>) {
    let route = route.unwrap_or("none");
    span.record("route", route);
    let status_code = status.as_u16();
    let millis = took.as_secs_f64() * 1_000.0;
    // Readiness is asked every few seconds, and says itself what is wrong.
    if status.is_server_error() && error.is_some() {
        let cause = error.map(cause_of).unwrap_or_default();
        error!(status = status_code, millis, cause = cause.as_str(), "a request failed");
    } else if matches!(route, "/healthz" | "/readyz" | "/metrics") {
        debug!(status = status_code, millis, "answered a request");
    } else {
        info!(status = status_code, millis, "answered a request");
    }
}

fn cause_of(error: &Error) -> String {
    match error.as_error::<Problem>() {
        Some(problem) => problem.logged_cause().map_or_else(|| problem.to_string(), str::to_owned),
        None => error.to_string(),
    }
}

fn take_or_make_trace(headers: &HeaderMap) -> TraceContext {
    let span_id = rand::random::<u64>().max(1);
    let given = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()).and_then(TraceContext::parse);
    match given {
        Some(trace) => trace.with_parent(span_id),
        None => TraceContext::new(rand::random::<u128>().max(1), span_id, 1),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App, HttpResponse,
        middleware::from_fn,
        test::{TestRequest, call_service, init_service},
        web,
    };

    use super::*;

    async fn show_trace(request: HttpRequest) -> HttpResponse {
        HttpResponse::Ok().body(trace_of(&request).to_string())
    }

    #[actix_web::test]
    async fn a_harmless_request_id_comes_back_and_a_hostile_one_is_replaced() {
        let app = init_service(App::new().wrap(from_fn(observe)).route("/", web::get().to(show_trace))).await;
        let answer = async |id: &str| {
            let request = TestRequest::get().uri("/").insert_header(("x-request-id", id)).to_request();
            let response = call_service(&app, request).await;
            response.headers().get("x-request-id").unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(answer("abc-1.2_3").await, "abc-1.2_3");
        for hostile in ["a b", "<script>", &"x".repeat(129), ""] {
            assert_eq!(answer(hostile).await.len(), 26, "{hostile}");
        }
    }

    #[actix_web::test]
    async fn the_clients_trace_goes_on_under_a_span_of_ours() {
        let app = init_service(App::new().wrap(from_fn(observe)).route("/", web::get().to(show_trace))).await;
        let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let request = TestRequest::get().uri("/").insert_header(("traceparent", header)).to_request();
        let body = actix_web::test::call_and_read_body(&app, request).await;
        let trace = TraceContext::parse(std::str::from_utf8(&body).unwrap()).unwrap();
        assert_eq!(trace.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_ne!(trace.to_string(), header);
    }
}
