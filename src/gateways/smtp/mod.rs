//! Mail over SMTP, on our own connections, so that we know how far each transfer has come, and with a limit on mails
//! per second.
//!
//! `connection.rs` talks to the server, `reply.rs` classifies its replies, `pool.rs` keeps connections for the next
//! mail.

mod connection;
mod pool;
pub(crate) mod reply;
mod settings;

use std::{fmt, sync::Arc, time::SystemTime};

use futures_util::future::BoxFuture;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use lettre::Message;
use tokio::sync::Semaphore;

use super::{Composer, Error, Mail, Mailer};
pub use settings::{SettingsError, SmtpSettings};
use {
    connection::{Connection, Envelope},
    pool::Pool,
    reply::SmtpError,
    settings::Server,
};

/// Sends mail through an SMTP server.
pub struct SmtpMailer {
    server: Arc<Server>,
    pool: Arc<Pool>,
    limiter: DefaultDirectRateLimiter,
    slots: Arc<Semaphore>,
    at_once: usize,
    composer: Composer,
}

impl SmtpMailer {
    /// A mailer with these settings. It connects when there is something to send.
    ///
    /// # Errors
    /// The invalid setting.
    pub fn new(settings: &SmtpSettings, composer: Composer) -> Result<Self, SettingsError> {
        let at_once = settings.connections()?;
        Ok(Self {
            server: Arc::new(settings.server()?),
            pool: Arc::default(),
            limiter: RateLimiter::direct(Quota::per_second(settings.per_second()?)),
            slots: Arc::new(Semaphore::new(at_once)),
            at_once,
            composer,
        })
    }

    async fn hand_over(&self, message: &Message) -> Result<(), Error> {
        let stopped = || Error::Transient("the mailer is shutting down".to_owned());
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| stopped())?;
        self.limiter.until_ready().await;
        let envelope = Envelope::of(message).ok_or_else(|| Error::Permanent("the mail has no recipient".to_owned()))?;
        let (server, pool) = (Arc::clone(&self.server), Arc::clone(&self.pool));
        // A task of its own, limited by the timeout of each command: a caller that gives up must neither leave a
        // connection with an unread reply nor interrupt a mail in the middle.
        let sending = tokio::spawn(async move {
            let sent = deliver(&server, &pool, &envelope).await;
            drop(slot);
            sent
        });
        match sending.await {
            Ok(sent) => sent.map_err(|trouble| trouble.meaning()),
            // The task may have stopped at any point.
            Err(_) => Err(Error::Uncertain("the mailer stopped in the middle of a mail".to_owned())),
        }
    }
}

/// Hands a mail over, on an open connection if there is one, otherwise on a new one.
async fn deliver(server: &Server, pool: &Arc<Pool>, envelope: &Envelope) -> Result<(), SmtpError> {
    if let Some(connection) = pool.take() {
        match deliver_on(connection, pool, envelope).await {
            // The server has closed it meanwhile, before any part of this mail was sent.
            Err(trouble) if trouble.is_stale() => pool.clear(),
            ended => return ended,
        }
    }
    deliver_on(Connection::open(server).await?, pool, envelope).await
}

/// Hands a mail over, and keeps the connection if it can be used again.
async fn deliver_on(mut connection: Connection, pool: &Arc<Pool>, envelope: &Envelope) -> Result<(), SmtpError> {
    let ended = connection.deliver(envelope).await;
    let is_good = match &ended {
        Ok(()) => true,
        Err(trouble) => trouble.leaves_the_connection() && connection.reset().await,
    };
    if is_good {
        pool.put(connection);
    }
    ended
}

impl Mailer for SmtpMailer {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let message = self.composer.compose(mail, SystemTime::now())?;
            self.hand_over(&message).await
        })
    }

    fn is_idempotent(&self) -> bool {
        false
    }

    fn at_once(&self) -> usize {
        self.at_once
    }
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
