//! Signing in, staying signed in, signing out. The tokens are rotated under a lock, and written before they are used.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::{
    credentials::{Credentials, CredentialsFile},
    failure::Failure,
    server::Http,
};
use crate::{
    clock::{Clock, SystemClock},
    config::Secret,
};

/// A session that is kept in a file.
#[derive(Debug)]
pub(super) struct Session {
    file: CredentialsFile,
    credentials: Credentials,
}

/// What goes to `/v1/identity/sign-in`.
#[derive(Serialize)]
struct SignIn<'a> {
    email: &'a str,
    password: &'a str,
}

/// What goes to `/v1/identity/refresh` and `sign-out`.
#[derive(Serialize)]
struct WithRefreshToken<'a> {
    refresh_token: &'a str,
}

/// What the server answers with.
#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    /// In seconds.
    expires_in: u64,
    refresh_token: String,
}

/// Opens a session.
///
/// # Errors
/// Why the server does not let them in.
pub(super) async fn sign_in(http: &Http, email: &str, password: &Secret) -> Result<Credentials, Failure> {
    let body = SignIn { email, password: password.expose() };
    let answer = http.exchange(http.request(Method::POST, &["v1", "identity", "sign-in"], &[]).json(&body)).await?;
    match answer.status {
        StatusCode::OK => Ok(credentials(http, answer.parse()?)),
        StatusCode::UNAUTHORIZED => Err(Failure::NotAllowed(answer.said())),
        _ => Err(answer.failure()),
    }
}

/// Ends a session.
///
/// # Errors
/// If the server cannot be reached, or does not want to.
pub(super) async fn sign_out(http: &Http, credentials: &Credentials) -> Result<(), Failure> {
    let body = WithRefreshToken { refresh_token: credentials.refresh_token.expose() };
    let answer = http.exchange(http.request(Method::POST, &["v1", "identity", "sign-out"], &[]).json(&body)).await?;
    if answer.status.is_success() { Ok(()) } else { Err(answer.failure()) }
}

impl Session {
    /// Goes on with a session from the file.
    pub(super) const fn new(file: CredentialsFile, credentials: Credentials) -> Self {
        Self { file, credentials }
    }

    /// An access token that has not expired, as far as this machine's clock knows.
    ///
    /// # Errors
    /// As [`Session::renew`].
    pub(super) async fn token(&mut self, http: &Http) -> Result<Secret, Failure> {
        if is_expired(&self.credentials) {
            self.renew(http).await?;
        }
        Ok(self.credentials.access_token.clone())
    }

    /// Gets new tokens, or those that another command has got meanwhile.
    ///
    /// # Errors
    /// `SessionEnded` if the server does not take the refresh token any more, `NotSignedIn` if somebody has signed out
    /// meanwhile.
    pub(super) async fn renew(&mut self, http: &Http) -> Result<(), Failure> {
        let _lock = self.file.lock().await?;
        let kept = self.file.load()?.filter(|kept| kept.url == self.credentials.url);
        let kept = kept.ok_or_else(|| Failure::NotSignedIn(self.credentials.url.clone()))?;
        let is_another = kept.access_token != self.credentials.access_token;
        self.credentials = if is_another && !is_expired(&kept) { kept } else { self.refresh(http, &kept).await? };
        Ok(())
    }

    async fn refresh(&self, http: &Http, kept: &Credentials) -> Result<Credentials, Failure> {
        let body = WithRefreshToken { refresh_token: kept.refresh_token.expose() };
        let request = http.request(Method::POST, &["v1", "identity", "refresh"], &[]).json(&body);
        let answer = http.exchange(request).await?;
        match answer.status {
            StatusCode::OK => {
                let renewed = credentials(http, answer.parse()?);
                // The old refresh token is used up: the new one must not be lost, whatever comes next.
                self.file.save(&renewed)?;
                Ok(renewed)
            }
            StatusCode::UNAUTHORIZED => {
                Err(Failure::SessionEnded { address: http.address().to_owned(), why: answer.said() })
            }
            _ => Err(answer.failure()),
        }
    }
}

fn credentials(http: &Http, tokens: Tokens) -> Credentials {
    Credentials {
        url: http.address().to_owned(),
        access_token: tokens.access_token.into(),
        expires_at: SystemClock.now().plus(Duration::from_secs(tokens.expires_in)),
        refresh_token: tokens.refresh_token.into(),
    }
}

fn is_expired(credentials: &Credentials) -> bool {
    credentials.expires_at <= SystemClock.now()
}
