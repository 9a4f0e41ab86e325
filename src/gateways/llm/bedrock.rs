//! Amazon Bedrock's Converse: the verdict is the input of a tool that the model is forced to call. The tool does nothing.

use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

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
const TOOL: &str = "verdict";

/// One model on Bedrock.
pub(super) struct Bedrock {
    url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    output: Option<Output>,
    stop_reason: String,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Output {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: Vec<Block>,
}

/// Models may also write text; only the tool call counts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    tool_use: Option<ToolUse>,
}

#[derive(Deserialize)]
struct ToolUse {
    name: String,
    #[serde(default)]
    input: Value,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Usage {
    input_tokens: u64,
    output_tokens: u64,
}

impl Bedrock {
    /// The model with this name in this region, or at another URL than Amazon's.
    pub(super) fn new(base_url: &str, region: &str, model: &str) -> Self {
        let amazon = format!("https://bedrock-runtime.{region}.amazonaws.com");
        let base = if base_url.is_empty() { &amazon } else { base_url.trim_end_matches('/') };
        // The colon of a version and the slashes of an ARN are part of the name, not of the path.
        let model: String = form_urlencoded::byte_serialize(model.as_bytes()).collect();
        Self { url: format!("{base}/model/{model}/converse") }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) async fn ask(&self, http: &Http, prompt: &Prompt, now: Timestamp) -> Result<Reply, Error> {
        let response = http.post(&self.url, &request(prompt)).await?;
        match refusal::check(&response, now)? {
            Ok(body) => read(body),
            Err(Refusal::Content) => Ok(Reply::uncounted(Said::Refused)),
            Err(Refusal::Length) => Ok(Reply::uncounted(Said::TooLong)),
            Err(Refusal::Format) => {
                let message = "the model does not support tools; see moderation.model";
                Err(Error::Transient(message.to_owned()))
            }
        }
    }
}

fn request(prompt: &Prompt) -> Value {
    let tool = json!({"toolSpec": {
        "name": TOOL,
        "description": "Records the verdict on the post.",
        "inputSchema": {"json": answer::schema(false)},
    }});
    json!({
        "system": [{"text": prompt.system}],
        "messages": [{"role": "user", "content": [{"text": prompt.user}]}],
        "inferenceConfig": {"maxTokens": MAX_TOKENS, "temperature": 0},
        "toolConfig": {"tools": [tool], "toolChoice": {"tool": {"name": TOOL}}},
    })
}

fn read(body: Value) -> Result<Reply, Error> {
    let Ok(answer) = serde_json::from_value::<Answer>(body) else {
        let message = "the model's server does not answer like Bedrock; see moderation.base_url";
        return Err(Error::Transient(message.to_owned()));
    };
    let usage = answer.usage.unwrap_or_default();
    let blocks = answer.output.map(|output| output.message.content).unwrap_or_default();
    let mut calls = blocks.into_iter().filter_map(|block| block.tool_use);
    let said = match (answer.stop_reason.as_str(), calls.next(), calls.next()) {
        ("guardrail_intervened" | "content_filtered" | "refusal", ..) => Said::Refused,
        ("max_tokens" | "model_context_window_exceeded", ..) => Said::CutShort,
        (_, None, _) => Said::Nothing("The model gave no verdict."),
        (_, Some(_), Some(_)) => Said::Nothing("The model gave more than one verdict."),
        (_, Some(call), None) if call.name == TOOL => Said::Answer(call.input.to_string()),
        (_, Some(_), None) => Said::Nothing("The model did something other than give a verdict."),
    };
    Ok(Reply { said, tokens: Tokens { input: usage.input_tokens, output: usage.output_tokens } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_name_is_one_part_of_the_path() {
        let of = |base: &str, model: &str| Bedrock::new(base, "eu-west-1", model).url;
        assert_eq!(
            of("", "amazon.nova-micro-v1:0"),
            "https://bedrock-runtime.eu-west-1.amazonaws.com/model/amazon.nova-micro-v1%3A0/converse"
        );
        assert_eq!(of("http://x:1/", "arn:aws:bedrock:a/b"), "http://x:1/model/arn%3Aaws%3Abedrock%3Aa%2Fb/converse");
    }
}
