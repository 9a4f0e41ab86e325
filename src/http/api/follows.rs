//! Following: `/v1/authors/{handle}/follow`, and who follows whom for the caller.

use actix_web::{HttpResponse, web};

use crate::{
    actors::Command,
    domain::{AccountId, Page},
    http::{
        api::{
            authors::author_named,
            refusals::{Absent, BadQuery, Guarded, NotOneself},
            view::{AuthorPage, AuthorView},
        },
        auth::{Authorized, scope},
        extract::{PageParams, Path, Query, Trace},
        problem::Result,
        state::State,
    },
};

/// Follow an author.
///
/// Idempotent. The author's newest posts come into the caller's feed; each new post is mailed, if the caller wants mail.
#[utoipa::path(
    put,
    path = "/v1/authors/{handle}/follow",
    tag = "follows",
    params(("handle" = String, Path, description = "The author's handle")),
    responses(
        (status = 204, description = "The caller follows the author"),
        NotOneself,
        Guarded,
        Absent
    ),
    security(("bearer" = ["follows:write"]))
)]
pub async fn follow(
    principal: Authorized<scope::FollowsWrite>,
    Path(handle): Path<String>,
    Trace(trace): Trace,
    state: web::Data<State>,
) -> Result<HttpResponse> {
    let author = author_named(&state, &handle).await?.id;
    state.publisher.submit(Command::Follow { reader: principal.account, author }, trace).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Unfollow an author.
///
/// Idempotent. The author's posts leave the caller's feed.
#[utoipa::path(
    delete,
    path = "/v1/authors/{handle}/follow",
    tag = "follows",
    params(("handle" = String, Path, description = "The author's handle")),
    responses((status = 204, description = "The caller does not follow the author"), Guarded, Absent),
    security(("bearer" = ["follows:write"]))
)]
pub async fn unfollow(
    principal: Authorized<scope::FollowsWrite>,
    Path(handle): Path<String>,
    Trace(trace): Trace,
    state: web::Data<State>,
) -> Result<HttpResponse> {
    let author = author_named(&state, &handle).await?.id;
    state.publisher.submit(Command::Unfollow { reader: principal.account, author }, trace).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// List the caller's followers, in no particular order.
#[utoipa::path(
    get,
    path = "/v1/me/followers",
    tag = "follows",
    params(PageParams),
    responses((status = 200, description = "A page of accounts", body = AuthorPage), Guarded, BadQuery),
    security(("bearer" = ["feed:read"]))
)]
pub async fn list_followers(
    principal: Authorized<scope::FeedRead>,
    Query(page): Query<PageParams>,
    state: web::Data<State>,
) -> Result<web::Json<AuthorPage>> {
    let limit = page.limit()?;
    let found = state.repositories.follows().followers(principal.account, page.after()?, limit + 1).await?;
    people(&state, found, limit).await
}

/// List the authors whom the caller follows, in no particular order.
#[utoipa::path(
    get,
    path = "/v1/me/following",
    tag = "follows",
    params(PageParams),
    responses((status = 200, description = "A page of accounts", body = AuthorPage), Guarded, BadQuery),
    security(("bearer" = ["feed:read"]))
)]
pub async fn list_following(
    principal: Authorized<scope::FeedRead>,
    Query(page): Query<PageParams>,
    state: web::Data<State>,
) -> Result<web::Json<AuthorPage>> {
    let limit = page.limit()?;
    let found = state.repositories.follows().following(principal.account, page.after()?, limit + 1).await?;
    people(&state, found, limit).await
}

async fn people(state: &State, found: Vec<AccountId>, limit: usize) -> Result<web::Json<AuthorPage>> {
    let page = Page::take(found, limit, |account| *account);
    let accounts = state.repositories.accounts().get_many(&page.items).await?;
    let items = accounts.iter().map(|account| AuthorView::from(&**account)).collect();
    Ok(web::Json(AuthorPage { items, next_cursor: page.next_cursor() }))
}
