//! `DELETE /v1/posts/{id}`.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::{
    actors::Command,
    domain::PostId,
    http::{
        api::refusals::{Absent, Guarded, Preconditioned},
        auth::{Authorized, scope},
        etag,
        extract::{Path, Trace},
        problem::Result,
        state::State,
    },
};

/// Delete a post.
///
/// For its author and moderators. It disappears at once from direct reads and lists, and soon from feeds and search.
#[utoipa::path(
    delete,
    path = "/v1/posts/{id}",
    tag = "posts",
    params(
        ("id" = String, Path, description = "The post's id"),
        ("If-Match" = Option<String>, Header, description = "The post's `ETag`: deletes only that version"),
    ),
    responses((status = 204, description = "It is gone"), Guarded, Absent, Preconditioned),
    security(("bearer" = ["posts:write"]))
)]
pub async fn delete_post(
    request: HttpRequest,
    principal: Authorized<scope::PostsWrite>,
    Path(post): Path<PostId>,
    Trace(trace): Trace,
    state: web::Data<State>,
) -> Result<HttpResponse> {
    let if_version = etag::if_match(&request)?;
    let command = Command::Delete { post, by: principal.viewer(), if_version };
    state.publisher.submit(command, trace).await?;
    Ok(HttpResponse::NoContent().finish())
}
