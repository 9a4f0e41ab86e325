//! `GET /v1/posts/{id}`.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web,
};

use super::{view_for, visible_post};
use crate::{
    domain::{PostId, Status},
    http::{
        api::{
            refusals::{Absent, Guarded},
            view::PostView,
        },
        auth::ReadAccess,
        etag,
        extract::Path,
        headers::kept_by_the_reader,
        problem::Result,
        state::State,
    },
};

/// Read a post.
///
/// Counts as a view unless the caller is the author, also when the answer is 304. Its author and moderators also read why
/// it is rejected, or left to a person.
#[utoipa::path(
    get,
    path = "/v1/posts/{id}",
    tag = "posts",
    params(
        ("id" = String, Path, description = "The post's id"),
        ("If-None-Match" = Option<String>, Header, description = "An `ETag`: answers 304 while it is current"),
    ),
    responses(
        (status = 200, description = "The post", body = PostView, headers(("ETag" = String, description = "The post's version"))),
        (status = 304, description = "The caller's copy is current"),
        Guarded,
        Absent
    ),
    security(("bearer" = ["posts:read"]))
)]
pub async fn get_post(
    request: HttpRequest,
    access: ReadAccess,
    Path(id): Path<PostId>,
    state: web::Data<State>,
) -> Result<HttpResponse> {
    let viewer = access.viewer();
    let post = visible_post(&state, id, viewer).await?;
    let is_reading = request.method() == Method::GET && post.status == Status::Published;
    if is_reading && access.account() != Some(post.author) {
        state.views.count(post.id, post.author);
    }
    if etag::is_not_modified(&request, post.version) {
        return Ok(kept_by_the_reader(etag::not_modified(post.version)));
    }
    let view = view_for(&state, &post, viewer).await?;
    Ok(kept_by_the_reader(HttpResponse::Ok().insert_header((header::ETAG, etag::of(post.version))).json(view)))
}
