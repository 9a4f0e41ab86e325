//! `/v1/posts`: one file per verb. What they share: finding a post, and who may look behind it.

pub mod appeal;
pub mod create;
pub mod delete;
pub mod deliveries;
pub mod edit;
pub mod get;
mod idempotency;
pub mod list;
pub mod mailing;
pub mod publish;
pub mod stats;

use std::sync::Arc;

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
};

use crate::{
    actors::Answer,
    domain::{Post, PostId, Role, Viewer, may_see},
    http::{
        api::view::{PostView, post_not_found, post_view},
        auth::Principal,
        etag,
        moderation::view::verdict_for,
        problem::{Code, Problem, Result},
        state::State,
    },
};

/// The post, if `viewer` may know of it.
///
/// # Errors
/// `not_found` if not, whatever the reason; a lost store.
pub async fn visible_post(state: &State, id: PostId, viewer: Viewer) -> Result<Arc<Post>> {
    let post = state.repositories.posts().get(id).await?;
    post.filter(|post| may_see(post, viewer)).ok_or_else(|| post_not_found(id))
}

/// The post, if `principal` may know of it and may look behind it: its author, moderators and admins may.
///
/// # Errors
/// `not_found`, `forbidden`; a lost store.
pub async fn inspected_post(state: &State, id: PostId, principal: &Principal) -> Result<Arc<Post>> {
    let viewer = principal.viewer();
    let post = visible_post(state, id, viewer).await?;
    let is_insider = matches!(viewer, Viewer::Moderator(_)) || principal.roles.contains(&Role::Admin);
    if post.author == principal.account || is_insider {
        return Ok(post);
    }
    Err(Problem::new(Code::Forbidden).detail("only the post's author, moderators and admins may see this"))
}

/// The post as `viewer` sees it: with the grounds of its verdict, if that is their business.
///
/// # Errors
/// `not_found` if the author's account is gone; a lost store.
async fn view_for(state: &State, post: &Arc<Post>, viewer: Viewer) -> Result<PostView> {
    let verdict = verdict_for(state, post, viewer).await?;
    Ok(PostView { verdict, ..post_view(state, post).await? })
}

/// The post a command answered with, as `viewer` sees it, and a response of that status that carries its version.
///
/// # Errors
/// `internal` for an answer that is no post; a lost store.
pub async fn post_response(
    state: &State,
    answer: Answer,
    status: StatusCode,
    viewer: Viewer,
) -> Result<(PostView, HttpResponseBuilder)> {
    let post = match answer {
        Answer::Post(post) => post,
        Answer::Deleted | Answer::Done => return Err(Problem::internal("the publisher answered without a post")),
    };
    let mut response = HttpResponse::build(status);
    response.insert_header((header::ETAG, etag::of(post.version)));
    Ok((view_for(state, &post, viewer).await?, response))
}
