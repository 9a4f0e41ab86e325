//! Asking the server: where it is, with which token, and what its answer is. What is asked is each command's.

use std::{env, time::Duration};

use bytes::Bytes;
use clap::Args;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::{credentials::CredentialsFile, failure::Failure, session::Session};
use crate::{
    cli::remote::{self, Problem, printable, reason},
    config::Secret,
};

/// Where a server is if nobody says anything else.
pub(super) const HERE: &str = "http://127.0.0.1:8080";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The server gives up after 10 seconds; a slow line needs some, too.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What every command that asks a server is told.
#[derive(Debug, Args)]
pub(super) struct Target {
    /// Address of the server; without it the one that `broadsheet login` was given, or http://127.0.0.1:8080
    #[arg(long, env = "BROADSHEET_URL", global = true)]
    url: Option<String>,
    /// Print the server's JSON, for scripts
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// A line to a server, without a token.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    base: Url,
    address: String,
}

/// What a server answered.
#[derive(Debug)]
pub(super) struct Answer {
    /// Its status.
    pub(super) status: StatusCode,
    address: String,
    body: Bytes,
}

/// A server, asked in the name of an account.
#[derive(Debug)]
pub(super) struct Server {
    http: Http,
    access: Access,
}

/// Where the token comes from.
#[derive(Debug)]
enum Access {
    Variable(Secret),
    Session(Session),
}

impl Target {
    /// The server, with the token from the variable, or else the session from the file.
    ///
    /// # Errors
    /// Why there is no server or no token for it.
    pub(super) fn server(&self) -> Result<Server, Failure> {
        let asked = self.url.as_deref().map(Http::new).transpose()?;
        if let Some(token) = token_of_environment()? {
            let http = asked.map_or_else(|| Http::new(HERE), Ok)?;
            return Ok(Server { http, access: Access::Variable(token) });
        }
        let address = asked.as_ref().map_or(HERE, Http::address).to_owned();
        let file = CredentialsFile::of_user()?;
        let kept = file.load()?.ok_or(Failure::NotSignedIn(address.clone()))?;
        let http = asked.map_or_else(|| Http::new(&kept.url), Ok)?;
        if http.address() != kept.url {
            return Err(Failure::OtherServer { known: printable(&kept.url), asked: address });
        }
        Ok(Server { http, access: Access::Session(Session::new(file, kept)) })
    }
}

impl Http {
    /// For the server at `url`.
    ///
    /// # Errors
    /// `Address` if there can be no server, `Client` if the machine has no certificates to check one with.
    pub(super) fn new(url: &str) -> Result<Self, Failure> {
        let base = remote::base(url).ok_or_else(|| Failure::Address(printable(url)))?;
        let client = remote::client(&base).connect_timeout(CONNECT_TIMEOUT).build();
        let client = client.map_err(|error| Failure::Client(reason(&error)))?;
        let address = base.as_str().trim_end_matches('/').to_owned();
        Ok(Self { client, base, address })
    }

    /// The server's address, without a slash at its end.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Whether what is sent can be read on its way.
    pub(super) fn is_in_the_clear(&self) -> bool {
        self.base.scheme() == "http" && !remote::is_loopback(&self.base)
    }

    /// A request; each part of the path is escaped.
    pub(super) fn request(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> RequestBuilder {
        let mut address = remote::below(&self.base, path);
        if !query.is_empty() {
            address.query_pairs_mut().extend_pairs(query);
        }
        self.client.request(method, address)
    }

    /// Sends a request and reads the whole answer, whatever it is.
    ///
    /// # Errors
    /// `Unreachable` if there is none.
    pub(super) async fn exchange(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        self.read(self.send(request.timeout(TIMEOUT)).await?).await
    }

    /// Sends a request; the answer's head is there when this returns.
    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        request.send().await.map_err(|error| self.unreachable(&error))
    }

    async fn read(&self, response: Response) -> Result<Answer, Failure> {
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        Ok(Answer { status, address: self.address.clone(), body })
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        Failure::Unreachable { address: self.address.clone(), reason: reason(error) }
    }
}

