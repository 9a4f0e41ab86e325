//! People and programs that use the server from outside, through HTTP only.

use std::{net::SocketAddr, path::Path, time::Duration};

use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

use super::app::mails;

/// A program that talks to one server.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
}

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        Self { http, base: format!("http://{address}") }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).json(body)).await
    }
}

/// Sends a request; a test that cannot reach its server fails here.
pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// Fails the test unless the status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// Fails the test unless it is a problem of this status and code.
    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, code: &str) -> Value {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{}", self.text);
        let problem = self.expect(status).json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert!(problem["request_id"].is_string(), "{problem}");
        problem
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {self:?}")).to_str().unwrap()
    }
}

/// Somebody with an account and a token.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) client: Client,
    pub(crate) handle: String,
    pub(crate) email: String,
    pub(crate) password: String,
    pub(crate) token: String,
    pub(crate) refresh_token: String,
}

impl Person {
    pub(crate) async fn sign_up(client: &Client, mail_folder: &Path, handle: &str) -> Self {
        let email = format!("{handle}@example.com");
        let password = format!("correct horse of {handle}");
        let name = format!("{handle} the Author");
        let body = json!({"email": email, "password": password, "handle": handle, "name": name});
        client.post("/v1/identity/sign-up", &body).await.expect(202);
        let code = code_for(mail_folder, &email).await;
        client.post("/v1/identity/confirm", &json!({"email": email, "code": code})).await.expect(204);
        let mut person = Self {
            client: client.clone(),
            handle: handle.to_owned(),
            email,
            password,
            token: String::new(),
            refresh_token: String::new(),
        };
        person.sign_in().await;
        person
    }

    pub(crate) async fn sign_in(&mut self) {
        let body = json!({"email": self.email, "password": self.password});
        let tokens = self.client.post("/v1/identity/sign-in", &body).await.expect(200).json();
        self.token = tokens["access_token"].as_str().unwrap().to_owned();
        self.refresh_token = tokens["refresh_token"].as_str().unwrap().to_owned();
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, path).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::PATCH, path).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str) -> Answer {
        send(self.request(Method::PUT, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        send(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn follow(&self, author: &Self) {
        self.put(&format!("/v1/authors/{}/follow", author.handle)).await.expect(204);
    }

    /// Publishes a post with this title; answers its JSON.
    pub(crate) async fn publish(&self, title: &str) -> Value {
        let body = json!({"title": title, "body": format!("A few words about {title}."), "tags": ["test"]});
        self.post("/v1/posts", &body).await.expect(201).json()
    }

    /// The titles in a list, such as `/v1/feed`.
    pub(crate) async fn titles(&self, path: &str) -> Vec<String> {
        let page = self.get(path).await.expect(200).json();
        let title = |item: &Value| item["title"].as_str().or(item["post"]["title"].as_str()).unwrap().to_owned();
        page["items"].as_array().unwrap().iter().map(title).collect()
    }

    /// The states in a post's receipt, as `worker: state`.
    pub(crate) async fn receipt(&self, post: &Value) -> Vec<String> {
        let id = post["id"].as_str().unwrap();
        let receipt = self.get(&format!("/v1/posts/{id}/deliveries")).await.expect(200).json();
        let line = |line: &Value| format!("{}: {}", line["worker"].as_str().unwrap(), line["state"].as_str().unwrap());
        receipt["deliveries"].as_array().unwrap().iter().map(line).collect()
    }
}

/// The newest code that was mailed to an address; mails go out behind the request, so it waits for one.
pub(crate) async fn code_for(mail_folder: &Path, email: &str) -> String {
    for _ in 0..500 {
        let mail = mails(mail_folder).into_iter().rfind(|mail| mail.contains(&format!("To: {email}")));
        let code = mail.and_then(|mail| {
            let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit());
            mail.lines().map(str::trim).find(is_code).map(str::to_owned)
        });
        if let Some(code) = code {
            return code;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no code was mailed to {email}")
}
