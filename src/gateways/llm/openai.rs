//! OpenAI's chat completions, which many servers support: the verdict is the message, in a JSON Schema that the server
//! is asked to enforce. Not every server does, so nothing relies on it.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    answer,
    budget::Tokens,
    http::Http,
    prompt::Prompt,
    refusal::{self, Refusal},
    reply::{Reply, Said},
};
use crate::{domain::Timestamp, gateways::Error};

/// The maximum length of an answer, in tokens.
const MAX_TOKENS: u32 = 200;

/// One model at a chat-completions URL.
pub(super) struct OpenAi {
    url: String,
    model: String,
    /// Whether the server has turned out not to support JSON Schema.
    has_no_schema: AtomicBool,
}

#[derive(Deserialize)]
struct Answer {
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<Value>,
    refusal: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
}

impl OpenAi {
    /// The model with this name, served at a URL with or without `/v1`.
    pub(super) fn new(base_url: &str, model: &str) -> Self {
        let base = base_url.trim_end_matches('/');
        let url = if base.ends_with("/chat/completions") {
            base.to_owned()
        } else if base.ends_with("/v1") {
            format!("{base}/chat/completions")
        } else {
            format!("{base}/v1/chat/completions")
        };
        Self { url, model: model.to_owned(), has_no_schema: AtomicBool::new(false) }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) async fn ask(&self, http: &Http, prompt: &Prompt, now: Timestamp) -> Result<Reply, Error> {
        let had_no_schema = self.has_no_schema.load(Ordering::Relaxed);
        let mut answer = self.call(http, prompt, had_no_schema, now).await?;
        if matches!(answer, Err(Refusal::Format)) && !had_no_schema {
            if !self.has_no_schema.swap(true, Ordering::Relaxed) {
                tracing::warn!("the model's server does not support JSON Schema; asking for plain JSON from now on");
            }
            answer = self.call(http, prompt, true, now).await?;
        }
        match answer {
            Ok(body) => read(body),
            Err(Refusal::Content) => Ok(Reply::uncounted(Said::Refused)),
            Err(Refusal::Length) => Ok(Reply::uncounted(Said::TooLong)),
            Err(Refusal::Format) => {
                let message = "the model's server supports neither json_schema nor json_object; see moderation.model";
                Err(Error::Transient(message.to_owned()))
            }
        }
    }

    async fn call(
        &self,
        http: &Http,
        prompt: &Prompt,
        has_no_schema: bool,
        now: Timestamp,
    ) -> Result<Result<Value, Refusal>, Error> {
        let response = http.post(&self.url, &self.request(prompt, has_no_schema)).await?;
        refusal::check(&response, now)
    }

    fn request(&self, prompt: &Prompt, has_no_schema: bool) -> Value {
        let format = if has_no_schema {
            json!({"type": "json_object"})
        } else {
            let schema = json!({"name": "verdict", "strict": true, "schema": answer::schema(true)});
            json!({"type": "json_schema", "json_schema": schema})
        };
        json!({
            "model": self.model,
            "messages": [
                {"role": "system", "content": prompt.system},
                {"role": "user", "content": prompt.user},
            ],
            "response_format": format,
            "temperature": 0,
            "max_tokens": MAX_TOKENS,
        })
    }
}

fn read(body: Value) -> Result<Reply, Error> {
    let Ok(answer) = serde_json::from_value::<Answer>(body) else {
        let message = "the model's server does not answer like chat completions; see moderation.base_url";
        return Err(Error::Transient(message.to_owned()));
    };
    let usage = answer.usage.unwrap_or_default();
    let mut choices = answer.choices.into_iter();
    let said = match (choices.next(), choices.next()) {
        (Some(choice), None) => said(choice),
        (None, _) => Said::Nothing("The model gave no verdict."),
        (Some(_), Some(_)) => Said::Nothing("The model gave more than one verdict."),
    };
    Ok(Reply { said, tokens: Tokens { input: usage.prompt_tokens, output: usage.completion_tokens } })
}

fn said(choice: Choice) -> Said {
    if choice.message.refusal.is_some_and(|refusal| !refusal.is_empty()) {
        return Said::Refused;
    }
    match (choice.finish_reason.as_deref(), choice.message.content) {
        (Some("content_filter"), _) => Said::Refused,
        (Some("length"), _) => Said::CutShort,
        // Some servers omit it.
        (Some("stop") | None, Some(Value::String(text))) => Said::Answer(text),
        (Some("stop") | None, _) => Said::Nothing("The model gave no verdict."),
        (Some(_), _) => Said::Nothing("The model did something other than give a verdict."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_with_and_without_its_version() {
        for base in ["http://x:1", "http://x:1/", "http://x:1/v1", "http://x:1/v1/", "http://x:1/v1/chat/completions"] {
            assert_eq!(OpenAi::new(base, "m").url, "http://x:1/v1/chat/completions", "{base}");
        }
    }
}
