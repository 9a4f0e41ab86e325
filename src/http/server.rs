//! The server: sockets, threads, limits, and the order of the middleware. What is served is `routes.rs`.

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use actix_cors::Cors;
use actix_web::{
    App, HttpServer,
    dev::Server,
    middleware::{Compress, from_fn},
    web::Data,
};

use super::{headers::protect, problem, rate_limit::IdentityLimit, routes, state::State, tracing::observe};
use crate::metrics::Exposition;

/// How long an idle connection is kept: longer than the 60 s of common load balancers, so that they are the ones to
/// close it.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a browser may remember what a preflight allowed.
const PREFLIGHT_MAX_AGE_SECONDS: usize = 3_600;
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const REQUEST_HEADERS: [&str; 7] =
    ["authorization", "content-type", "if-match", "if-none-match", "idempotency-key", "x-request-id", "traceparent"];
const EXPOSED_HEADERS: [&str; 7] =
    ["etag", "location", "link", "retry-after", "x-request-id", "ratelimit", "ratelimit-policy"];

/// Starts serving on a listener that is bound already. Call it inside of an actix system; the caller awaits the
/// server and stops it by its handle, which lets running requests finish within `shutdown.grace`.
///
/// # Errors
/// If the listener cannot be used.
pub fn bind(state: State, listener: TcpListener) -> io::Result<Server> {
    let config = Arc::clone(&state.config);
    let limit = Data::new(IdentityLimit::new(&config));
    let state = Data::new(state);
    let origins = config.http.cors_origins.clone();
    let server = HttpServer::new(move || {
        // the last one wrapped is the first one to see a request
        App::new()
            .app_data(state.clone())
            .app_data(limit.clone())
            .configure(routes::configure)
            .wrap(cors(&origins))
            .wrap(from_fn(problem::render))
            .wrap(from_fn(protect))
            .wrap(Compress::default())
            .wrap(from_fn(observe))
    });
    let server = server
        .workers(config.http.workers)
        .max_connections(config.http.max_connections)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(config.http.request_timeout.get())
        .disable_signals()
        // Half of it: a client that never reads its answer must not take the workers' share of the grace time.
        .shutdown_timeout(config.shutdown.grace.get().as_secs().div_ceil(2))
        .listen(listener)?;
    Ok(server.run())
}

/// Starts answering `/metrics` on a listener that is bound already, on one thread of its own. Call it inside of an actix
/// system; the caller awaits the server and stops it by its handle.
///
/// # Errors
/// If the listener cannot be used.
pub fn bind_metrics(exposition: Exposition, listener: TcpListener) -> io::Result<Server> {
    let exposition = Data::new(exposition);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(exposition.clone())
            .configure(routes::configure_metrics)
            .wrap(from_fn(problem::render))
            .wrap(from_fn(protect))
            .wrap(Compress::default())
            .wrap(from_fn(observe))
    });
    Ok(server.workers(1).disable_signals().shutdown_timeout(1).listen(listener)?.run())
}

/// Lets the scripts of the configured origins in, and no others. Tokens travel in a header, so no credentials mode is
/// needed.
fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(METHODS)
        .allowed_headers(REQUEST_HEADERS)
        .expose_headers(EXPOSED_HEADERS)
        .max_age(PREFLIGHT_MAX_AGE_SECONDS);
    if origins.iter().any(|origin| origin == "*") {
        return cors.allow_any_origin().send_wildcard();
    }
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}

#[cfg(test)]
mod tests {
    use actix_web::{
        HttpResponse,
        test::{TestRequest, call_service, init_service},
        web,
    };

    use super::*;

    #[actix_web::test]
    async fn only_the_configured_origins_are_let_in() {
        let cors = cors(&["https://blog.example".to_owned()]);
        let app = App::new().wrap(cors).wrap(from_fn(protect)).route("/", web::get().to(HttpResponse::Ok));
        let app = init_service(app).await;
        for (origin, allowed) in
            [("https://blog.example", Some("https://blog.example")), ("https://evil.example", None)]
        {
            let request = TestRequest::get().uri("/").insert_header(("origin", origin)).to_request();
            let response = call_service(&app, request).await;
            let header = response.headers().get("access-control-allow-origin");
            assert_eq!(header.map(|value| value.to_str().unwrap()), allowed);
            assert_eq!(response.headers().get("x-content-type-options").unwrap(), "nosniff");
        }
    }
}
