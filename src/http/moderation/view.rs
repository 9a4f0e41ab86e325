//! Verdicts and appeals on the wire. Authors see why; only moderators see who of them decided, and how a model was asked.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{AppealState, Grounds, Judge, Moderation, Post, Viewer},
    http::{problem::Result, state::State},
    store::KeptAppeal,
};

/// Where a post stands with the moderators.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Moderation)]
pub enum ModerationView {
    /// Nobody has judged its present text yet.
    Pending,
    /// It is fine.
    Approved,
    /// Nobody but its author and moderators may see it.
    Rejected,
    /// The moderator could not decide; a person must.
    Review,
}

/// Why a post stands where it stands with the moderators.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Verdict)]
pub struct VerdictView {
    /// What was decided.
    pub decision: ModerationView,
    /// Which rules the post touched, such as `spam_links`; none when a person decided.
    pub categories: Vec<String>,
    /// A sentence for the author and for moderators.
    pub reason: String,
    /// Who judged: `rules/1`, a model's name, or `person`.
    #[schema(example = "rules/1")]
    pub model: String,
    /// Which version of the prompt a model was asked with; for moderators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The handle of the moderator who decided; for moderators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
}

/// An author's objection to a rejection.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Appeal)]
pub struct AppealView {
    /// What the author says.
    pub text: String,
    /// When they said it.
    #[schema(format = DateTime)]
    pub at: String,
    /// Where it stands.
    pub state: AppealStateView,
    /// When it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub decided_at: Option<String>,
    /// Why it was decided as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Where an appeal stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AppealState)]
pub enum AppealStateView {
    /// It waits for another reviewer.
    Open,
    /// The rejection stands.
    Upheld,
    /// The rejection was taken back.
    Overturned,
}

impl From<Moderation> for ModerationView {
    fn from(moderation: Moderation) -> Self {
        match moderation {
            Moderation::Pending => Self::Pending,
            Moderation::Approved => Self::Approved,
            Moderation::Rejected => Self::Rejected,
            Moderation::Review => Self::Review,
        }
    }
}

impl VerdictView {
    /// The grounds as the author sees them.
    #[must_use]
    pub fn for_author(grounds: &Grounds) -> Self {
        let model = match &grounds.judge {
            Judge::Model { name, .. } => name.clone(),
            Judge::Person { .. } => "person".to_owned(),
        };
        Self {
            decision: grounds.decision.into(),
            categories: grounds.categories.clone(),
            reason: grounds.reason.clone(),
            model,
            prompt: None,
            by: None,
            at: grounds.at.to_string(),
        }
    }

    /// The grounds as moderators see them.
    #[must_use]
    pub fn for_moderators(grounds: &Grounds) -> Self {
        let (prompt, by) = match &grounds.judge {
            Judge::Model { prompt, .. } => (prompt.clone(), None),
            Judge::Person { handle } => (None, Some(handle.clone())),
        };
        Self { prompt, by, ..Self::for_author(grounds) }
    }
}

impl From<&KeptAppeal> for AppealView {
    fn from(appeal: &KeptAppeal) -> Self {
        Self {
            text: appeal.text.clone(),
            at: appeal.at.to_string(),
            state: appeal.state.into(),
            decided_at: appeal.decided_at.map(|at| at.to_string()),
            reason: appeal.reason.clone(),
        }
    }
}

impl From<AppealState> for AppealStateView {
    fn from(state: AppealState) -> Self {
        match state {
            AppealState::Open => Self::Open,
            AppealState::Upheld => Self::Upheld,
            AppealState::Overturned => Self::Overturned,
        }
    }
}

/// Why a post is rejected or waits for a person, as far as `viewer` may know: its author and moderators may.
///
/// # Errors
/// A lost store.
pub async fn verdict_for(state: &State, post: &Arc<Post>, viewer: Viewer) -> Result<Option<VerdictView>> {
    let is_moderator = matches!(viewer, Viewer::Moderator(_));
    let is_insider = is_moderator || viewer == Viewer::Account(post.author);
    if !is_insider || !matches!(post.moderation, Moderation::Rejected | Moderation::Review) {
        return Ok(None);
    }
    let grounds = state.repositories.reviews().grounds(std::slice::from_ref(post)).await?.remove(&post.id);
    let show = if is_moderator { VerdictView::for_moderators } else { VerdictView::for_author };
    Ok(grounds.as_ref().map(show))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    #[test]
    fn authors_see_why_and_moderators_also_who_and_how() {
        let grounds = |judge| Grounds {
            decision: Moderation::Rejected,
            categories: vec!["spam_links".to_owned()],
            reason: "It has 60 links.".to_owned(),
            judge,
            at: Timestamp::from_millis(0),
        };
        let person = grounds(Judge::Person { handle: "mod".to_owned() });
        let model = grounds(Judge::Model { name: "nova".to_owned(), prompt: Some("broadsheet/1".to_owned()) });
        let json = |view: VerdictView| serde_json::to_value(view).unwrap();
        assert_eq!(
            json(VerdictView::for_author(&person)),
            serde_json::json!({
                "decision": "rejected", "categories": ["spam_links"], "reason": "It has 60 links.", "model": "person",
                "at": "1970-01-01T00:00:00.000Z",
            })
        );
        assert_eq!(json(VerdictView::for_moderators(&person))["by"], "mod");
        assert!(json(VerdictView::for_author(&model)).get("prompt").is_none());
        assert_eq!(json(VerdictView::for_moderators(&model))["prompt"], "broadsheet/1");
    }

    #[test]
    fn the_words_on_the_wire_are_those_of_the_domain() {
        for state in [AppealState::Open, AppealState::Upheld, AppealState::Overturned] {
            assert_eq!(serde_json::to_value(AppealStateView::from(state)).unwrap(), state.as_str());
        }
    }
}
