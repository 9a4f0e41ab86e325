//! `GET /v1/posts`: which list is meant, who may ask for it, and its pages.

use actix_web::web;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    domain::{
        AccountId, Handle, Invalid, Moderation, PageCursor, Post, PostId, Problems, Status, Tag, Viewer, may_see,
    },
    http::{
        api::{
            include::Include,
            page::{self, Room},
            refusals::{BadQuery, Guarded},
            summary::{PostPage, post_page},
            view::StatusView,
        },
        auth::ReadAccess,
        extract::{PageParams, Query},
        moderation::view::ModerationView,
        problem::{Code, Problem, Result},
        state::State,
    },
    store::Listing,
};

/// Which posts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only posts of the author with this handle.
    pub author: Option<String>,
    /// Only posts with this tag.
    pub tag: Option<String>,
    /// Only posts in this state: for moderators, and for authors with their own handle as `author`.
    #[param(value_type = Option<ModerationView>)]
    pub moderation: Option<String>,
    /// `draft` lists the caller's own drafts; `published` without it.
    #[param(value_type = Option<StatusView>)]
    pub status: Option<String>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// How many items at most, 1 to 100; 20 without it.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u32>,
    /// `body`, `html` or `body,html`: whole posts instead of summaries. Such a page ends early when it has a mebibyte of text.
    #[param(example = "body,html")]
    pub include: Option<String>,
}

/// A query whose every part has been read.
#[derive(Debug)]
struct Wanted {
    author: Option<Handle>,
    tag: Option<Tag>,
    moderation: Option<Moderation>,
    status: Status,
    page: PageParams,
    include: Include,
}

/// List posts, newest first.
///
/// Readers see what moderators have not rejected; authors see all of their own, moderators everything that is published.
#[utoipa::path(
    get,
    path = "/v1/posts",
    tag = "posts",
    params(ListQuery),
    responses((status = 200, description = "A page of posts", body = PostPage), Guarded, BadQuery),
    security(("bearer" = ["posts:read"]))
)]
pub async fn list_posts(
    access: ReadAccess,
    Query(query): Query<ListQuery>,
    state: web::Data<State>,
) -> Result<web::Json<PostPage>> {
    let wanted = query.read()?;
    let author = match &wanted.author {
        Some(handle) => match state.repositories.accounts().by_handle(handle).await? {
            Some(account) => Some(account.id),
            None => return Ok(web::Json(PostPage { items: Vec::new(), next_cursor: None })),
        },
        None => None,
    };
    let listing = wanted.listing(&access, author)?;
    let viewer = access.viewer();
    posts_page(&state, &listing, &wanted.page, wanted.include, |post| may_see(post, viewer) && wanted.matches(post))
        .await
        .map(web::Json)
}

/// One page of a listing, reduced to the posts that `keep` lets through.
///
/// # Errors
/// `invalid_input` for a wrong cursor or limit; a lost store.
pub async fn posts_page(
    state: &State,
    listing: &Listing,
    page: &PageParams,
    include: Include,
    keep: impl Fn(&Post) -> bool,
) -> Result<PostPage> {
    let after = page.after()?;
    let limit = page.limit()?;
    let positions =
        async |after: Option<PageCursor>, limit: usize| state.repositories.posts().list(listing, after, limit).await;
    let posts = async |ids: &[PostId]| state.repositories.posts().get_many(ids).await;
    let slice = page::collect(after, Room::new(limit, include), positions, posts, keep).await?;
    post_page(state, slice, include).await
}

impl ListQuery {
    fn read(self) -> std::result::Result<Wanted, Vec<Invalid>> {
        let mut problems = Problems::default();
        let unknown = |field: &str, message: &str| Invalid::new(field, "unknown_value", message);
        let author = self.author.map(|text| Handle::parse(&text).map_err(|invalid| invalid.under("author")));
        let author = author.and_then(|handle| problems.note(handle));
        let tag = self.tag.and_then(|text| problems.note(Tag::parse(&text)));
        let moderation = self.moderation.and_then(|text| {
            let state = Moderation::parse(&text);
            problems.note(state.ok_or_else(|| unknown("moderation", "must be pending, approved, rejected or review")))
        });
        let status = self.status.map_or(Some(Status::Published), |text| {
            problems.note(Status::parse(&text).ok_or_else(|| unknown("status", "must be draft or published")))
        });
        let include = problems.note(Include::parse(self.include.as_deref()));
        problems.finish()?;
        let page = PageParams { cursor: self.cursor, limit: self.limit };
        let status = status.unwrap_or(Status::Published);
        Ok(Wanted { author, tag, moderation, status, page, include: include.unwrap_or_default() })
    }
}

impl Wanted {
    /// The shortest list that holds what is wanted.
    fn listing(&self, access: &ReadAccess, author: Option<AccountId>) -> Result<Listing> {
        let me = access.account();
        let is_own = author.is_some() && author == me;
        if self.status == Status::Draft {
            return match me {
                Some(me) if author.is_none() || is_own => Ok(Listing::Drafts(me)),
                _ => Err(Problem::new(Code::Forbidden).detail("drafts are for their author only")),
            };
        }
        let is_moderator = matches!(access.viewer(), Viewer::Moderator(_));
        if self.moderation.is_some() && !is_own && !is_moderator {
            let detail = "moderation= needs the role moderator, except with your own handle as author=";
            return Err(Problem::new(Code::Forbidden).detail(detail));
        }
        Ok(match (author, &self.tag) {
            (Some(author), _) => Listing::Author(author),
            (None, Some(tag)) => Listing::Tag(tag.clone()),
            (None, None) => Listing::All,
        })
    }

    fn matches(&self, post: &Post) -> bool {
        self.tag.as_ref().is_none_or(|tag| post.tags.contains(tag))
            && self.moderation.is_none_or(|state| post.moderation == state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::api::view::tests::a_post;

    #[test]
    fn every_wrong_parameter_is_named() {
        let text = |text: &str| Some(text.to_owned());
        let query = ListQuery {
            author: text("a b"),
            tag: text(""),
            moderation: text("x"),
            status: text("x"),
            include: text("title"),
            ..Default::default()
        };
        let fields: Vec<_> = query.read().unwrap_err().into_iter().map(|invalid| invalid.field).collect();
        assert_eq!(fields, ["author", "tag", "moderation", "status", "include"]);
    }

    #[test]
    fn tag_and_moderation_narrow_any_list() {
        let query = ListQuery { tag: Some("Rust".into()), moderation: Some("approved".into()), ..Default::default() };
        let wanted = query.read().unwrap();
        assert!(wanted.matches(&a_post()));
        assert!(!wanted.matches(&Post { tags: Vec::new(), ..a_post() }));
        assert!(!wanted.matches(&Post { moderation: Moderation::Rejected, ..a_post() }));
    }
}
