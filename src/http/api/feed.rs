//! `GET /v1/feed`: what the authors whom the caller follows have published.

use actix_web::web;

use crate::{
    domain::{PageCursor, PostId, Viewer, may_see},
    http::{
        api::{
            include::PostsParams,
            page::{self, Room},
            refusals::{BadQuery, Guarded},
            summary::{PostPage, post_page},
        },
        auth::{Authorized, scope},
        extract::Query,
        problem::Result,
        state::State,
    },
};

/// Read the caller's feed, newest first.
///
/// Everybody's rules apply here, also to the caller's own posts: what moderators have rejected is gone.
#[utoipa::path(
    get,
    path = "/v1/feed",
    tag = "feed",
    params(PostsParams),
    responses((status = 200, description = "A page of posts", body = PostPage), Guarded, BadQuery),
    security(("bearer" = ["feed:read"]))
)]
pub async fn get_feed(
    principal: Authorized<scope::FeedRead>,
    Query(query): Query<PostsParams>,
    state: web::Data<State>,
) -> Result<web::Json<PostPage>> {
    let (query, include) = query.read()?;
    let after = query.after()?;
    let room = Room::new(query.limit()?, include);
    let reader = principal.account;
    let positions =
        async |after: Option<PageCursor>, limit: usize| state.repositories.feeds().page(reader, after, limit).await;
    let posts = async |ids: &[PostId]| {
        state.repositories.feeds().of_followed(reader, state.repositories.posts().get_many(ids).await?).await
    };
    let slice = page::collect(after, room, positions, posts, |post| may_see(post, Viewer::Public)).await?;
    post_page(&state, slice, include).await.map(web::Json)
}
