//! `PATCH /v1/posts/{id}`.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
    web,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::post_response;
use crate::{
    actors::{Command, PostChanges},
    domain::{AccountId, Body, Invalid, PostId, Problems, Slug, Status, Tag, Title},
    http::{
        api::{
            refusals::{Absent, BadBody, Guarded, Preconditioned, SlugTaken, TooManyEdits},
            view::PostView,
        },
        auth::{Authorized, scope},
        etag,
        extract::{Json, Path, Trace},
        problem::Result,
        state::State,
    },
};

/// What is to change; a field that is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PostChanges)]
pub struct EditPost {
    /// One line of plain text, 1-200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub title: Option<String>,
    /// Markdown, 1-100,000 characters.
    #[schema(min_length = 1, max_length = 100_000)]
    pub body: Option<String>,
    /// All tags; at most 10, of 1-40 characters each.
    #[schema(max_items = 10)]
    pub tags: Option<Vec<String>>,
    /// The post's name in links, unique per author.
    #[schema(max_length = 100)]
    pub slug: Option<String>,
}

/// Edit a post.
///
/// For its author and moderators. A published post whose text changes is moderated again. One that was rejected stays hidden until
/// its new text is approved, also while it reads `pending` or `review`. Edits of published posts are limited by post and by account.
#[utoipa::path(
    patch,
    path = "/v1/posts/{id}",
    tag = "posts",
    params(
        ("id" = String, Path, description = "The post's id"),
        ("If-Match" = Option<String>, Header, description = "The post's `ETag`: edits only that version"),
    ),
    request_body = EditPost,
    responses(
        (status = 200, description = "The post as it is now", body = PostView,
            headers(
                ("ETag" = String, description = "The post's version"),
                ("RateLimit-Policy" = String, description = "How many edits there are; only for a published post"),
                ("RateLimit" = String, description = "How many of them are left"),
            )),
        TooManyEdits,
        SlugTaken,
        Guarded,
        Absent,
        BadBody,
        Preconditioned
    ),
    security(("bearer" = ["posts:write"]))
)]
pub async fn edit_post(
    request: HttpRequest,
    principal: Authorized<scope::PostsWrite>,
    Path(post): Path<PostId>,
    Trace(trace): Trace,
    state: web::Data<State>,
    Json(body): Json<EditPost>,
) -> Result<HttpResponse> {
    let if_version = etag::if_match(&request)?;
    let changes = body.validate()?;
    let standing = admit(&state, principal.account, post).await?;
    let command = Command::Edit { post, by: principal.viewer(), if_version, changes };
    let answer = state.publisher.submit(command, trace).await?;
    let (post, mut response) = post_response(&state, answer, StatusCode::OK, principal.viewer()).await?;
    for header in standing {
        response.insert_header(header);
    }
    Ok(response.json(post))
}

/// Counts the edit if the post is published; answers what the client is told about that.
async fn admit(state: &State, account: AccountId, post: PostId) -> Result<Vec<(HeaderName, HeaderValue)>> {
    let found = state.repositories.posts().get(post).await?;
    let counts = found.is_some_and(|post| post.status == Status::Published);
    if counts { state.edits.admit(account, post) } else { Ok(Vec::new()) }
}

impl EditPost {
    fn validate(self) -> std::result::Result<PostChanges, Vec<Invalid>> {
        if self.title.is_none() && self.body.is_none() && self.tags.is_none() && self.slug.is_none() {
            return Err(vec![Invalid::new("", "empty", "must name at least one of title, body, tags and slug")]);
        }
        let mut problems = Problems::default();
        let title = self.title.and_then(|title| problems.note(Title::parse(&title)));
        let body = self.body.and_then(|body| problems.note(Body::parse(&body)));
        let slug = self.slug.and_then(|slug| problems.note(Slug::parse(&slug)));
        let tags = self.tags.map(|tags| {
            Tag::parse_list(&tags).unwrap_or_else(|invalid| {
                invalid.into_iter().for_each(|invalid| problems.push(invalid));
                Vec::new()
            })
        });
        problems.finish()?;
        Ok(PostChanges { title, body, tags, slug })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validate(json: serde_json::Value) -> std::result::Result<PostChanges, Vec<Invalid>> {
        serde_json::from_value::<EditPost>(json).unwrap().validate()
    }

    #[test]
    fn an_edit_that_changes_nothing_is_refused() {
        assert_eq!(validate(serde_json::json!({})).err().unwrap()[0].code, "empty");
        assert_eq!(validate(serde_json::json!({"title": null})).err().unwrap()[0].code, "empty");
    }

    #[test]
    fn tags_can_be_taken_away_and_other_fields_stay() {
        let changes = validate(serde_json::json!({"tags": []})).unwrap();
        assert_eq!(changes.tags, Some(Vec::new()));
        assert!(changes.title.is_none() && changes.body.is_none() && changes.slug.is_none());
    }

    #[test]
    fn everything_wrong_is_reported_at_once() {
        let invalid = validate(serde_json::json!({"title": "", "body": "", "tags": [""], "slug": "-"})).err().unwrap();
        assert_eq!(invalid.len(), 4);
    }
}
