//! `GET /v1/posts/{id}/mailing`: how far the mail about a post is.

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
    store::MailCounts,
};

/// How many copies of a post's mail stand how. The audience is frozen when the mailing begins; before that, all are 0.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Mailing)]
pub struct MailingView {
    /// The post's id.
    pub post: String,
    /// How many readers are to get it.
    pub recipients: u64,
    /// Copies not handed over yet, or put off by the mail server.
    pub waiting: u64,
    /// Copies just being handed over.
    pub sending: u64,
    /// Copies the mail server has taken.
    pub sent: u64,
    /// Copies refused, suppressed, or not wanted any more.
    pub failed: u64,
    /// Copies that nobody knows about, because the connection broke at the wrong moment; they are not sent again.
    pub unknown: u64,
}

/// Read how far the mail about a post is.
///
/// For its author, moderators and admins.
#[utoipa::path(
    get,
    path = "/v1/posts/{id}/mailing",
    tag = "posts",
    params(("id" = String, Path, description = "The post's id")),
    responses((status = 200, description = "The counts, as of now", body = MailingView), Guarded, Absent),
    security(("bearer" = ["posts:read"]))
)]
pub async fn get_mailing(
    principal: Authorized<scope::PostsRead>,
    Path(id): Path<PostId>,
    state: web::Data<State>,
) -> Result<web::Json<MailingView>> {
    let post = inspected_post(&state, id, &principal).await?;
    let counts = state.repositories.mailings().counts(post.id).await?;
    Ok(web::Json(MailingView::new(post.id, counts)))
}

impl MailingView {
    fn new(post: PostId, counts: MailCounts) -> Self {
        let MailCounts { waiting, sending, sent, failed, unknown } = counts;
        let recipients = waiting + sending + sent + failed + unknown;
        Self { post: post.to_string(), recipients, waiting, sending, sent, failed, unknown }
    }
}
