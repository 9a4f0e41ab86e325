//! What it means when a provider answers with an error: wait, call it an outage, or leave the post to a person.
//!
//! Two things must not happen: a mistake of the operator must not fill the dead letters, so it is an outage that says what to
//! mend; and a post must not be able to cause an outage, so what a post can provoke is a person's business. The provider's own
//! words are looked at and never repeated: they may hold parts of the key or of the post.

use std::time::Duration;

use serde_json::Value;

use super::http::Response;
use crate::{domain::Timestamp, gateways::Error};

/// How long to wait when the provider does not say.
const USUAL_PAUSE: Duration = Duration::from_secs(5);
/// How long to wait at most, whatever the provider says.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

/// Words by which providers say that the post itself is what they refuse.
const OF_CONTENT: [&str; 9] = [
    "content_filter",
    "content filter",
    "content_policy",
    "content policy",
    "responsibleai",
    "guardrail",
    "data_inspection_failed",
    "safety system",
    "flagged",
];
/// Words by which they say that the post is too long.
const OF_LENGTH: [&str; 7] = [
    "context_length",
    "context length",
    "context size",
    "context window",
    "exceed_context",
    "too long",
    "too many tokens",
];
/// Words by which they say that the model is the wrong one.
const OF_MODEL: [&str; 8] = [
    "model identifier",
    "model_not_found",
    "on-demand throughput",
    "inference profile",
    "tool use",
    "toolconfig",
    "unsupported_parameter",
    "unsupported_value",
];

/// Why a provider does not judge this post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It does not like the content.
    Content,
    /// The post does not fit into the model.
    Length,
    /// It does not know the form in which the answer is wanted.
    Format,
}

/// The body of a good answer, as JSON, or why there is none.
///
/// # Errors
/// As told above.
pub(super) fn check(response: &Response, now: Timestamp) -> Result<Result<Value, Refusal>, Error> {
    if response.status == 200 {
        return good(response);
    }
    let says = words(response);
    let has = |any: &[&str]| any.iter().any(|words| says.contains(words));
    let kind = kind(response);
    match response.status {
        429 if has(&["insufficient_quota"]) => Err(mend("says that the account has no credit left", "", &kind)),
        429 => Err(Error::RateLimited { retry_after: pause(response.retry_after.as_deref(), now) }),
        400 | 422 if has(&["response_format", "json_schema"]) => Ok(Err(Refusal::Format)),
        400 | 403 | 422 if has(&OF_CONTENT) => Ok(Err(Refusal::Content)),
        400 | 413 | 422 if has(&OF_LENGTH) => Ok(Err(Refusal::Length)),
        400 | 422 if has(&OF_MODEL) => Err(mend("cannot use the model like this", "moderation.model", &kind)),
        401 => Err(mend("does not accept the key", "moderation.api_key", &kind)),
        403 => Err(mend("does not let this key use the model", "moderation.api_key and moderation.model", &kind)),
        402 => Err(mend("wants to be paid", "", &kind)),
        404 | 405 => Err(mend("knows no such model or address", "moderation.model, base_url and region", &kind)),
        300..400 => Err(mend("answers with a redirect", "moderation.base_url", &kind)),
        400 | 413 | 415 | 422 => Err(Error::Permanent(refused(response.status, &kind))),
        status => Err(Error::Transient(refused(status, &kind))),
    }
}

/// Something that calls itself JSON and is none, or is no JSON at all, is not the model: another program answers there.
fn good(response: &Response) -> Result<Result<Value, Refusal>, Error> {
    let strange = || mend("does not answer as a model does", "moderation.base_url", "");
    if !response.is_json {
        return Err(strange());
    }
    match &response.body {
        // A model that cannot stop: this very post may be the reason.
        None => Ok(Err(Refusal::Length)),
        Some(body) => serde_json::from_slice(body).map(Ok).map_err(|_| strange()),
    }
}

/// An outage that somebody must mend.
fn mend(what: &str, keys: &str, kind: &str) -> Error {
    let see = if keys.is_empty() { String::new() } else { format!("; see {keys}") };
    Error::Transient(format!("the model's server {what}{kind}{see}"))
}

fn refused(status: u16, kind: &str) -> String {
    format!("the model's server answered with status {status}{kind}")
}

/// What the error says of itself, in lower case.
fn words(response: &Response) -> String {
    let json: Value = body(response);
    let error = json.get("error").unwrap_or(&json);
    let mut words = vec![response.error_type.as_deref().unwrap_or_default()];
    words.extend(error.as_str());
    for object in [&json, error, error.get("innererror").unwrap_or(&Value::Null)] {
        let fields = ["message", "Message", "type", "code", "param"];
        words.extend(fields.iter().filter_map(|field| object.get(field)?.as_str()));
    }
    words.join(" ").to_lowercase()
}

/// The error's short name in brackets, if it is one that can be shown: it helps whoever has to mend things.
fn kind(response: &Response) -> String {
    let json: Value = body(response);
    let error = json.get("error").unwrap_or(&json);
    let of_amazon = response.error_type.as_deref().and_then(|text| text.split(':').next());
    let names = [of_amazon, error.get("code").and_then(Value::as_str), error.get("type").and_then(Value::as_str)];
    let is_name = |name: &&str| {
        (1..=40).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
    };
    names.into_iter().flatten().find(is_name).map(|name| format!(" ({name})")).unwrap_or_default()
}

fn body(response: &Response) -> Value {
    response.body.as_ref().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default()
}

/// Reads `Retry-After`: seconds, or a date.
fn pause(header: Option<&str>, now: Timestamp) -> Duration {
    let header = header.unwrap_or_default().trim();
    let seconds = header.parse::<u64>().ok().map(Duration::from_secs);
    let until_date = || {
        let date = jiff::fmt::rfc2822::parse(header).ok()?;
        Some(Timestamp::from_millis(date.timestamp().as_millisecond()).since(now))
    };
    let pause = seconds.or_else(until_date).unwrap_or(USUAL_PAUSE);
    pause.clamp(Duration::from_secs(1), LONGEST_PAUSE)
}

#[cfg(test)]
mod tests;
