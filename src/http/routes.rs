//! The routes: the operations of `operations.rs`, and the few addresses that are no part of the API.

use std::future::{Ready, ready};

use actix_web::{
    HttpResponse,
    dev::HttpServiceFactory,
    http::{
        Method,
        header::{self, HeaderValue},
    },
    middleware::from_fn,
    web::{self, ServiceConfig},
};

use super::{
    deadline::bound,
    metrics, openapi,
    operations::{self, Methods, get, post},
    problem::{Code, Problem},
    rate_limit::limit_identity,
    web::unsubscribe,
};

/// Everything under this address counts towards the limit of sign-ins.
const IDENTITY: &str = "/v1/identity";

/// Everything this server answers.
pub fn configure(config: &mut ServiceConfig) {
    let mut identity = web::scope(IDENTITY);
    for (path, methods) in operations::all() {
        match path.strip_prefix(IDENTITY) {
            Some(path) => identity = identity.service(resource(path, methods)),
            None => {
                config.service(resource(path, methods));
            }
        }
    }
    config
        .service(identity.wrap(from_fn(limit_identity)))
        .service(resource("/mail/unsubscribe/{token}", vec![get(unsubscribe::ask), post(unsubscribe::unsubscribe)]))
        .service(resource("/mail/subscribe/{token}", vec![post(unsubscribe::subscribe)]))
        .app_data(openapi::Document::data())
        .service(resource("/openapi.json", vec![get(openapi::openapi_json)]))
        .service(openapi::docs())
        .default_service(web::to(not_found));
}

/// Everything the listener for metrics answers.
pub fn configure_metrics(config: &mut ServiceConfig) {
    config.service(resource("/metrics", vec![get(metrics::get_metrics)])).default_service(web::to(not_found));
}

/// One address: its methods, its time limit, and 405 with `Allow` for everything else.
fn resource(path: &str, methods: Methods) -> impl HttpServiceFactory + 'static {
    let mut allowed = Vec::new();
    let mut resource = web::resource(path);
    for (method, route) in methods {
        if method == Method::GET {
            allowed.push("HEAD".to_owned());
        }
        allowed.push(method.to_string());
        resource = resource.route(route);
    }
    let allowed = HeaderValue::try_from(allowed.join(", ")).unwrap_or_else(|_| HeaderValue::from_static(""));
    let refuse = move || method_not_allowed(allowed.clone());
    resource.default_service(web::to(refuse)).wrap(from_fn(bound))
}

fn not_found() -> Ready<Result<HttpResponse, Problem>> {
    ready(Err(Problem::new(Code::NotFound).detail("there is no such route")))
}

fn method_not_allowed(allowed: HeaderValue) -> Ready<Result<HttpResponse, Problem>> {
    ready(Err(Problem::new(Code::MethodNotAllowed).header(header::ALLOW, allowed)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use actix_web::{
        App,
        test::{TestRequest, call_service, init_service},
    };

    use super::*;

    /// Answers without a state: extractors then fail with anything but 404 and 405, which is all that matters here.
    #[actix_web::test]
    async fn the_openapi_document_and_the_routes_agree() {
        let app = init_service(App::new().configure(configure)).await;
        let document = serde_json::to_value(openapi::document()).unwrap();
        for (path, operations) in document["paths"].as_object().unwrap() {
            let uri = path.replace("{id}", "01JD9X8Z6Q4W7E2R5T1Y3U0P8A").replace("{handle}", "ada");
            let uri = uri.replace("{email}", "ada@example.org");
            let request = TestRequest::default().method(Method::TRACE).uri(&uri).to_request();
            let response = call_service(&app, request).await;
            assert_eq!(response.status(), 405, "{path} is no route");
            let allowed = response.headers().get("allow").unwrap().to_str().unwrap().to_lowercase();
            let allowed: BTreeSet<&str> = allowed.split(", ").filter(|method| *method != "head").collect();
            let documented: BTreeSet<&str> = operations.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(allowed, documented, "{path}");
        }
    }

    #[actix_web::test]
    async fn unknown_routes_are_404() {
        let app = init_service(App::new().configure(configure)).await;
        for path in ["/", "/v1", "/v1/identity", "/v1/identity/nothing", "/v1/posts/", "/%ff", "/v1/posts/a/b/c"] {
            let response = call_service(&app, TestRequest::get().uri(path).to_request()).await;
            assert_eq!(response.status(), 404, "{path}");
        }
    }
}