impl Answer {
    /// Reads the body.
    ///
    /// # Errors
    /// `UnexpectedResponse` if it is something else.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| self.stranger(&error))
    }

    /// What the server says is wrong, in general.
    pub(super) fn said(&self) -> String {
        let problem = serde_json::from_slice::<Problem>(&self.body).ok();
        problem.map_or_else(|| format!("status {}", self.status.as_u16()), |problem| printable(&problem.sentence()))
    }

    /// What an answer that is no success means.
    pub(super) fn failure(&self) -> Failure {
        Failure::of_answer(&self.address, self.status, &self.body)
    }

    fn stranger(&self, error: &serde_json::Error) -> Failure {
        let what = format!("status {} and no JSON that is understood ({error})", self.status.as_u16());
        Failure::UnexpectedResponse { address: self.address.clone(), what }
    }
}

impl Server {
    /// The server's address, without a slash at its end.
    pub(super) fn address(&self) -> &str {
        self.http.address()
    }

    /// A request, see [`Http::request`].
    pub(super) fn request(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> RequestBuilder {
        self.http.request(method, path, query)
    }

    /// Reads something.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub(super) async fn get(&mut self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, Failure> {
        let request = self.request(Method::GET, path, query);
        self.ask(request).await
    }

    /// Sends a request; null if the answer has no body.
    ///
    /// # Errors
    /// Why there is no answer, or what is wrong.
    pub(super) async fn ask(&mut self, request: RequestBuilder) -> Result<Value, Failure> {
        let response = self.open(request.timeout(TIMEOUT)).await?;
        let answer = self.http.read(response).await?;
        if answer.body.is_empty() { Ok(Value::Null) } else { answer.parse() }
    }

    /// Sends a request in the account's name, once more with new tokens if the server finds the old one expired. The answer is
    /// a success (or 101), and its body is still to come.
    ///
    /// # Errors
    /// Why there is no answer, or what is wrong.
    pub(super) async fn open(&mut self, request: RequestBuilder) -> Result<Response, Failure> {
        let again = request.try_clone();
        let token = self.token().await?;
        let mut response = self.http.send(request.bearer_auth(token.expose())).await?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let (Some(again), Access::Session(session)) = (again, &mut self.access)
        {
            session.renew(&self.http).await?;
            let token = session.token(&self.http).await?;
            response = self.http.send(again.bearer_auth(token.expose())).await?;
        }
        if response.status().is_success() || response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        let answer = self.http.read(response).await?;
        Err(self.refusal(&answer))
    }

    async fn token(&mut self) -> Result<Secret, Failure> {
        match &mut self.access {
            Access::Variable(token) => Ok(token.clone()),
            Access::Session(session) => session.token(&self.http).await,
        }
    }

    fn refusal(&self, answer: &Answer) -> Failure {
        match (answer.status, &self.access) {
            (StatusCode::UNAUTHORIZED, Access::Variable(_)) => Failure::TokenRefused(answer.said()),
            (StatusCode::UNAUTHORIZED, Access::Session(_)) => {
                Failure::SessionEnded { address: self.address().to_owned(), why: answer.said() }
            }
            _ => answer.failure(),
        }
    }
}

/// Never an argument: everybody on the machine can read those.
fn token_of_environment() -> Result<Option<Secret>, Failure> {
    let Some(text) = env::var_os("BROADSHEET_TOKEN") else { return Ok(None) };
    match text.to_string_lossy().trim() {
        "" => Ok(None),
        token if token.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Some(Secret::new(token))),
        _ => Err(Failure::MalformedToken),
    }
}

/// An answer as the type that a table is made of.
///
/// # Errors
/// `UnexpectedResponse` if it is something else.
pub(super) fn read<T: DeserializeOwned>(server: &Server, json: Value) -> Result<T, Failure> {
    serde_json::from_value(json).map_err(|error| Failure::UnexpectedResponse {
        address: server.address().to_owned(),
        what: format!("JSON that is not understood ({error})"),
    })
}
