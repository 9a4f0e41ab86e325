//! `GET /v1/admin/audit`: who did what. Nothing changes or deletes what stands there.

use actix_web::web;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{Actor, Page},
    http::{
        api::refusals::{BadQuery, Guarded},
        auth::{Authorized, scope},
        extract::{PageParams, Query},
        problem::Result,
        state::State,
    },
    store::AuditEntry,
};

/// Who acted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Actor)]
pub struct ActorView {
    /// The account.
    pub account: String,
    /// The handle it had then.
    pub handle: String,
}

/// One act of an operator or moderator.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct AuditView {
    /// Its place in the trail.
    pub id: String,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// Who.
    pub by: ActorView,
    /// What, as `noun.verb`.
    #[schema(example = "dead_letters.redrive")]
    pub act: String,
    /// To what: a worker's name, a post's id, a job's id, a handle.
    pub target: String,
    /// What else matters: filters, reasons, old and new values; null if nothing does.
    #[schema(value_type = Option<Object>, required = true)]
    pub detail: Option<serde_json::Value>,
}

/// A page of acts.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditPage {
    /// Newest first.
    pub items: Vec<AuditView>,
    /// Send it as `cursor` for the next page; null at the end.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

/// List what operators and moderators have done, newest first.
#[utoipa::path(
    get,
    path = "/v1/admin/audit",
    tag = "admin",
    params(PageParams),
    responses((status = 200, description = "A page of acts", body = AuditPage), Guarded, BadQuery),
    security(("bearer" = ["admin:read"]))
)]
pub async fn list_audit(
    _: Authorized<scope::AdminRead>,
    Query(page): Query<PageParams>,
    state: web::Data<State>,
) -> Result<web::Json<AuditPage>> {
    let limit = page.limit()?;
    let entries = state.repositories.audit().list(page.after()?, limit + 1).await?;
    let page = Page::take(entries, limit, |entry| entry.id);
    let next_cursor = page.next_cursor();
    Ok(web::Json(AuditPage { items: page.items.into_iter().map(AuditView::from).collect(), next_cursor }))
}

impl From<Actor> for ActorView {
    fn from(actor: Actor) -> Self {
        Self { account: actor.account.to_string(), handle: actor.handle }
    }
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry { id, audit } = entry;
        let (at, by) = (audit.at.to_string(), audit.by.into());
        Self {
            id: id.to_string(),
            at,
            by,
            act: audit.act,
            target: audit.target,
            detail: Some(audit.detail).filter(|detail| !detail.is_null()),
        }
    }
}
