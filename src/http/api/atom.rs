//! `GET /v1/authors/{handle}/atom.xml`: an author's newest posts for feed readers (RFC 4287), as the public sees them.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HttpDate},
    web,
};

pub(crate) mod document;

use self::document::{entry, feed};
use crate::{
    domain::{Account, PageCursor, Post, PostId, Timestamp, Viewer, may_see},
    http::{
        api::{
            authors::author_named,
            conditional,
            include::Include,
            page::{self, PAGE_BYTES, Room},
            post_url::PostUrls,
            refusals::{Absent, Guarded},
            renderer::Kept,
        },
        auth::ReadAccess,
        etag,
        extract::Path,
        headers::kept_by_the_reader,
        problem::{Problem, Result},
        state::State,
    },
    store::Listing,
};

const ENTRIES: usize = 20;
const CONTENT_TYPE: &str = "application/atom+xml; charset=utf-8";

/// Read an author's Atom feed.
///
/// The 20 newest posts that everybody may see; fewer when they have more than a mebibyte of HTML. Conditional requests go by `ETag`:
/// `Last-Modified` is for people, because a post that is deleted or rejected moves it backwards.
#[utoipa::path(
    get,
    path = "/v1/authors/{handle}/atom.xml",
    tag = "authors",
    params(
        ("handle" = String, Path, description = "The author's handle"),
        ("If-None-Match" = Option<String>, Header, description = "An `ETag`: answers 304 while it is current"),
    ),
    responses(
        (status = 200, description = "An Atom document", body = String, content_type = "application/atom+xml"),
        (status = 304, description = "The caller's copy is current"),
        Guarded,
        Absent
    ),
    security(("bearer" = ["posts:read"]))
)]
pub async fn get_author_atom(
    request: HttpRequest,
    _: ReadAccess,
    Path(handle): Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse> {
    let author = author_named(&state, &handle).await?;
    let posts = newest(&state, &author).await?;
    let (public_url, urls) = (state.public_url.clone(), state.post_urls.clone());
    let Written { document, tag, updated } =
        state.renderer.run(move |kept| write(kept, &author, &posts, &public_url, &urls)).await??;
    if etag::is_not_modified(&request, tag) {
        return Ok(kept_by_the_reader(etag::not_modified(tag)));
    }
    let response = HttpResponse::Ok()
        .insert_header((header::ETAG, etag::of(tag)))
        .insert_header((header::LAST_MODIFIED, HttpDate::from(system_time(updated))))
        .content_type(CONTENT_TYPE)
        .body(document);
    Ok(kept_by_the_reader(response))
}

/// A document, its entity tag, and when something in it last changed.
struct Written {
    document: Vec<u8>,
    tag: u64,
    updated: Timestamp,
}

/// As many entries as a page has room for, and at least one.
fn write(kept: &Kept, author: &Account, posts: &[Arc<Post>], public_url: &str, urls: &PostUrls) -> Result<Written> {
    let updated = posts.iter().map(|post| post.updated_at).max().unwrap_or(author.created_at);
    let mut entries = Vec::with_capacity(posts.len());
    let mut bytes = 0;
    for post in posts {
        let html = kept.html(post);
        bytes += html.len();
        if bytes > PAGE_BYTES && !entries.is_empty() {
            break;
        }
        entries.push(entry(post, urls.of(post, author), &html));
    }
    let document = feed(author, public_url, updated, entries).write_to(Vec::new()).map_err(Problem::internal)?;
    Ok(Written { tag: conditional::digest(&document), document, updated })
}

async fn newest(state: &State, author: &Account) -> Result<Vec<Arc<Post>>> {
    let listing = Listing::Author(author.id);
    let positions =
        async |after: Option<PageCursor>, limit: usize| state.repositories.posts().list(&listing, after, limit).await;
    let posts = async |ids: &[PostId]| state.repositories.posts().get_many(ids).await;
    let room = Room::new(ENTRIES, Include { body: false, html: true });
    let slice = page::collect(None, room, positions, posts, |post| may_see(post, Viewer::Public)).await?;
    Ok(slice.posts)
}

fn system_time(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or(0))
}
