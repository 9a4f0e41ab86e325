//! The server: sockets, threads, limits, and the order of the middleware. What is served is `routes.rs`.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_cors::Cors;
use actix_http::{HttpService, Protocol, error::DispatchError};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::{
    App, HttpServer,
    dev::{AppConfig, Server},
    middleware::{Compress, from_fn},
    rt::net::TcpStream,
    web::Data,
};

use super::{
    connections::Connections, headers::protect, problem, rate_limit::IdentityLimit, routes, state::State,
    stream::Stream, tracing::observe,
};
use crate::metrics::Exposition;

/// How long a client may take to read the rest of an answer that is the last one of its connection.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Connections that are accepted only to be hung up on, at a time; an eighth of all if that is less.
const DOOR: usize = 64;
/// Connections of those who scrape metrics.
const SCRAPERS: usize = 64;
/// How long a browser may remember what a preflight allowed.
const PREFLIGHT_MAX_AGE_SECONDS: usize = 3_600;
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const REQUEST_HEADERS: [&str; 7] =
    ["authorization", "content-type", "if-match", "if-none-match", "idempotency-key", "x-request-id", "traceparent"];
const EXPOSED_HEADERS: [&str; 7] =
    ["etag", "location", "link", "retry-after", "x-request-id", "ratelimit", "ratelimit-policy"];

/// Starts serving on a listener that is bound already, with up to so many connections at a time. Call it inside of an actix system;
/// the caller awaits the server and stops it by its handle, which lets running requests finish within `shutdown.grace`.
///
/// What `HttpServer` of actix-web does is put together here from the same parts, because it offers no way to refuse a connection.
///
/// # Errors
/// If the listener cannot be used.
pub fn bind(state: State, listener: TcpListener, connections: usize) -> io::Result<Server> {
    let config = Arc::clone(&state.config);
    let limit = Data::new(IdentityLimit::new(&config));
    let state = Data::new(state);
    let origins = config.http.cors_origins.clone();
    let address = listener.local_addr()?;
    let places = Connections::new(connections, &config.http);
    let (idle, head) = (config.http.idle_timeout.get(), config.http.request_timeout.get());
    // Longer than anything that may take its time without a word.
    let patience = idle.max(head) * 6 / 5;

    let builder = Server::build();
    let stopping = builder.graceful_shutdown_signal();
    let factory = move || {
        // the last one wrapped is the first one to see a request
        let app = App::new()
            .app_data(state.clone())
            .app_data(limit.clone())
            .configure(routes::configure)
            .wrap(cors(&origins))
            .wrap(from_fn(problem::render))
            .wrap(from_fn(protect))
            .wrap(Compress::default())
            .wrap(from_fn(observe));
        let app = app.into_factory().map_err(|error: actix_web::Error| error.error_response());
        let stopping = stopping.clone();
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(idle)
            .client_request_timeout(head)
            .client_disconnect_timeout(LAST_WORDS)
            .local_addr(address)
            .finish(map_config(app, |()| AppConfig::default()));
        let places = Arc::clone(&places);
        fn_service(move |socket: TcpStream| std::future::ready(admit(socket, &places, patience))).and_then(http)
    };
    let server = builder
        .workers(config.http.workers)
        .max_concurrent_connections((connections + (connections / 8).min(DOOR)).div_ceil(config.http.workers))
        .disable_signals()
        // Half of it: a client that never reads its answer must not take the workers' share of the grace time.
        .shutdown_timeout(config.shutdown.grace.get().as_secs().div_ceil(2))
        .listen("http", listener, factory)?;
    Ok(server.run())
}

/// Gives a connection its place, or hangs up on it.
fn admit(
    socket: TcpStream,
    places: &Arc<Connections>,
    patience: Duration,
) -> Result<(Stream, Protocol, Option<SocketAddr>), DispatchError> {
    let peer = socket.peer_addr()?;
    let place = places.admit(peer.ip()).ok_or(io::ErrorKind::ConnectionRefused).map_err(io::Error::from)?;
    Ok((Stream::new(socket, patience, place), Protocol::Http1, Some(peer)))
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
    let server = server.workers(1).max_connections(SCRAPERS).disable_signals().shutdown_timeout(1);
    Ok(server.listen(listener)?.run())
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
