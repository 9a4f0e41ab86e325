//! `/v1/authors/{handle}`: profiles, and an author's posts.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{Account, Handle, may_see},
    http::{
        api::{
            conditional,
            include::PostsParams,
            posts::list::posts_page,
            refusals::{Absent, BadQuery, Guarded},
            summary::PostPage,
        },
        auth::ReadAccess,
        extract::{Path, Query},
        headers::kept_by_the_reader,
        problem::{Code, Problem, Result},
        state::State,
    },
    store::Listing,
};

/// What everybody may know of an author.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Profile)]
pub struct ProfileView {
    /// The public name in links.
    pub handle: String,
    /// The name people read.
    pub name: String,
    /// A few words about the person.
    pub bio: String,
    /// Posts that are out.
    pub posts: u64,
    /// Present followers.
    pub followers: u64,
    /// Whether the caller follows the author; null for anonymous callers.
    #[schema(required = true)]
    pub is_followed: Option<bool>,
    /// When the account was made.
    #[schema(format = DateTime)]
    pub created_at: String,
}

/// The account with this handle.
///
/// # Errors
/// `not_found`; a lost store.
pub async fn author_named(state: &State, handle: &str) -> Result<Arc<Account>> {
    let unknown = || Problem::new(Code::NotFound).detail("there is no author with this handle");
    let handle = Handle::parse(handle).map_err(|_| unknown())?;
    state.repositories.accounts().by_handle(&handle).await?.ok_or_else(unknown)
}

/// Read an author's profile.
#[utoipa::path(
    get,
    path = "/v1/authors/{handle}",
    tag = "authors",
    params(
        ("handle" = String, Path, description = "The author's handle"),
        ("If-None-Match" = Option<String>, Header, description = "An `ETag`: answers 304 while it is current"),
    ),
    responses(
        (status = 200, description = "The profile", body = ProfileView),
        (status = 304, description = "The caller's copy is current"),
        Guarded,
        Absent
    ),
    security(("bearer" = ["posts:read"]))
)]
pub async fn get_author(
    request: HttpRequest,
    access: ReadAccess,
    Path(handle): Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse> {
    let author = author_named(&state, &handle).await?;
    let is_followed = match access.account() {
        Some(reader) => Some(state.repositories.follows().is_following(reader, author.id).await?),
        None => None,
    };
    let stats = state.repositories.stats().profile(author.id).await?;
    let view = ProfileView {
        handle: author.handle.as_str().to_owned(),
        name: author.name.as_str().to_owned(),
        bio: author.bio.as_str().to_owned(),
        posts: stats.posts,
        followers: stats.followers,
        is_followed,
        created_at: author.created_at.to_string(),
    };
    conditional::json(&request, &view).map(kept_by_the_reader)
}

/// List an author's posts, newest first.
#[utoipa::path(
    get,
    path = "/v1/authors/{handle}/posts",
    tag = "authors",
    params(("handle" = String, Path, description = "The author's handle"), PostsParams),
    responses((status = 200, description = "A page of posts", body = PostPage), Guarded, Absent, BadQuery),
    security(("bearer" = ["posts:read"]))
)]
pub async fn list_author_posts(
    access: ReadAccess,
    Path(handle): Path<String>,
    Query(query): Query<PostsParams>,
    state: web::Data<State>,
) -> Result<web::Json<PostPage>> {
    let author = author_named(&state, &handle).await?;
    let (page, include) = query.read()?;
    let viewer = access.viewer();
    posts_page(&state, &Listing::Author(author.id), &page, include, |post| may_see(post, viewer)).await.map(web::Json)
}
