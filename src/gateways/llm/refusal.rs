//! Interprets a provider's errors: wait, report an outage, or leave the post to a person.
//!
//! Two things must not happen. A mistake of the operator must not produce dead letters, so it counts as an outage that
//! says what to fix. And a post must not be able to cause an outage, so errors that a post can provoke go to a person.
//! The provider's own words are examined and never repeated: they may contain parts of the key or of the post.

use std::time::Duration;

use serde_json::Value;

use super::http::Response;
use crate::{domain::Timestamp, gateways::Error};

/// How long to wait if the provider does not say.
const USUAL_PAUSE: Duration = Duration::from_secs(5);
/// The maximum wait, whatever the provider says.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

/// Words that mean that the provider refuses the post itself.
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
/// Words that mean that the post is too long.
const OF_LENGTH: [&str; 7] = [
    "context_length",
    "context length",
    "context size",
    "context window",
    "exceed_context",
    "too long",
    "too many tokens",
];
/// Words that mean that the model is unsuitable.
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

/// Why a provider refuses to judge a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It refuses the content.
    Content,
    /// The post is too long for the model.
    Length,
    /// It does not support the requested format of the answer.
    Format,
}

/// The JSON body of a successful response, or why there is none.
///
/// # Errors
/// As described above.
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
        400 | 422 if has(&OF_MODEL) => Err(mend("cannot use the model in this way", "moderation.model", &kind)),
        401 => Err(mend("does not accept the key", "moderation.api_key", &kind)),
        403 => Err(mend("does not let this key use the model", "moderation.api_key and moderation.model", &kind)),
        402 => Err(mend("requires payment", "", &kind)),
        404 | 405 => Err(mend("knows no such model or address", "moderation.model, base_url and region", &kind)),
        300..400 => Err(mend("answers with a redirect", "moderation.base_url", &kind)),
        400 | 413 | 415 | 422 => Err(Error::Permanent(refused(response.status, &kind))),
        status => Err(Error::Transient(refused(status, &kind))),
    }
}

/// A response that is not JSON, whatever its content type, does not come from the model: another program answers there.
fn good(response: &Response) -> Result<Result<Value, Refusal>, Error> {
    let strange = || mend("does not answer like a model", "moderation.base_url", "");
    if !response.is_json {
        return Err(strange());
    }
    match &response.body {
        // A model that does not stop; this post may be the reason.
        None => Ok(Err(Refusal::Length)),
        Some(body) => serde_json::from_slice(body).map(Ok).map_err(|_| strange()),
    }
}

/// An outage that an operator must fix.
fn mend(what: &str, keys: &str, kind: &str) -> Error {
    let see = if keys.is_empty() { String::new() } else { format!("; see {keys}") };
    Error::Transient(format!("the model's server {what}{kind}{see}"))
}

fn refused(status: u16, kind: &str) -> String {
    format!("the model's server answered with status {status}{kind}")
}

/// The error's own text, in lower case.
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

/// The error's short name in brackets, if it can be shown: it helps the operator to fix the problem.
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
