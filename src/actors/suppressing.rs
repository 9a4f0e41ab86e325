//! A mailer that remembers who cannot be reached: whoever sends, mailings or sign-ups, the address is kept from then on.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::{
    clock::SharedClock,
    gateways::{Error, Mail, Mailer},
    store::Suppressions,
};

/// Sends by another mailer, and suppresses addresses that the other side calls undeliverable. It sends to suppressed
/// addresses all the same: whether that makes sense is the sender's to know.
pub struct SuppressingMailer {
    mailer: Arc<dyn Mailer>,
    suppressions: Suppressions,
    clock: SharedClock,
}

impl SuppressingMailer {
    /// Around a mailer.
    #[must_use]
    pub fn new(mailer: Arc<dyn Mailer>, suppressions: Suppressions, clock: SharedClock) -> Self {
        Self { mailer, suppressions, clock }
    }
}

impl Mailer for SuppressingMailer {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let sent = self.mailer.send(mail).await;
            if let Err(Error::Undeliverable(reason)) = &sent
                && let Err(error) = self.suppressions.add(&mail.to, reason, self.clock.now()).await
            {
                // The next refusal suppresses it.
                tracing::warn!(message_id = %mail.message_id, %error, "an undeliverable address could not be suppressed");
            }
            sent
        })
    }

    fn is_idempotent(&self) -> bool {
        self.mailer.is_idempotent()
    }

    fn at_once(&self) -> usize {
        self.mailer.at_once()
    }
}
