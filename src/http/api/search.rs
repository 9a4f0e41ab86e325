//! `GET /v1/search`: the query's language is the search module's; here its pages are filled with posts that everybody may see.

use std::{collections::HashMap, sync::Arc};

use actix_web::web;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    domain::{HitCursor, Invalid, Post, PostId, Problems, Timestamp, Viewer, cursor, may_see},
    http::{
        api::{
            include::Include,
            refusals::{BadQuery, Guarded},
            summary::{Shown, SummaryView, summaries},
        },
        auth::ReadAccess,
        extract::{PageParams, Query},
        problem::{Problem, Result},
        state::State,
    },
    search::{self, Hit, Request},
};

/// Nobody pages deeper than this: the index does not either.
const MAX_OFFSET: usize = 1_000;

/// What to look for. All parts must fit.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Words, `"a phrase"`, `-excluded`, `tag:x`, `author:x`, `before:2026-01-31`, `after:2026-01-01`; at most 500 characters.
    #[param(max_length = 500, example = "\"dead letters\" -mail")]
    pub q: Option<String>,
    /// Only posts with this tag.
    pub tag: Option<String>,
    /// Only posts of the author with this handle.
    pub author: Option<String>,
    /// Only posts published before this day or time.
    #[param(example = "2026-01-31")]
    pub before: Option<String>,
    /// Only posts published on this day or at this time, or later.
    #[param(example = "2026-01-01")]
    pub after: Option<String>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// How many items at most, 1 to 100; 20 without it.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u32>,
    /// `body`, `html` or `body,html`: whole posts instead of summaries. Such a page ends early when it has a mebibyte of text.
    #[param(example = "body,html")]
    pub include: Option<String>,
}

/// One post that was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchHit {
    /// The post.
    pub post: SummaryView,
    /// How well it fits: comparable within one search only.
    pub score: f32,
    /// A stretch of the text as HTML: escaped, the words found in `<b>`.
    pub snippet: String,
}

/// A page of posts, best first; newest first for a search without words.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchPage {
    /// What was found.
    pub items: Vec<SearchHit>,
    /// Send it as `cursor` for the next page; null at the end.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// Search posts.
///
/// Everybody's rules apply: what moderators have rejected, or an author holds until it is approved, is not found.
#[utoipa::path(
    get,
    path = "/v1/search",
    tag = "search",
    params(SearchQuery),
    responses((status = 200, description = "A page of posts", body = SearchPage), Guarded, BadQuery),
    security(("bearer" = ["posts:read"]))
)]
pub async fn search_posts(
    _: ReadAccess,
    Query(query): Query<SearchQuery>,
    state: web::Data<State>,
) -> Result<web::Json<SearchPage>> {
    let wanted = query.read()?;
    let include = wanted.include;
    let found = visible(&state, wanted).await?;
    let Shown { items: summaries, taken } = summaries(&state, &found.posts, include).await?;
    let next = found.next_after(taken);
    let mut hits: HashMap<String, Hit> = found.hits.into_iter().map(|hit| (hit.post.to_string(), hit)).collect();
    let items = summaries.into_iter().filter_map(|post| {
        let Hit { score, snippet, .. } = hits.remove(&post.id)?;
        Some(SearchHit { post, score, snippet })
    });
    Ok(web::Json(SearchPage {
        items: items.collect(),
        next_cursor: next.map(|offset| cursor::encode(&HitCursor(offset))),
    }))
}

/// A search whose every part has been read.
#[derive(Debug)]
struct Wanted {
    query: search::Query,
    offset: usize,
    limit: usize,
    include: Include,
}

#[derive(Default)]
struct Found {
    hits: Vec<Hit>,
    posts: Vec<Arc<Post>>,
    next: Option<usize>,
    /// How deep the search began.
    from: usize,
}

impl Found {
    /// Where the next page begins if this one shows the first `taken` posts only.
    fn next_after(&self, taken: usize) -> Option<usize> {
        let Some(left) = self.posts.get(taken) else { return self.next };
        let place = self.hits.iter().position(|hit| hit.post == left.id);
        place.map(|place| self.from + place).filter(|offset| *offset < MAX_OFFSET)
    }
}

