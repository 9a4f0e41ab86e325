//! Every operation of the API, on one screen: its address, its methods, its handlers. The routes and the OpenAPI document are both made
//! of this list. What a handler does is documented with it; who may call it is in its signature.

use actix_web::{FromRequest, Handler, Responder, Route, guard, http::Method, web};
use utoipa::OpenApi;

use super::{
    admin,
    api::{atom, authors, feed, follows, me, posts, search},
    health, identity, moderation,
};

/// The routes of one address, by method.
pub type Methods = Vec<(Method, Route)>;

macro_rules! operations {
    ($($path:literal => $($method:ident $($handler:ident)::+),+;)+) => {
        /// All operations, for the OpenAPI document.
        #[derive(OpenApi)]
        #[openapi(paths($($($($handler)::+),+),+))]
        pub struct Operations;

        /// All operations, as routes.
        #[must_use]
        pub fn all() -> Vec<(&'static str, Methods)> {
            vec![$(($path, vec![$($method($($handler)::+)),+])),+]
        }
    };
}

operations! {
    "/v1/identity/sign-up" => post identity::sign_up::sign_up;
    "/v1/identity/confirm" => post identity::confirm::confirm;
    "/v1/identity/resend-code" => post identity::resend_code::resend_code;
    "/v1/identity/sign-in" => post identity::sign_in::sign_in;
    "/v1/identity/refresh" => post identity::refresh::refresh;
    "/v1/identity/sign-out" => post identity::sign_out::sign_out;
    "/v1/posts" => get posts::list::list_posts, post posts::create::create_post;
    "/v1/posts/{id}" => get posts::get::get_post, patch posts::edit::edit_post, delete posts::delete::delete_post;
    "/v1/posts/{id}/publish" => post posts::publish::publish_draft;
    "/v1/posts/{id}/deliveries" => get posts::deliveries::get_deliveries;
    "/v1/posts/{id}/appeal" => get posts::appeal::get_appeal, post posts::appeal::create_appeal;
    "/v1/posts/{id}/mailing" => get posts::mailing::get_mailing;
    "/v1/posts/{id}/stats" => get posts::stats::get_post_stats;
    "/v1/moderation/queue" => get moderation::queue::get_queue;
    "/v1/moderation/posts/{id}/decision" => post moderation::decide::decide;
    "/v1/authors/{handle}" => get authors::get_author;
    "/v1/authors/{handle}/posts" => get authors::list_author_posts;
    "/v1/authors/{handle}/atom.xml" => get atom::get_author_atom;
    "/v1/authors/{handle}/follow" => put follows::follow, delete follows::unfollow;
    "/v1/me" => get me::get_me, patch me::update_me;
    "/v1/me/stats" => get me::get_my_stats;
    "/v1/me/followers" => get follows::list_followers;
    "/v1/me/following" => get follows::list_following;
    "/v1/feed" => get feed::get_feed;
    "/v1/search" => get search::search_posts;
    "/v1/admin/workers" => get admin::workers::list_workers;
    "/v1/admin/workers/{name}/pause" => post admin::workers::pause_worker;
    "/v1/admin/workers/{name}/resume" => post admin::workers::resume_worker;
    "/v1/admin/workers/{name}/restart" => post admin::workers::restart_worker;
    "/v1/admin/overview" => get admin::workers::get_overview;
    "/v1/admin/watch-tickets" => post admin::tickets::create_watch_ticket;
    "/v1/admin/watch" => get admin::watch::watch;
    "/v1/admin/dead-letters" => get admin::dead_letters::list::list_dead_letters;
    "/v1/admin/dead-letters/causes" => get admin::dead_letters::causes::list_causes;
    "/v1/admin/dead-letters/redrive" => post admin::dead_letters::order::redrive_dead_letters;
    "/v1/admin/dead-letters/discard" => post admin::dead_letters::order::discard_dead_letters;
    "/v1/admin/dead-letters/{id}" => get admin::dead_letters::list::get_dead_letter;
    "/v1/admin/jobs" => get admin::jobs::list_jobs;
    "/v1/admin/jobs/{id}" => get admin::jobs::get_job, delete admin::jobs::cancel_job;
    "/v1/admin/audit" => get admin::audit::list_audit;
    "/v1/admin/backup" => post admin::backup::take_backup;
    "/v1/admin/accounts/{handle}" => get admin::accounts::get_account;
    "/v1/admin/accounts/{handle}/roles" => put admin::accounts::set_roles;
    "/v1/admin/suppressions" => get admin::suppressions::list_suppressions;
    "/v1/admin/suppressions/{email}" => delete admin::suppressions::remove_suppression;
    "/healthz" => get health::healthz;
    "/readyz" => get health::readyz;
}

/// `GET`, and `HEAD` by the same handler: the server leaves the body out.
pub fn get<F, Args>(handler: F) -> (Method, Route)
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
        $(#[doc = concat!("`", stringify!($method), "`.")]
        pub fn $name<F, Args>(handler: F) -> (Method, Route)
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
