//! A server that says what a test tells it to, for what a real one does not say on demand: expired tokens, jobs that fail,
//! connections that end.

use std::{collections::VecDeque, sync::Arc};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, http::StatusCode, web};
use parking_lot::Mutex;
use serde_json::{Value, json};

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// `GET /v1/admin/workers?x=y`
    pub(crate) line: String,
    pub(crate) authorization: String,
    pub(crate) body: Value,
}

/// Answers that wait for their requests.
#[derive(Default)]
struct Script {
    answers: VecDeque<(String, u16, Value)>,
    seen: Vec<Seen>,
}

/// The server. It ends with the test.
pub(crate) struct Fake {
    pub(crate) url: String,
    script: Arc<Mutex<Script>>,
    handle: ServerHandle,
}

impl Fake {
    pub(crate) fn start() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let shared = Arc::clone(&script);
        let app = move || App::new().app_data(web::Data::from(Arc::clone(&shared))).default_service(web::to(answer));
        let server = HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        drop(actix_web::rt::spawn(server));
        Self { url, script, handle }
    }

    /// The next request that begins like this gets this answer; `GET /v1/admin/watch` gets these frames, and then its end;
    /// after a null it stays open.
    pub(crate) fn answer(&self, request: &str, status: u16, body: Value) {
        self.script.lock().answers.push_back((request.to_owned(), status, body));
    }

    /// What has come so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.script.lock().seen.clone()
    }

    /// The first lines of what has come so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

/// A problem as the server writes it.
pub(crate) fn problem(code: &str, detail: &str) -> Value {
    json!({"type": "urn:x", "title": code, "status": 0, "code": code, "detail": detail, "request_id": "r1"})
}

async fn answer(
    request: HttpRequest,
    script: web::Data<Mutex<Script>>,
    payload: web::Payload,
) -> actix_web::Result<HttpResponse> {
    let line = format!("{} {}", request.method(), request.uri());
    let header = request.headers().get("authorization");
    let authorization = header.map_or_else(String::new, |value| value.to_str().unwrap().to_owned());
    let is_socket = request.headers().contains_key("upgrade");
    let (handshake, body) = if is_socket {
        let (response, session, _) = actix_ws::handle(&request, payload)?;
        (Some((response, session)), Value::Null)
    } else {
        (None, serde_json::from_slice(&payload.to_bytes().await?).unwrap_or_default())
    };
    let found = {
        let mut script = script.lock();
        let place = script.answers.iter().position(|(begin, ..)| line.starts_with(begin));
        script.seen.push(Seen { line: line.clone(), authorization, body });
        place.and_then(|place| script.answers.remove(place))
    };
    let (_, status, body) = found.unwrap_or_else(|| (line.clone(), 501, problem("unplanned", &line)));
    if let (Some((response, mut session)), 101) = (handshake, status) {
        actix_web::rt::spawn(async move {
            for frame in body.as_array().unwrap() {
                if frame.is_null() {
                    return std::future::pending().await;
                }
                session.text(frame.to_string()).await.unwrap();
            }
            session.close(None).await.unwrap();
        });
        return Ok(response);
    }
    let mut answer = HttpResponse::build(StatusCode::from_u16(status).unwrap());
    Ok(match body {
        Value::Null => answer.finish(),
        Value::String(text) => answer.content_type("text/html").body(text),
        body => answer.json(body),
    })
}