/// Asks the index again until the page is full of visible posts, there are no more, or the depth is reached.
async fn visible(state: &State, Wanted { query, mut offset, limit, .. }: Wanted) -> Result<Found> {
    let mut found = Found { from: offset, ..Found::default() };
    while found.posts.len() < limit && offset < MAX_OFFSET {
        let missing = (limit - found.posts.len()).min(MAX_OFFSET - offset);
        let request = Request { query: query.clone(), now: state.clock.now(), offset, limit: missing };
        let index = state.search.clone();
        let page = state.jobs.spawn_blocking(move || index.search(&request)).await.map_err(Problem::internal)??;
        offset += page.hits.len();
        let ids: Vec<PostId> = page.hits.iter().map(|hit| hit.post).collect();
        let posts = state.repositories.posts().get_many(&ids).await?;
        found.posts.extend(posts.into_iter().filter(|post| may_see(post, Viewer::Public)));
        found.hits.extend(page.hits);
        if !page.has_more || ids.is_empty() {
            return Ok(found);
        }
    }
    found.next = Some(offset).filter(|offset| *offset < MAX_OFFSET);
    Ok(found)
}

impl SearchQuery {
    fn read(self) -> std::result::Result<Wanted, Vec<Invalid>> {
        let mut problems = Problems::default();
        let before = self.before.and_then(|text| problems.note(moment("before", &text)));
        let after = self.after.and_then(|text| problems.note(moment("after", &text)));
        let q = self.q.unwrap_or_default();
        let query = search::Query::parse(&q, self.tag.as_deref(), self.author.as_deref(), before, after);
        let query = problems.note(query);
        let page = PageParams { cursor: self.cursor, limit: self.limit };
        let offset = problems.note(depth(&page));
        let limit = problems.note(page.limit());
        let include = problems.note(Include::parse(self.include.as_deref()));
        problems.finish()?;
        // Whatever is missing here has been reported above.
        let (Some(query), Some(offset), Some(limit), Some(include)) = (query, offset, limit, include) else {
            return Err(Vec::new());
        };
        Ok(Wanted { query, offset, limit, include })
    }
}

fn moment(field: &str, text: &str) -> std::result::Result<Timestamp, Invalid> {
    let time = text.parse::<Timestamp>().or_else(|_: Invalid| format!("{text}T00:00:00Z").parse());
    time.map_err(|_: Invalid| {
        Invalid::new(field, "invalid_time", "must be a day such as 2026-01-31 or an RFC 3339 time")
    })
}

/// Where the next page begins. No page of ours ends deeper than the index goes.
fn depth(page: &PageParams) -> std::result::Result<usize, Invalid> {
    let HitCursor(offset) = page.after()?.unwrap_or(HitCursor(0));
    let too_deep = || Invalid::new("cursor", "invalid_cursor", "must be a next_cursor of this collection");
    if offset < MAX_OFFSET { Ok(offset) } else { Err(too_deep()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_goes_no_deeper_than_the_index() {
        let depth = |cursor: &str| depth(&PageParams { cursor: Some(cursor.to_owned()), limit: None });
        assert_eq!(depth(&cursor::encode(&HitCursor(40))).unwrap(), 40);
        for cursor in ["", "aGl0Lg", &cursor::encode(&HitCursor(MAX_OFFSET))] {
            assert_eq!(depth(cursor).unwrap_err().code, "invalid_cursor", "{cursor}");
        }
    }

    #[test]
    fn a_day_is_its_first_moment() {
        assert_eq!(moment("after", "2026-01-31").unwrap().to_string(), "2026-01-31T00:00:00.000Z");
        assert_eq!(moment("after", "2026-01-31T10:00:00+01:00").unwrap().to_string(), "2026-01-31T09:00:00.000Z");
        assert_eq!(moment("after", "yesterday").unwrap_err().field, "after");
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        let text = |text: &str| Some(text.to_owned());
        let query = SearchQuery {
            before: text("x"),
            after: text("y"),
            cursor: text("z"),
            limit: Some(0),
            include: text("title"),
            ..Default::default()
        };
        let fields: Vec<_> = query.read().unwrap_err().into_iter().map(|invalid| invalid.field).collect();
        assert_eq!(fields, ["before", "after", "q", "cursor", "limit", "include"]);
    }
}
