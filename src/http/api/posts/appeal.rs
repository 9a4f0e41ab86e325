//! `/v1/posts/{id}/appeal`: an author's objection to a rejection.

use actix_web::{HttpResponse, http::header, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::inspected_post;
use crate::{
    actors::{Answer, Command},
    domain::{AppealText, PostId},
    http::{
        api::refusals::{Absent, BadBody, Guarded, NoAppeal},
        auth::{Authorized, scope},
        extract::{Json, Path, Trace},
        moderation::view::{AppealStateView, AppealView},
        problem::{Code, Problem, Result},
        state::State,
    },
};

/// What an author says against a rejection.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAppeal {
    /// 1-2,000 characters.
    #[serde(default)]
    #[schema(required = true, min_length = 1, max_length = 2_000)]
    pub text: String,
}

/// Appeal against a rejection.
///
/// For the author, within 20 days and once; a moderator who has not rejected the text decides. An edit of the text withdraws
/// the appeal, because the new text is judged anew.
#[utoipa::path(
    post,
    path = "/v1/posts/{id}/appeal",
    tag = "moderation",
    params(("id" = String, Path, description = "The post's id")),
    request_body = NewAppeal,
    responses(
        (status = 201, description = "The appeal", body = AppealView,
            headers(("Location" = String, description = "Where the appeal is"))),
        NoAppeal,
        Guarded,
        Absent,
        BadBody
    ),
    security(("bearer" = ["posts:write"]))
)]
pub async fn create_appeal(
    principal: Authorized<scope::PostsWrite>,
    Path(id): Path<PostId>,
    Trace(trace): Trace,
    state: web::Data<State>,
    Json(body): Json<NewAppeal>,
) -> Result<HttpResponse> {
    let text = AppealText::parse(&body.text)?;
    let command = Command::Appeal { post: id, by: principal.viewer(), text: text.clone() };
    let Answer::Post(post) = state.publisher.submit(command, trace).await? else {
        return Err(Problem::internal("the publisher answered without a post"));
    };
    let appeal = post.open_appeal().ok_or_else(|| Problem::internal("the publisher answered without an appeal"))?;
    let view = AppealView {
        text: text.as_str().to_owned(),
        at: appeal.at.to_string(),
        state: AppealStateView::Open,
        decided_at: None,
        reason: None,
    };
    Ok(HttpResponse::Created().insert_header((header::LOCATION, format!("/v1/posts/{id}/appeal"))).json(view))
}

/// Read the appeal against the rejection of a post's present text.
///
/// For its author, moderators and admins.
#[utoipa::path(
    get,
    path = "/v1/posts/{id}/appeal",
    tag = "moderation",
    params(("id" = String, Path, description = "The post's id")),
    responses((status = 200, description = "The appeal", body = AppealView), Guarded, Absent),
    security(("bearer" = ["posts:read"]))
)]
pub async fn get_appeal(
    principal: Authorized<scope::PostsRead>,
    Path(id): Path<PostId>,
    state: web::Data<State>,
) -> Result<web::Json<AppealView>> {
    let post = inspected_post(&state, id, &principal).await?;
    let appeal = state.repositories.reviews().appeals(&[post]).await?.remove(&id);
    let missing = || Problem::new(Code::NotFound).detail("nobody has appealed against a rejection of this text");
    Ok(web::Json(AppealView::from(&appeal.ok_or_else(missing)?)))
}
