//! `POST /v1/posts`: what a client may say of a new post, and how it becomes a command.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{idempotency, post_response};
use crate::{
    actors::{Command, NewPost},
    domain::{Body, Invalid, Problems, Slug, Status, Tag, Timestamp, Title},
    http::{
        api::{
            refusals::{BadBody, Guarded, SlugTaken},
            view::{PostView, StatusView},
        },
        auth::{Authorized, scope},
        extract::{JsonWithHash, Trace},
        problem::Result,
        state::State,
    },
};

/// A new post.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPost)]
pub struct CreatePost {
    /// One line of plain text, 1-200 characters.
    #[serde(default)]
    #[schema(required = true, min_length = 1, max_length = 200, example = "Hello")]
    pub title: String,
    /// Markdown, 1-100,000 characters.
    #[serde(default)]
    #[schema(required = true, min_length = 1, max_length = 100_000, example = "Hello, *world*.")]
    pub body: String,
    /// At most 10, of 1-40 characters each.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub tags: Vec<String>,
    /// `published` unless said otherwise.
    #[schema(value_type = Option<StatusView>)]
    pub status: Option<String>,
    /// The post's name in links, unique per author; made from the title if left out.
    #[schema(max_length = 100)]
    pub slug: Option<String>,
    /// Since when it counts as published: now, unless it is an older piece of writing.
    #[schema(format = DateTime)]
    pub published_at: Option<String>,
    /// Whether followers get a mail; true unless said otherwise.
    pub notify: Option<bool>,
}

/// Create a post.
///
/// It is stored and announced before the answer; feeds, search, mail, moderation and statistics follow, as its deliveries tell.
/// With an `Idempotency-Key` a request may be repeated safely for 24 hours: the first answer comes back.
#[utoipa::path(
    post,
    path = "/v1/posts",
    tag = "posts",
    params(("Idempotency-Key" = Option<String>, Header, description = "1-255 visible ASCII characters, new for each post")),
    request_body = CreatePost,
    responses(
        (status = 201, description = "The post", body = PostView, headers(
            ("Location" = String, description = "Where the post is"),
            ("Link" = String, description = "Its deliveries, `rel=\"status\"`"),
            ("ETag" = String, description = "The post's version"),
        )),
        SlugTaken,
        Guarded,
        BadBody
    ),
    security(("bearer" = ["posts:write"]))
)]
pub async fn create_post(
    request: HttpRequest,
    principal: Authorized<scope::PostsWrite>,
    Trace(trace): Trace,
    state: web::Data<State>,
    body: JsonWithHash<CreatePost>,
) -> Result<HttpResponse> {
    let idempotency = idempotency::key(&request, &body.sha256)?;
    let post = body.value.validate(state.clock.now())?;
    let command = Command::Create { author: principal.account, post, idempotency };
    let answer = state.publisher.submit(command, trace).await?;
    let (post, mut response) = post_response(&state, answer, StatusCode::CREATED, principal.viewer()).await?;
    let location = format!("/v1/posts/{}", post.id);
    response.insert_header((header::LINK, format!("<{location}/deliveries>; rel=\"status\"")));
    response.insert_header((header::LOCATION, location));
    Ok(response.json(post))
}

impl CreatePost {
    fn validate(self, now: Timestamp) -> std::result::Result<NewPost, Vec<Invalid>> {
        let mut problems = Problems::default();
        let title = problems.note(Title::parse(&self.title));
        let body = problems.note(Body::parse(&self.body));
        let tags = Tag::parse_list(&self.tags).unwrap_or_else(|invalid| {
            invalid.into_iter().for_each(|invalid| problems.push(invalid));
            Vec::new()
        });
        let status = problems.note(status(self.status.as_deref()));
        let slug = self.slug.and_then(|slug| problems.note(Slug::parse(&slug)));
        let published_at = self.published_at.and_then(|text| problems.note(published_at(&text, now)));
        if status == Some(Status::Draft) && published_at.is_some() {
            problems.push(Invalid::new("published_at", "not_allowed", "belongs to published posts only"));
        }
        problems.finish()?;
        // Whatever is missing here has been reported above.
        let (Some(title), Some(body), Some(status)) = (title, body, status) else { return Err(Vec::new()) };
        Ok(NewPost { title, body, tags, status, slug, published_at, notify: self.notify.unwrap_or(true) })
    }
}

fn status(text: Option<&str>) -> std::result::Result<Status, Invalid> {
    let unknown = || Invalid::new("status", "unknown_value", "must be draft or published");
    text.map_or(Ok(Status::Published), |text| Status::parse(text).ok_or_else(unknown))
}

fn published_at(text: &str, now: Timestamp) -> std::result::Result<Timestamp, Invalid> {
    let at: Timestamp = text.parse().map_err(|invalid: Invalid| invalid.under("published_at"))?;
    if at > now {
        return Err(Invalid::new(
            "published_at",
            "in_the_future",
            "must not lie in the future: posts are not scheduled",
        ));
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validate(json: serde_json::Value) -> std::result::Result<NewPost, Vec<Invalid>> {
        let now = "2026-11-23T10:00:00Z".parse().unwrap();
        serde_json::from_value::<CreatePost>(json).unwrap().validate(now)
    }

    #[test]
    fn a_minimal_post_is_published_now_and_mailed() {
        let post = validate(serde_json::json!({"title": " Hello ", "body": "World"})).unwrap();
        assert_eq!((post.title.as_str(), post.status, post.notify), ("Hello", Status::Published, true));
        assert!(post.tags.is_empty() && post.slug.is_none() && post.published_at.is_none());
    }

    #[test]
    fn everything_wrong_is_reported_at_once() {
        let json = serde_json::json!({"title": "", "tags": ["ok", ""], "status": "hidden", "slug": "Not A Slug",
            "published_at": "2026-11-23T10:00:00.001Z"});
        let mut fields: Vec<_> = validate(json).err().unwrap().into_iter().map(|invalid| invalid.field).collect();
        fields.sort();
        assert_eq!(fields, ["body", "published_at", "slug", "status", "tags.1", "title"]);
    }

    #[test]
    fn a_draft_has_no_publication_time_yet() {
        let json =
            serde_json::json!({"title": "a", "body": "b", "status": "draft", "published_at": "2020-01-01T00:00:00Z"});
        assert_eq!(validate(json).err().unwrap()[0].code, "not_allowed");
    }
}
