//! The middleware that makes every error answer a problem with the request's id in it: those of our handlers, and
//! those that actix or another middleware made.

use actix_web::{
    Error, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header,
    middleware::Next,
};
use serde::Serialize;

use super::{Code, Problem};
use crate::http::request_id::RequestId;

/// Writes problems. Stands inside of compression, because it replaces bodies.
///
/// # Errors
/// Only what the inner service returns as an error instead of a response.
pub(crate) async fn render(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let Some(problem) = problem_of(response.response()) else { return Ok(response) };
    let (request, original) = response.into_parts();
    let body = to_json(&problem.body(RequestId::of(&request).as_deref()));
    let mut response = original.set_body(BoxBody::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(super::CONTENT_TYPE));
    Ok(ServiceResponse::new(request, response))
}

/// Serialises a body that cannot fail to serialise: strings and numbers only.
pub(super) fn to_json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}

fn problem_of(response: &HttpResponse<BoxBody>) -> Option<Problem> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    match response.error() {
        Some(error) => Some(error.as_error::<Problem>().cloned().unwrap_or_else(|| {
            let problem = Problem::new(Code::of_status(status));
            if status.is_server_error() { problem.cause(error) } else { problem.detail(error.to_string()) }
        })),
        None if response.headers().contains_key(header::CONTENT_TYPE) => None,
        None => Some(Problem::new(Code::of_status(status))),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App,
        middleware::from_fn,
        test::{TestRequest, call_and_read_body_json, init_service},
        web,
    };

    use super::*;
    use crate::http::tracing::observe;

    fn gone() -> std::future::Ready<Result<String, Problem>> {
        std::future::ready(Err(Problem::new(Code::NotFound).detail("no such post")))
    }

    #[actix_web::test]
    async fn problems_of_handlers_and_of_actix_name_the_request() {
        let app = App::new().wrap(from_fn(render)).wrap(from_fn(observe)).route("/gone", web::get().to(gone));
        let app = init_service(app).await;
        for (path, detail) in [("/gone", Some("no such post")), ("/unknown", None)] {
            let request = TestRequest::get().uri(path).insert_header(("x-request-id", "abc-1")).to_request();
            let body: serde_json::Value = call_and_read_body_json(&app, request).await;
            assert_eq!(body["request_id"].as_str(), Some("abc-1"), "{path}");
            assert_eq!(body["code"].as_str(), Some("not_found"), "{path}");
            assert_eq!(body["detail"].as_str(), detail);
        }
    }
}
