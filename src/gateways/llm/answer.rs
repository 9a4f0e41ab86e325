//! Checks a model's answer, whatever the provider promises: only a clear verdict counts, everything else goes to a
//! person.

use serde::Deserialize;
use serde_json::{Value, json};

use super::prompt::{CATEGORIES, Prompt};
use crate::domain::{Decision, one_line};

/// The maximum length of a stored reason, in characters.
const LONGEST_REASON: usize = 300;

/// Reasons for a review that come from the gateway, not from the model.
pub(super) mod grounds {
    /// The post seems to address the moderator.
    pub(in super::super) const INJECTION: &str = "prompt_injection";
    /// The provider or the model refuses to judge this post.
    pub(in super::super) const REFUSED: &str = "model_refused";
    /// The answer is not a valid verdict.
    pub(in super::super) const UNCLEAR: &str = "unclear_answer";
    /// The post is too long to be judged.
    pub(in super::super) const TOO_LONG: &str = "too_long";
    /// Today's budget is used up.
    pub(in super::super) const BUDGET: &str = "budget";
    /// The author's share of today's calls is used up.
    pub(in super::super) const AUTHOR_BUDGET: &str = "author_budget";
}

/// The result of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) decision: Decision,
    pub(crate) categories: Vec<String>,
    pub(crate) reason: String,
}

impl Finding {
    /// A person must decide, for this reason.
    pub(super) fn review(ground: &str, reason: &str) -> Self {
        Self { decision: Decision::Review, categories: vec![ground.to_owned()], reason: reason.to_owned() }
    }

    /// How strict it is.
    pub(super) const fn weight(&self) -> u8 {
        match self.decision {
            Decision::Approve => 0,
            Decision::Review => 1,
            Decision::Reject => 2,
        }
    }
}

/// The JSON Schema of the answer. Amazon's models do not support `additionalProperties` at the top level of a tool's
/// input.
pub(super) fn schema(is_closed: bool) -> Value {
    let words: Vec<&str> = CATEGORIES.iter().map(|(word, _)| *word).collect();
    let mut schema = json!({
        "type": "object",
        "properties": {
            "check": {"type": "string", "description": "the word that the instructions name"},
            "decision": {"type": "string", "enum": ["approve", "reject", "review"]},
            "categories": {"type": "array", "items": {"type": "string", "enum": words}},
            "reason": {"type": "string", "description": "one sentence of at most 25 words"},
        },
        "required": ["check", "decision", "categories", "reason"],
    });
    if let Some(schema) = schema.as_object_mut().filter(|_| is_closed) {
        schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    schema
}

/// A valid answer. Duplicate and unknown fields are errors.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    check: String,
    decision: Answered,
    categories: Vec<String>,
    reason: String,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Answered {
    Approve,
    Reject,
    Review,
}

/// Reads a model's answer, a JSON object, to this prompt.
pub(crate) fn read(answer: &str, prompt: &Prompt) -> Finding {
    let unclear = |why: &str| Finding::review(grounds::UNCLEAR, why);
    let Ok(fields) = serde_json::from_str::<Fields>(answer.trim()) else {
        return unclear("The model's answer is not a valid verdict.");
    };
    if fields.check.trim() != prompt.canary {
        return Finding::review(grounds::INJECTION, "The model did not follow its instructions when it read the post.");
    }
    if [&prompt.canary, &prompt.delimiter].iter().any(|secret| fields.reason.contains(secret.as_str())) {
        return Finding::review(grounds::INJECTION, "The model repeated its instructions when it read the post.");
    }
    if fields.categories.iter().any(|word| !CATEGORIES.iter().any(|(known, _)| known == word)) {
        return unclear("The model named a category that does not exist.");
    }
    let mut categories = fields.categories;
    categories.sort();
    categories.dedup();
    let reason = shown(&fields.reason);
    let or = |default: &str| if reason.is_empty() { default.to_owned() } else { reason.clone() };
    match fields.decision {
        Answered::Approve if !categories.is_empty() => {
            unclear("The model approved the post and objected to it at the same time.")
        }
        Answered::Reject if categories.is_empty() => unclear("The model rejected the post without a category."),
        Answered::Approve => {
            Finding { decision: Decision::Approve, categories, reason: or("The model does not object to the post.") }
        }
        Answered::Reject => {
            Finding { decision: Decision::Reject, categories, reason: or("The model objects to the post.") }
        }
        Answered::Review => {
            Finding { decision: Decision::Review, categories, reason: or("The model wants a person to decide.") }
        }
    }
}

/// A model's text on one line of limited length, without control characters.
fn shown(text: &str) -> String {
    let line = one_line(&text.replace(super::chunks::is_invisible, " "));
    match line.char_indices().nth(LONGEST_REASON) {
        Some(_) => line.chars().take(LONGEST_REASON - 1).chain(['…']).collect(),
        None => line,
    }
}

#[cfg(test)]
mod tests;
