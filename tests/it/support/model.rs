//! A model's server: speaks Bedrock's Converse and chat completions, replies by script, remembers what it was asked.

use std::{collections::VecDeque, net::TcpListener, sync::Arc, time::Duration};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    http::StatusCode,
    web::{Bytes, Data, to},
};
use futures_util::stream;
use parking_lot::Mutex;
use serde_json::{Value, json};

/// What the server replies to one call.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A verdict as a good model gives it: decision, categories, reason.
    Verdict(&'static str, &'static [&'static str], &'static str),
    /// This as the model's answer; `CANARY` in it becomes the word that the instructions name.
    Says(String),
    /// This body under status 200; `CANARY` in it becomes the word that the instructions name.
    Body(Value),
    /// A status with a JSON body.
    Status(u16, Value),
    /// Status 429, with this `Retry-After`.
    Busy(Option<&'static str>),
    /// A redirect to another server.
    Elsewhere(String),
    /// Bytes of some content type under status 200.
    Bytes(&'static str, Vec<u8>),
    /// A connection that breaks in the middle of the answer.
    Cut,
    /// No reply at all.
    Hang,
}

/// A reply that approves.
pub(crate) const APPROVE: Reply = Reply::Verdict("approve", &[], "It is harmless.");

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The path, still encoded.
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Value,
}

/// The server. It ends with this value.
pub(crate) struct ModelServer {
    pub(crate) url: String,
    pub(crate) port: u16,
    script: Arc<Script>,
    handle: ServerHandle,
}

struct Script {
    next: Mutex<VecDeque<Reply>>,
    always: Mutex<Reply>,
    about: Mutex<Vec<(&'static str, Reply)>>,
    key: Mutex<Option<&'static str>>,
    asked: Mutex<Vec<Asked>>,
}

impl ModelServer {
    /// A server that approves of everything.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let script = Arc::new(Script {
            next: Mutex::default(),
            always: Mutex::new(APPROVE),
            about: Mutex::default(),
            key: Mutex::default(),
            asked: Mutex::default(),
        });
        let data = Data::from(Arc::clone(&script));
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(to(reply)))
            .workers(1)
            .disable_signals()
            .listen(listener)
            .unwrap()
            .run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { url, port, script, handle }
    }

    /// These for the next calls.
    pub(crate) fn next(&self, replies: &[Reply]) {
        self.script.next.lock().extend(replies.iter().cloned());
    }

    /// This for every call that no other reply is there for.
    pub(crate) fn always(&self, reply: Reply) {
        *self.script.always.lock() = reply;
    }

    /// This for every call about a post that holds a word, unless one of [`Self::next`] is there for it.
    pub(crate) fn about(&self, word: &'static str, reply: Reply) {
        self.script.about.lock().push((word, reply));
    }

    /// Refuses every call without this key.
    pub(crate) fn wants(&self, key: &'static str) {
        *self.script.key.lock() = Some(key);
    }

    /// All calls so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.script.asked.lock().clone()
    }

    pub(crate) fn calls(&self) -> usize {
        self.script.asked.lock().len()
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

impl Asked {
    pub(crate) fn is_bedrock(&self) -> bool {
        self.path.starts_with("/model/")
    }

    /// The instructions.
    pub(crate) fn system(&self) -> &str {
        let text =
            if self.is_bedrock() { &self.body["system"][0]["text"] } else { &self.body["messages"][0]["content"] };
        text.as_str().unwrap()
    }

    /// The post as it was shown.
    pub(crate) fn user(&self) -> &str {
        let messages = &self.body["messages"];
        let text = if self.is_bedrock() { &messages[0]["content"][0]["text"] } else { &messages[1]["content"] };
        text.as_str().unwrap()
    }

    /// The word that the instructions name.
    pub(crate) fn canary(&self) -> &str {
        self.system().split_once("check: the word ").unwrap().1.split_once(',').unwrap().0
    }
}

/// An address where connections are taken and dropped at once.
pub(crate) async fn hanging_up() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    actix_web::rt::spawn(async move { while listener.accept().await.is_ok() {} });
    format!("http://{address}")
}

/// An address where nobody listens.
pub(crate) fn nobody() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

async fn reply(request: HttpRequest, body: Bytes, script: Data<Script>) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let asked = Asked {
        path: request.uri().path().to_owned(),
        authorization: header("authorization"),
        content_type: header("content-type"),
        body: serde_json::from_slice(&body).unwrap(),
    };
    script.asked.lock().push(asked.clone());
    let wanted = script.key.lock().map(|key| format!("Bearer {key}"));
    if wanted.is_some() && wanted != asked.authorization {
        let message = format!("Incorrect API key provided: {}", asked.authorization.unwrap_or_default());
        return HttpResponse::Unauthorized().json(json!({"error": {"code": "invalid_api_key", "message": message}}));
    }
    let next = script.next.lock().pop_front();
    let about = || {
        let about = script.about.lock();
        about.iter().find(|(word, _)| asked.user().contains(word)).map(|(_, reply)| reply.clone())
    };
    let next = next.or_else(about).unwrap_or_else(|| script.always.lock().clone());
    match next {
        Reply::Verdict(decision, categories, reason) => {
            let fields =
                json!({"check": asked.canary(), "decision": decision, "categories": categories, "reason": reason});
            HttpResponse::Ok().json(answer(&asked, &fields.to_string()))
        }
        Reply::Says(text) => HttpResponse::Ok().json(answer(&asked, &text.replace("CANARY", asked.canary()))),
        Reply::Body(body) => {
            let body = body.to_string().replace("CANARY", asked.canary());
            HttpResponse::Ok().content_type("application/json").body(body)
        }
        Reply::Status(status, body) => HttpResponse::build(StatusCode::from_u16(status).unwrap()).json(body),
        Reply::Busy(retry_after) => {
            let mut response = HttpResponse::TooManyRequests();
            if let Some(retry_after) = retry_after {
                response.insert_header(("retry-after", retry_after));
            }
            response.json(json!({"message": "Too many requests, please wait before trying again."}))
        }
        Reply::Elsewhere(url) => {
            let location = ("location", format!("{url}{}", asked.path));
            HttpResponse::TemporaryRedirect().insert_header(location).finish()
        }
        Reply::Bytes(content_type, bytes) => HttpResponse::Ok().content_type(content_type).body(bytes),
        Reply::Cut => {
            let part = Ok(Bytes::from_static(b"{\"output\": {"));
            let parts = [part, Err(std::io::Error::other("cut"))];
            HttpResponse::Ok().content_type("application/json").streaming(stream::iter(parts))
        }
        Reply::Hang => {
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            HttpResponse::Ok().finish()
        }
    }
}

/// A model's answer in the protocol that was asked in.
fn answer(asked: &Asked, text: &str) -> Value {
    if asked.is_bedrock() {
        let input: Value = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
        json!({
            "output": {"message": {"role": "assistant", "content": [
                {"text": "I judge the post."},
                {"toolUse": {"toolUseId": "tooluse_1", "name": "verdict", "input": input}},
            ]}},
            "stopReason": "tool_use",
            "usage": {"inputTokens": 2100, "outputTokens": 60, "totalTokens": 2160},
            "metrics": {"latencyMs": 310},
        })
    } else {
        json!({
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": null},
                "finish_reason": "stop",
            }],
            "usage": {"prompt_tokens": 2100, "completion_tokens": 60, "total_tokens": 2160},
        })
    }
}
