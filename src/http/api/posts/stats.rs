//! `GET /v1/posts/{id}/stats`.

use actix_web::web;
use serde::Serialize;
use utoipa::ToSchema;

use super::inspected_post;
use crate::{
    domain::PostId,
    http::{
        api::refusals::{Absent, Guarded},
        auth::{Authorized, scope},
        extract::Path,
        problem::Result,
        state::State,
    },
};

/// A post's numbers. They follow the reads by some seconds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PostStats)]
pub struct PostStatsView {
    /// The post's id.
    pub post: String,
    /// All views, the author's own left out.
    pub views: u64,
    /// The days with views, oldest first.
    pub by_day: Vec<DayViews>,
}

/// One UTC day's views.
#[derive(Debug, Serialize, ToSchema)]
pub struct DayViews {
    /// The day.
    #[schema(format = Date, example = "2026-11-23")]
    pub day: String,
    /// How often the post was read on it.
    pub views: u64,
}

/// Read a post's numbers.
///
/// For its author, moderators and admins.
#[utoipa::path(
    get,
    path = "/v1/posts/{id}/stats",
    tag = "posts",
    params(("id" = String, Path, description = "The post's id")),
    responses((status = 200, description = "Views, by day", body = PostStatsView), Guarded, Absent),
    security(("bearer" = ["posts:read"]))
)]
pub async fn get_post_stats(
    principal: Authorized<scope::PostsRead>,
    Path(id): Path<PostId>,
    state: web::Data<State>,
) -> Result<web::Json<PostStatsView>> {
    let post = inspected_post(&state, id, &principal).await?;
    let views = state.repositories.stats().views(post.id).await?;
    Ok(web::Json(PostStatsView {
        post: post.id.to_string(),
        views: views.iter().map(|(_, views)| views).sum(),
        by_day: views.into_iter().map(|(day, views)| DayViews { day: day.as_str().to_owned(), views }).collect(),
    }))
}
