//! `POST /v1/moderation/posts/{id}/decision`.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::moderator;
use crate::{
    actors::Command,
    domain::{Invalid, Moderation, PostId, Problems, Reason},
    http::{
        api::{
            posts::post_response,
            refusals::{Absent, BadBody, Guarded, NotPublished, Preconditioned},
            view::PostView,
        },
        auth::{Authorized, scope},
        etag,
        extract::{Json, Path, Trace},
        moderation::view::ModerationView,
        problem::Result,
        state::State,
    },
};

/// A person's verdict.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// `approved` or `rejected`.
    #[serde(default)]
    #[schema(required = true, value_type = ModerationView, example = "approved")]
    pub verdict: String,
    /// Why, for the author to read: 1-500 characters.
    #[serde(default)]
    #[schema(required = true, min_length = 1, max_length = 500)]
    pub reason: String,
}

/// Decide on a post.
///
/// Whatever it was before, pending, left to a person, approved or rejected: the decision stands for this text for good, also
/// when the post is edited away from it and back. It closes an open appeal, which nobody decides who has rejected the text
/// before. Nobody decides on their own post.
#[utoipa::path(
    post,
    path = "/v1/moderation/posts/{id}/decision",
    tag = "moderation",
    params(
        ("id" = String, Path, description = "The post's id"),
        ("If-Match" = Option<String>, Header, description = "The post's `ETag`: decides only on that version"),
    ),
    request_body = Decision,
    responses(
        (status = 200, description = "The post as it is now", body = PostView,
            headers(("ETag" = String, description = "The post's version"))),
        NotPublished,
        Guarded,
        Absent,
        BadBody,
        Preconditioned
    ),
    security(("bearer" = ["moderation"]))
)]
pub async fn decide(
    request: HttpRequest,
    principal: Authorized<scope::Moderation>,
    Path(post): Path<PostId>,
    Trace(trace): Trace,
    state: web::Data<State>,
    Json(body): Json<Decision>,
) -> Result<HttpResponse> {
    let by = moderator(&principal)?;
    let if_version = etag::if_match(&request)?;
    let (is_approved, reason) = body.validate()?;
    let command = Command::RecordDecision { post, by, if_version, is_approved, reason };
    let answer = state.publisher.submit(command, trace).await?;
    let (post, mut response) = post_response(&state, answer, StatusCode::OK, principal.viewer()).await?;
    Ok(response.json(post))
}

impl Decision {
    fn validate(self) -> std::result::Result<(bool, Reason), Vec<Invalid>> {
        let mut problems = Problems::default();
        let verdict = match Moderation::parse(&self.verdict) {
            Some(Moderation::Approved) => Ok(true),
            Some(Moderation::Rejected) => Ok(false),
            _ => Err(Invalid::new("verdict", "unknown_value", "must be approved or rejected")),
        };
        let verdict = problems.note(verdict);
        let reason = problems.note(Reason::parse(&self.reason));
        match (verdict, reason) {
            (Some(is_approved), Some(reason)) => Ok((is_approved, reason)),
            _ => Err(problems.finish().err().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_approved_or_rejected_and_says_why() {
        let validate = |json| serde_json::from_value::<Decision>(json).unwrap().validate();
        let (is_approved, reason) = validate(serde_json::json!({"verdict": "rejected", "reason": " Spam. "})).unwrap();
        assert_eq!((is_approved, reason.as_str()), (false, "Spam."));
        for verdict in ["review", "pending", "approve", ""] {
            let invalid = validate(serde_json::json!({"verdict": verdict, "reason": ""})).unwrap_err();
            let fields: Vec<&str> = invalid.iter().map(|invalid| invalid.field.as_str()).collect();
            assert_eq!(fields, ["verdict", "reason"], "{verdict}");
        }
    }
}
