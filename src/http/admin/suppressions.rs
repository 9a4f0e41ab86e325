//! `/v1/admin/suppressions`: addresses that refuse all mail.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::{
    domain::{Actor, Audit, Email, Page, hex},
    http::{
        api::refusals::{Absent, BadQuery, Guarded},
        auth::{Authorized, Principal, scope},
        extract::{PageParams, Path, Query},
        problem::{Code, Problem, Result},
        state::State,
    },
    store::Suppression,
};

/// How many hexadecimal digits of an address's hash stand for it in the audit trail.
const DIGITS: usize = 16;

/// An address that refuses all mail.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Suppression)]
pub struct SuppressionView {
    /// The address.
    #[schema(format = Email)]
    pub email: String,
    /// What the mail server said.
    #[schema(example = "the mail server knows no such recipient (550 5.1.1)")]
    pub reason: String,
    /// Since when.
    #[schema(format = DateTime)]
    pub since: String,
}

/// A page of addresses.
#[derive(Debug, Serialize, ToSchema)]
pub struct SuppressionList {
    /// In the order of the alphabet.
    pub items: Vec<SuppressionView>,
    /// The `cursor` of the next page; `null` on the last.
    pub next_cursor: Option<String>,
}

/// List the addresses that refuse all mail.
///
/// An address comes here when a mail server says that there is no such recipient. It gets no mail about posts until it is taken
/// off the list, or its account confirms a code that was mailed to it.
#[utoipa::path(
    get,
    path = "/v1/admin/suppressions",
    tag = "operation",
    params(PageParams),
    responses((status = 200, description = "A page of addresses", body = SuppressionList), Guarded, BadQuery),
    security(("bearer" = ["admin:read"]))
)]
pub async fn list_suppressions(
    _: Authorized<scope::AdminRead>,
    Query(query): Query<PageParams>,
    state: web::Data<State>,
) -> Result<web::Json<SuppressionList>> {
    let limit = query.limit()?;
    let found = state.repositories.suppressions().list(query.after()?.as_ref(), limit + 1).await?;
    let page = Page::take(found, limit, |suppression| suppression.email.clone());
    let next_cursor = page.next_cursor();
    let items = page.items.into_iter().map(SuppressionView::from).collect();
    Ok(web::Json(SuppressionList { items, next_cursor }))
}

/// Take an address off the list.
#[utoipa::path(
    delete,
    path = "/v1/admin/suppressions/{email}",
    tag = "operation",
    params(("email" = String, Path, description = "The address")),
    responses((status = 204, description = "It gets mail again"), Guarded, Absent),
    security(("bearer" = ["admin:write"]))
)]
pub async fn remove_suppression(
    principal: Authorized<scope::AdminWrite>,
    Path(email): Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse> {
    let absent = || Problem::new(Code::NotFound).detail("the address is not on the list");
    let email = Email::parse(&email).map_err(|_| absent())?;
    let audit = removal(&state, &principal, &email);
    if state.repositories.suppressions().remove(&email, &audit).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(absent())
    }
}

/// The audit trail keeps no addresses; whoever has one can recognise it by its hash.
fn removal(state: &State, principal: &Principal, email: &Email) -> Audit {
    let mut target = hex(Sha256::digest(email.as_str()).as_slice());
    target.truncate(DIGITS);
    Audit {
        at: state.clock.now(),
        by: Actor { account: principal.account, handle: principal.handle.clone() },
        act: "suppression.remove".to_owned(),
        target,
        detail: serde_json::Value::Null,
    }
}

impl From<Suppression> for SuppressionView {
    fn from(suppression: Suppression) -> Self {
        let Suppression { email, reason, at } = suppression;
        Self { email: email.as_str().to_owned(), reason, since: at.to_string() }
    }
}
