//! `GET /v1/posts/{id}/deliveries`: the receipt on the wire.

use actix_web::web;
use serde::Serialize;
use utoipa::ToSchema;

use super::inspected_post;
use crate::{
    domain::{DeliveryState, PostId, Receipt, ReceiptLine},
    http::{
        api::refusals::{Absent, Guarded},
        auth::{Authorized, scope},
        extract::Path,
        problem::Result,
        state::State,
    },
};

/// How far the consequences of publishing a post have come.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Receipt)]
pub struct ReceiptView {
    /// The post's id.
    pub post: String,
    /// One entry per worker that subscribes to the publication; none for a draft.
    pub deliveries: Vec<DeliveryView>,
}

/// How far one worker has come.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub struct DeliveryView {
    /// The worker's name.
    #[schema(example = "feed")]
    pub worker: String,
    /// How far it is.
    pub state: DeliveryStateView,
    /// Receives spent so far; 0 when it went through at once or has not been taken yet.
    pub receives: u32,
    /// How far a long delivery has come, in the worker's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub progress: Option<serde_json::Value>,
    /// When it will be tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub due_at: Option<String>,
    /// When it was dead-lettered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub settled_at: Option<String>,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// The state of one delivery.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeliveryState)]
pub enum DeliveryStateView {
    /// Not taken yet, or running for the first time.
    Pending,
    /// Waits for the post's approval.
    Held,
    /// Has failed at least once, or goes on in chunks.
    Retrying,
    /// Finished.
    Done,
    /// Out of receives, or rejected by the worker.
    Dead,
    /// There was nothing to do.
    Skipped,
}

/// Read a post's delivery receipt.
///
/// For its author, moderators and admins.
#[utoipa::path(
    get,
    path = "/v1/posts/{id}/deliveries",
    tag = "posts",
    params(("id" = String, Path, description = "The post's id")),
    responses((status = 200, description = "The receipt, as of now", body = ReceiptView), Guarded, Absent),
    security(("bearer" = ["posts:read"]))
)]
pub async fn get_deliveries(
    principal: Authorized<scope::PostsRead>,
    Path(id): Path<PostId>,
    state: web::Data<State>,
) -> Result<web::Json<ReceiptView>> {
    let post = inspected_post(&state, id, &principal).await?;
    let receipt = state.receipts.of(&post).await?;
    Ok(web::Json(receipt.into()))
}

impl From<Receipt> for ReceiptView {
    fn from(receipt: Receipt) -> Self {
        Self {
            post: receipt.post.to_string(),
            deliveries: receipt.deliveries.into_iter().map(DeliveryView::from).collect(),
        }
    }
}

impl From<ReceiptLine> for DeliveryView {
    fn from(line: ReceiptLine) -> Self {
        Self {
            worker: line.worker.to_owned(),
            state: line.state.into(),
            receives: line.receives,
            progress: line.progress,
            due_at: line.due_at.map(|at| at.to_string()),
            settled_at: line.settled_at.map(|at| at.to_string()),
            last_error: line.last_error,
        }
    }
}

impl From<DeliveryState> for DeliveryStateView {
    fn from(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Pending => Self::Pending,
            DeliveryState::Held => Self::Held,
            DeliveryState::Retrying => Self::Retrying,
            DeliveryState::Done => Self::Done,
            DeliveryState::Dead => Self::Dead,
            DeliveryState::Skipped => Self::Skipped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_on_the_wire_are_those_of_the_domain() {
        use DeliveryState::{Dead, Done, Held, Pending, Retrying, Skipped};
        for state in [Pending, Held, Retrying, Done, Dead, Skipped] {
            assert_eq!(serde_json::to_value(DeliveryStateView::from(state)).unwrap(), state.as_str());
        }
    }
}
