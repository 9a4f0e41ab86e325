//! Mail over SMTP: a pool of connections, a limit on mails per second, and what the server's answers mean.

use std::{
    error::Error as _,
    fmt,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use futures_util::future::BoxFuture;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::Mailbox,
    transport::smtp::{self, AsyncSmtpTransportBuilder, PoolConfig},
};
use tokio::{runtime::Handle, sync::Semaphore};

use super::{Error, Mail, Mailer, compose};

mod settings;

pub use settings::{SettingsError, SmtpSettings};

/// How long to wait when a server says that we are too fast.
const SLOW_DOWN: Duration = Duration::from_secs(60);

/// Replies about our sign-in, not about the mail (RFC 4954): an operator can mend that, so no mail is given up for it.
const SIGN_IN_REPLIES: [&str; 4] = ["530", "534", "535", "538"];

/// Sends mail through an SMTP server.
pub struct SmtpMailer {
    builder: AsyncSmtpTransportBuilder,
    /// Made by the first mail, inside the runtime that sends: lettre's pool spawns a task when it is made.
    pool: OnceLock<Pool>,
    limiter: DefaultDirectRateLimiter,
    connections: Arc<Semaphore>,
    from: Mailbox,
}

impl SmtpMailer {
    /// A mailer that sends as `from`. Connects when there is something to send.
    ///
    /// # Errors
    /// The setting that is wrong.
    pub fn new(settings: &SmtpSettings, from: Mailbox) -> Result<Self, SettingsError> {
        let connections = settings.connections()?;
        let pool = PoolConfig::new().max_size(settings.connections);
        Ok(Self {
            builder: settings.transport()?.timeout(Some(settings.timeout)).pool_config(pool),
            pool: OnceLock::new(),
            limiter: RateLimiter::direct(Quota::per_second(settings.per_second()?)),
            connections: Arc::new(Semaphore::new(connections)),
            from,
        })
    }

    async fn hand_over(&self, message: Message, is_ascii: bool) -> Result<(), Error> {
        let stopped = || Error::Transient("the mailer is shutting down".to_owned());
        let connection = Arc::clone(&self.connections).acquire_owned().await.map_err(|_| stopped())?;
        self.limiter.until_ready().await;
        let pool = self.pool.get_or_init(|| Pool::new(self.builder.clone()));
        let transport = pool.transport.clone().ok_or_else(stopped)?;
        // A task of its own, bounded by the timeout of each SMTP command: a caller that gives up half-way must not
        // put a connection with an unread reply back into the pool, where the next mail would take it for its own.
        let sending = tokio::spawn(async move {
            let sent = transport.send(message).await;
            drop(connection);
            sent
        });
        match sending.await {
            Ok(sent) => sent.map(drop).map_err(|error| classify(&error, is_ascii)),
            Err(_) => Err(stopped()),
        }
    }
}

impl Mailer for SmtpMailer {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let message = compose(mail, &self.from, SystemTime::now())?;
            self.hand_over(message, mail.to.as_str().is_ascii()).await
        })
    }

    fn is_idempotent(&self) -> bool {
        false
    }
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer").finish_non_exhaustive()
    }
}

/// lettre's pool with the runtime it lives on: it also spawns a task when it is dropped.
struct Pool {
    /// Always there until `drop` takes it.
    transport: Option<AsyncSmtpTransport<Tokio1Executor>>,
    runtime: Handle,
}

impl Pool {
    fn new(builder: AsyncSmtpTransportBuilder) -> Self {
        Self { transport: Some(builder.build()), runtime: Handle::current() }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let _context = self.runtime.enter();
        self.transport = None;
    }
}

/// What a failure means for the mail. The server's own words stay out: they like to repeat addresses.
fn classify(error: &smtp::Error, is_ascii: bool) -> Error {
    if let Some(code) = error.status() {
        let code = code.to_string();
        if SIGN_IN_REPLIES.contains(&code.as_str()) {
            return Error::Transient(format!("the mail server does not accept our sign-in ({code})"));
        }
        if error.is_permanent() {
            return Error::Permanent(format!("the mail server refused the mail ({code})"));
        }
        if is_about_speed(error) {
            return Error::RateLimited { retry_after: SLOW_DOWN };
        }
        return Error::Transient(format!("the mail server asks to try again later ({code})"));
    }
    if error.is_client() && !is_ascii {
        return Error::Permanent("the mail server takes no international addresses".to_owned());
    }
    let message = match error {
        error if error.is_client() => "the mail server lacks a sign-in or encryption that the settings ask for",
        error if error.is_tls() => "no secure connection to the mail server could be made",
        error if error.is_timeout() => "the mail server did not answer in time",
        error if error.is_response() => "the mail server hung up or gave no sensible answer",
        _ => "the mail server cannot be reached, or the connection broke",
    };
    Error::Transient(message.to_owned())
}

fn is_about_speed(error: &smtp::Error) -> bool {
    let reply = error.source().map(|reply| reply.to_string().to_lowercase()).unwrap_or_default();
    ["rate limit", "too many", "too fast", "throttl"].iter().any(|words| reply.contains(words))
}

#[cfg(test)]
mod tests;
