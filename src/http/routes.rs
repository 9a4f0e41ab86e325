//! Every route, on one screen. What a handler does stands beside it; who may call it is in its signature.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, Handler, HttpResponse, Responder, Route,
    dev::HttpServiceFactory,
    guard,
    http::{
        Method,
        header::{self, HeaderValue},
    },
    middleware::from_fn,
    web::{self, ServiceConfig},
};

use super::{
    admin,
    api::{atom, authors, feed, follows, me, posts, search},
    deadline::bound,
    health, identity, metrics, moderation, openapi,
    problem::{Code, Problem},
    rate_limit::limit_identity,
    web::unsubscribe,
};

/// Everything this server answers.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(
            web::scope("/v1/identity")
                .wrap(from_fn(limit_identity))
                .service(resource("/sign-up", [post(identity::sign_up::sign_up)]))
                .service(resource("/confirm", [post(identity::confirm::confirm)]))
                .service(resource("/resend-code", [post(identity::resend_code::resend_code)]))
                .service(resource("/sign-in", [post(identity::sign_in::sign_in)]))
                .service(resource("/refresh", [post(identity::refresh::refresh)]))
                .service(resource("/sign-out", [post(identity::sign_out::sign_out)])),
        )
        .service(resource("/v1/posts", [get(posts::list::list_posts), post(posts::create::create_post)]))
        .service(resource(
            "/v1/posts/{id}",
            [get(posts::get::get_post), patch(posts::edit::edit_post), delete(posts::delete::delete_post)],
        ))
        .service(resource("/v1/posts/{id}/publish", [post(posts::publish::publish_draft)]))
        .service(resource("/v1/posts/{id}/deliveries", [get(posts::deliveries::get_deliveries)]))
        .service(resource(
            "/v1/posts/{id}/appeal",
            [get(posts::appeal::get_appeal), post(posts::appeal::create_appeal)],
        ))
        .service(resource("/v1/posts/{id}/mailing", [get(posts::mailing::get_mailing)]))
        .service(resource("/v1/posts/{id}/stats", [get(posts::stats::get_post_stats)]))
        .service(resource("/v1/moderation/queue", [get(moderation::queue::get_queue)]))
        .service(resource("/v1/moderation/posts/{id}/decision", [post(moderation::decide::decide)]))
        .service(resource("/v1/authors/{handle}", [get(authors::get_author)]))
        .service(resource("/v1/authors/{handle}/posts", [get(authors::list_author_posts)]))
        .service(resource("/v1/authors/{handle}/atom.xml", [get(atom::get_author_atom)]))
        .service(resource("/v1/authors/{handle}/follow", [put(follows::follow), delete(follows::unfollow)]))
        .service(resource("/v1/me", [get(me::get_me), patch(me::update_me)]))
        .service(resource("/v1/me/stats", [get(me::get_my_stats)]))
        .service(resource("/v1/me/followers", [get(follows::list_followers)]))
        .service(resource("/v1/me/following", [get(follows::list_following)]))
        .service(resource("/v1/feed", [get(feed::get_feed)]))
        .service(resource("/v1/search", [get(search::search_posts)]))
        .service(resource("/v1/admin/workers", [get(admin::workers::list_workers)]))
        .service(resource("/v1/admin/workers/{name}/pause", [post(admin::workers::pause_worker)]))
        .service(resource("/v1/admin/workers/{name}/resume", [post(admin::workers::resume_worker)]))
        .service(resource("/v1/admin/workers/{name}/restart", [post(admin::workers::restart_worker)]))
        .service(resource("/v1/admin/overview", [get(admin::workers::get_overview)]))
        .service(resource("/v1/admin/watch-tickets", [post(admin::tickets::create_watch_ticket)]))
        .service(resource("/v1/admin/watch", [get(admin::watch::watch)]))
        .service(resource("/v1/admin/dead-letters", [get(admin::dead_letters::list::list_dead_letters)]))
        .service(resource("/v1/admin/dead-letters/causes", [get(admin::dead_letters::causes::list_causes)]))
        .service(resource("/v1/admin/dead-letters/redrive", [post(admin::dead_letters::order::redrive_dead_letters)]))
        .service(resource("/v1/admin/dead-letters/discard", [post(admin::dead_letters::order::discard_dead_letters)]))
        .service(resource("/v1/admin/dead-letters/{id}", [get(admin::dead_letters::list::get_dead_letter)]))
        .service(resource("/v1/admin/jobs", [get(admin::jobs::list_jobs)]))
        .service(resource("/v1/admin/jobs/{id}", [get(admin::jobs::get_job), delete(admin::jobs::cancel_job)]))
        .service(resource("/v1/admin/audit", [get(admin::audit::list_audit)]))
        .service(resource("/v1/admin/backup", [post(admin::backup::take_backup)]))
        .service(resource("/v1/admin/accounts/{handle}", [get(admin::accounts::get_account)]))
        .service(resource("/v1/admin/accounts/{handle}/roles", [put(admin::accounts::set_roles)]))
        .service(resource("/v1/admin/suppressions", [get(admin::suppressions::list_suppressions)]))
        .service(resource("/v1/admin/suppressions/{email}", [delete(admin::suppressions::remove_suppression)]))
        .service(resource("/mail/unsubscribe/{token}", [get(unsubscribe::ask), post(unsubscribe::unsubscribe)]))
        .service(resource("/mail/subscribe/{token}", [post(unsubscribe::subscribe)]))
        .service(resource("/healthz", [get(health::healthz)]))
        .service(resource("/readyz", [get(health::readyz)]))
        .app_data(openapi::Document::data())
        .service(resource("/openapi.json", [get(openapi::openapi_json)]))
        .service(openapi::docs())
        .default_service(web::to(not_found));
}

/// Everything the listener for metrics answers.
pub fn configure_metrics(config: &mut ServiceConfig) {
    config.service(resource("/metrics", [get(metrics::get_metrics)])).default_service(web::to(not_found));
}

/// One address: its methods, its time limit, and 405 with `Allow` for everything else.
fn resource<const N: usize>(path: &'static str, routes: [(Method, Route); N]) -> impl HttpServiceFactory + 'static {
    let mut allowed = Vec::new();
    let mut resource = web::resource(path);
    for (method, route) in routes {
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

/// `GET`, and `HEAD` by the same handler: the server leaves the body out.
fn get<F, Args>(handler: F) -> (Method, Route)
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let is_reading = guard::Any(guard::Get()).or(guard::Head());
    (Method::GET, web::route().guard(is_reading).to(handler))
}

macro_rules! methods {
    ($($name:ident: $method:ident),+) => {
        $(fn $name<F, Args>(handler: F) -> (Method, Route)
        where
            F: Handler<Args>,
            Args: FromRequest + 'static,
            F::Output: Responder + 'static,
        {
            (Method::$method, web::$name().to(handler))
        })+
    };
}

methods! { post: POST, put: PUT, patch: PATCH, delete: DELETE }

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
    use utoipa::OpenApi;

    use super::*;

    /// Answers without a state: extractors then fail with anything but 404 and 405, which is all that matters here.
    #[actix_web::test]
    async fn the_openapi_document_and_the_routes_agree() {
        let app = init_service(App::new().configure(configure)).await;
        let document = serde_json::to_value(openapi::ApiDoc::openapi()).unwrap();
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
