//! `POST /v1/admin/backup`: everything, as one file. For admins alone: it holds password hashes and the keys for tokens.

use actix_web::{
    HttpResponse,
    http::header::{self, ContentEncoding},
    web,
};
use futures_util::stream;

use super::{accounts::require_admin, actor};
use crate::{
    domain::Audit,
    http::{
        api::refusals::{Guarded, NotEmbedded},
        auth::{Authorized, scope},
        problem::{Code, Problem, Result},
        state::State,
    },
    store,
};

/// Take a backup.
///
/// For admins. The answer is a file for `broadsheet restore` with everything that was acknowledged before the request; writing goes on
/// meanwhile. An answer that breaks off is refused by `broadsheet restore`. One backup at a time.
#[utoipa::path(
    post,
    path = "/v1/admin/backup",
    tag = "admin",
    responses(
        (status = 200, description = "The backup", body = Vec<u8>, content_type = "application/octet-stream"),
        NotEmbedded,
        Guarded
    ),
    security(("bearer" = ["admin:write"]))
)]
pub async fn take_backup(principal: Authorized<scope::AdminWrite>, state: web::Data<State>) -> Result<HttpResponse> {
    require_admin(&state, &principal).await?;
    let at = state.clock.now();
    let (by, act, target) = (actor(&principal), "backup.take".to_owned(), "database".to_owned());
    state.repositories.audit().add(&Audit { at, by, act, target, detail: serde_json::Value::Null }).await?;
    let pieces = state.repositories.backups().take(at).map_err(refusal)?;
    let pieces = stream::unfold(pieces, |mut pieces| async move { pieces.recv().await.map(|piece| (piece, pieces)) });
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        // Its chunks are packed already.
        .insert_header(ContentEncoding::Identity)
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"broadsheet.backup\""))
        .streaming(Box::pin(pieces)))
}

fn refusal(error: store::Error) -> Problem {
    match error {
        store::Error::Backup(why) => Problem::new(Code::Conflict).detail(why),
        error => error.into(),
    }
}
