//! The bounds of one request: a time limit, and a panic that stays a 500 of this request. Stands around a resource,
//! where the route is known and the request may be kept for the answer.

use std::{panic::AssertUnwindSafe, time::Duration};

use actix_web::{
    Error,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web::Data,
};
use futures_util::FutureExt;

use super::{
    problem::{Code, Problem},
    state::State,
};

/// The limit where no [`State`] says otherwise.
const DEFAULT_LIMIT: Duration = Duration::from_secs(10);
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Answers 503 when reading the body and handling the request take longer than `http.request_timeout`. What the
/// handler handed to the work runtime goes on; its outcome is unknown to the client.
///
/// # Errors
/// Those of the inner service.
pub async fn bound(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let limit =
        request.app_data::<Data<State>>().map_or(DEFAULT_LIMIT, |state| state.config.http.request_timeout.get());
    within(limit, request, next).await
}

async fn within(
    limit: Duration,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let original = request.request().clone();
    let answer = AssertUnwindSafe(next.call(request)).catch_unwind();
    let problem = match tokio::time::timeout(limit, answer).await {
        Ok(Ok(answer)) => return Ok(answer?.map_into_boxed_body()),
        Ok(Err(_)) => Problem::internal("the handler panicked"),
        Err(_) => Problem::new(Code::Timeout).retry_after(RETRY_AFTER).cause(format!("no answer within {limit:?}")),
    };
    Ok(ServiceResponse::from_err(problem, original))
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

    async fn fall() -> HttpResponse {
        std::panic::panic_any("as a test must")
    }

    #[actix_web::test]
    async fn a_panic_in_a_handler_is_a_500_and_the_server_goes_on() {
        let resource = web::resource("/").route(web::get().to(fall)).wrap(from_fn(bound));
        let app = init_service(App::new().service(resource)).await;
        for _ in 0..2 {
            assert_eq!(call_service(&app, TestRequest::get().uri("/").to_request()).await.status(), 500);
        }
    }

    async fn at_once(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
        within(Duration::from_millis(1), request, next).await
    }

    #[actix_web::test]
    async fn a_handler_that_never_answers_is_cut_off() {
        let never = web::get().to(std::future::pending::<HttpResponse>);
        let app = init_service(App::new().service(web::resource("/").route(never).wrap(from_fn(at_once)))).await;
        let response = call_service(&app, TestRequest::get().uri("/").to_request()).await;
        assert_eq!(response.status(), 503);
        assert!(response.headers().contains_key("retry-after"));
    }
}
