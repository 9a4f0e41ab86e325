//! `POST /v1/posts/{id}/publish`.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};

use super::post_response;
use crate::{
    actors::Command,
    domain::PostId,
    http::{
        api::{
            refusals::{Absent, AlreadyPublished, Guarded, Preconditioned},
            view::PostView,
        },
        auth::{Authorized, scope},
        etag,
        extract::{Path, Trace},
        problem::Result,
        state::State,
    },
};

/// Publish a draft.
///
/// From now on it is what a post is that was published at once: announced, moderated, mailed if it asked for that.
#[utoipa::path(
    post,
    path = "/v1/posts/{id}/publish",
    tag = "posts",
    params(
        ("id" = String, Path, description = "The draft's id"),
        ("If-Match" = Option<String>, Header, description = "The draft's `ETag`: publishes only that version"),
    ),
    responses(
        (status = 200, description = "The published post", body = PostView,
            headers(("ETag" = String, description = "The post's version"))),
        AlreadyPublished,
        Guarded,
        Absent,
        Preconditioned
    ),
    security(("bearer" = ["posts:write"]))
)]
pub async fn publish_draft(
    request: HttpRequest,
    principal: Authorized<scope::PostsWrite>,
    Path(post): Path<PostId>,
    Trace(trace): Trace,
    state: web::Data<State>,
) -> Result<HttpResponse> {
    let if_version = etag::if_match(&request)?;
    let command = Command::PublishDraft { post, by: principal.viewer(), if_version };
    let answer = state.publisher.submit(command, trace).await?;
    let (post, mut response) = post_response(&state, answer, StatusCode::OK, principal.viewer()).await?;
    Ok(response.json(post))
}
