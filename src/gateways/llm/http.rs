//! Makes one call over HTTP: limited in time and size, without redirects, with the current key. Responses are
//! interpreted elsewhere.

use std::time::Duration;

use reqwest::{
    Client,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect,
};
use serde_json::Value;

use super::settings::ApiKey;
use crate::gateways::Error;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The maximum size of a response, in bytes. A verdict has a few hundred.
const LARGEST_ANSWER: usize = 64 << 10;

/// Calls a provider.
pub(super) struct Http {
    client: Client,
    key: ApiKey,
    timeout: Duration,
}

/// A response. Its body may repeat the post or the key, so it has no `Debug`.
pub(super) struct Response {
    pub(super) status: u16,
    /// `Retry-After`, unparsed.
    pub(super) retry_after: Option<String>,
    /// The kind of an error, from Amazon's header.
    pub(super) error_type: Option<String>,
    /// Whether its content type is JSON.
    pub(super) is_json: bool,
    /// The body; `None` if it is too large.
    pub(super) body: Option<Vec<u8>>,
}

impl Http {
    /// A client whose calls each take at most `timeout`.
    ///
    /// # Errors
    /// If the machine has no certificates to verify a server with.
    pub(super) fn new(key: ApiKey, timeout: Duration, is_encrypted: bool) -> Result<Self, reqwest::Error> {
        // A redirected POST would become a GET, and the key would be sent to another server.
        let mut client = Client::builder()
            .user_agent(concat!("broadsheet/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .timeout(timeout);
        if !is_encrypted {
            // No certificate will be checked, so a machine without any must not cause a failure.
            client = client.tls_certs_only(std::iter::empty());
        }
        Ok(Self { client: client.build()?, key, timeout })
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// `Transient` if there is no response or only a part of one.
    pub(super) async fn post(&self, url: &str, json: &Value) -> Result<Response, Error> {
        let mut request = self.client.post(url).header(CONTENT_TYPE, "application/json").body(json.to_string());
        if let Some(key) = self.key.read().await? {
            request = request.bearer_auth(key);
        }
        let mut response = request.send().await.map_err(|error| self.outage(&error))?;
        let headers = response.headers();
        let is_json = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(is_json);
        let (retry_after, error_type) = (text(headers, RETRY_AFTER.as_str()), text(headers, "x-amzn-errortype"));
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(bytes) = response.chunk().await.map_err(|error| self.outage(&error))? {
            if body.len() + bytes.len() > LARGEST_ANSWER {
                return Ok(Response { status, retry_after, error_type, is_json, body: None });
            }
            body.extend_from_slice(&bytes);
        }
        Ok(Response { status, retry_after, error_type, is_json, body: Some(body) })
    }

    fn outage(&self, error: &reqwest::Error) -> Error {
        Error::Transient(if error.is_connect() {
            "the model's server cannot be reached".to_owned()
        } else if error.is_timeout() {
            format!("the model did not answer within {} ms", self.timeout.as_millis())
        } else {
            "the connection to the model's server broke".to_owned()
        })
    }
}

fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || kind.ends_with("+json") || kind == "application/x-amz-json-1.1"
}

fn text(headers: &HeaderMap<HeaderValue>, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_known_by_its_content_type() {
        assert!(
            ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"].map(is_json)
                == [true; 3]
        );
        assert!(["text/html", "", "application/jsonp"].map(is_json) == [false; 3]);
    }
}
