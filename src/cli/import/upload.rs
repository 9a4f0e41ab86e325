//! Sends posts to the server, repeatedly where that may help. `answer.rs` interprets the responses.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use reqwest::{Client, Response, header};
use url::Url;

use super::{
    Outcome,
    answer::{Answer, Next},
    post::Post,
    stop::Stop,
};
use crate::{
    backoff::Backoff,
    cli::remote::{self, reason},
    config::Secret,
};

/// How many times a post is sent while the server asks to try again later.
const MAX_BUSY: u32 = 8;
/// How many times a post is sent while the network fails.
const MAX_LOST: u32 = 5;
/// The pause after the first attempt; it doubles with each one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The maximum pause, whatever the server asks for.
const MAX_PAUSE: Duration = Duration::from_secs(120);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The server gives up after 10 seconds; the rest is for a slow connection.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Sends posts as one author.
pub(super) struct Uploader {
    client: Client,
    address: Url,
    token: Secret,
    was_accepted: AtomicBool,
}

impl Uploader {
    /// For the server at `url`, with or without a path and a slash at the end.
    ///
    /// # Errors
    /// `Address` if the URL is invalid, `Client` if the machine has no certificates to verify a server with.
    pub(super) fn new(url: &str, token: Secret) -> Result<Self, Stop> {
        let address = address_of_posts(url).ok_or_else(|| Stop::Address(url.to_owned()))?;
        let client = remote::client(&address).connect_timeout(CONNECT_TIMEOUT).timeout(TIMEOUT);
        let client = client.build().map_err(|error| Stop::Client(reason(&error)))?;
        Ok(Self { client, address, token, was_accepted: AtomicBool::new(false) })
    }

    /// Sends a post until its result is known.
    ///
    /// # Errors
    /// Why sending other posts is pointless.
    pub(super) async fn send(&self, post: &Post) -> Result<Outcome, Stop> {
        let (mut busy, mut lost) = (0, 0);
        let mut while_busy = Backoff::new(FIRST_PAUSE, MAX_PAUSE);
        let mut while_lost = while_busy.clone();
        loop {
            let asked = self.ask(post).await;
            let was_accepted = self.was_accepted.load(Ordering::Relaxed);
            let pause = match asked {
                Ok(answer) => match answer.read(post, self.address.as_str(), was_accepted) {
                    Next::Done(outcome) => {
                        self.was_accepted.store(true, Ordering::Relaxed);
                        return Ok(outcome);
                    }
                    Next::Stop(stop) => return Err(stop),
                    Next::Again { after, reason } => {
                        busy += 1;
                        if busy >= MAX_BUSY {
                            return Err(Stop::Unavailable { reason });
                        }
                        after.max(while_busy.pause())
                    }
                },
                Err(error) => {
                    lost += 1;
                    if lost >= MAX_LOST || error.is_builder() {
                        return Err(Stop::Unreachable { address: self.address.to_string(), reason: reason(&error) });
                    }
                    while_lost.pause()
                }
            };
            tokio::time::sleep(pause.min(MAX_PAUSE)).await;
        }
    }

    async fn ask(&self, post: &Post) -> Result<Answer, reqwest::Error> {
        let request = self
            .client
            .post(self.address.clone())
            .bearer_auth(self.token.expose())
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", &post.key)
            .body(post.json.clone());
        let response = request.send().await?;
        let (status, retry_after) = (response.status(), retry_after(&response));
        Ok(Answer { status, retry_after, body: response.bytes().await? })
    }
}

fn address_of_posts(url: &str) -> Option<Url> {
    remote::base(url).map(|base| remote::below(&base, &["v1", "posts"]))
}

/// The header in seconds; this server does not use the form with a date.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse::<u64>().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_go_below_the_address_of_the_server() {
        let address = address_of_posts("https://example.org/blog?x=1#y").unwrap();
        assert_eq!(address.as_str(), "https://example.org/blog/v1/posts");
        assert_eq!(address_of_posts("localhost:8080"), None);
    }

    #[test]
    fn a_client_without_tls_needs_no_certificates() {
        assert!(Uploader::new("http://127.0.0.1:1", Secret::new("t")).is_ok());
        assert!(matches!(Uploader::new("nowhere", Secret::new("t")), Err(Stop::Address(_))));
    }
}
