//! `GET /v1/moderation/queue`.

use std::{collections::HashMap, sync::Arc};

use actix_web::web;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    moderator,
    view::{AppealView, VerdictView},
};
use crate::{
    domain::{Invalid, PageCursor, Post, PostId},
    http::{
        api::{
            include::Include,
            page::{self, Room},
            refusals::{BadQuery, Guarded},
            summary::{Shown, SummaryView, summaries},
        },
        auth::{Authorized, scope},
        extract::{PageParams, Query},
        problem::Result,
        state::State,
    },
    store::Queue,
};

/// Which queue, and which page of it.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct QueueQuery {
    /// `review`: posts that no model could decide on. `appeal`: rejected posts whose authors object. `review` without it.
    #[param(inline, value_type = Option<QueueView>)]
    pub state: Option<String>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// How many items at most, 1 to 100; 20 without it.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u32>,
    /// `body`, `html` or `body,html`: whole posts instead of summaries. Such a page ends early when it has a mebibyte of text.
    #[param(example = "body,html")]
    pub include: Option<String>,
}

/// What waits for moderators.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Queue)]
pub enum QueueView {
    /// Posts that no model could decide on.
    Review,
    /// Rejected posts whose authors object.
    Appeal,
}

/// A page of a queue, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueuePage {
    /// What waits.
    pub items: Vec<QueueItem>,
    /// Send it as `cursor` for the next page; null at the end.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// A post that waits for a person.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueueItem {
    /// The post; its `version` makes the `If-Match` of the decision.
    pub post: SummaryView,
    /// What was decided so far, and why.
    #[schema(required = true)]
    pub verdict: Option<VerdictView>,
    /// Since when it waits.
    #[schema(format = DateTime)]
    pub since: String,
    /// What the author says against the rejection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appeal: Option<AppealView>,
}

/// List what waits for a moderator, oldest first.
///
/// A post leaves its queue when somebody decides on it, edits its text or deletes it.
#[utoipa::path(
    get,
    path = "/v1/moderation/queue",
    tag = "moderation",
    params(QueueQuery),
    responses((status = 200, description = "A page of the queue", body = QueuePage), Guarded, BadQuery),
    security(("bearer" = ["moderation"]))
)]
pub async fn get_queue(
    principal: Authorized<scope::Moderation>,
    Query(query): Query<QueueQuery>,
    state: web::Data<State>,
) -> Result<web::Json<QueuePage>> {
    moderator(&principal)?;
    let (queue, after, limit, include) = query.read()?;
    let positions =
        async |after: Option<PageCursor>, limit: usize| state.repositories.reviews().queue(queue, after, limit).await;
    let posts = async |ids: &[PostId]| state.repositories.posts().get_many(ids).await;
    let waits = |post: &Post| queue.since(post).is_some();
    let mut slice = page::collect(after, Room::new(limit, include), positions, posts, waits).await?;
    let Shown { items: summaries, taken } = summaries(&state, &slice.posts, include).await?;
    slice.cut(taken);
    let items = items(&state, queue, &slice.posts, summaries).await?;
    Ok(web::Json(QueuePage { items, next_cursor: slice.next_cursor() }))
}

async fn items(
    state: &State,
    queue: Queue,
    posts: &[Arc<Post>],
    summaries: Vec<SummaryView>,
) -> Result<Vec<QueueItem>> {
    if posts.is_empty() {
        return Ok(Vec::new());
    }
    let grounds = state.repositories.reviews().grounds(posts).await?;
    let appeals =
        if queue == Queue::Appeal { state.repositories.reviews().appeals(posts).await? } else { HashMap::new() };
    let mut views: HashMap<String, SummaryView> = summaries.into_iter().map(|view| (view.id.clone(), view)).collect();
    let item = |post: &Arc<Post>| {
        Some(QueueItem {
            post: views.remove(&post.id.to_string())?,
            verdict: grounds.get(&post.id).map(VerdictView::for_moderators),
            since: queue.since(post)?.to_string(),
            appeal: appeals.get(&post.id).map(AppealView::from),
        })
    };
    Ok(posts.iter().filter_map(item).collect())
}

impl QueueQuery {
    fn read(self) -> std::result::Result<(Queue, Option<PageCursor>, usize, Include), Invalid> {
        let queue = match &self.state {
            Some(text) => {
                Queue::parse(text).ok_or_else(|| Invalid::new("state", "unknown_value", "must be review or appeal"))?
            }
            None => Queue::Review,
        };
        let page = PageParams { cursor: self.cursor, limit: self.limit };
        Ok((queue, page.after()?, page.limit()?, Include::parse(self.include.as_deref())?))
    }
}
