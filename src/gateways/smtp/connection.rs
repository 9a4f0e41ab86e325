//! One connection to the mail server: opened, encrypted, signed in, and then used for one mail after the other. It
//! always knows how far the transfer of a mail has come; `reply.rs` decides what that means.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use lettre::{
    Address, Message,
    transport::smtp::{
        self,
        authentication::Mechanism,
        client::AsyncSmtpConnection,
        commands::{Data, Mail, Rcpt, Rset},
        extension::{Extension, MailBodyParameter, MailParameter},
        response::{Response, Severity},
    },
};

use super::{
    reply::{Cause, SmtpError, Stage},
    settings::{Encryption, Server},
};

/// What is sent over the connection for one mail.
pub(super) struct Envelope {
    from: Option<Address>,
    to: Address,
    text: Vec<u8>,
}

impl Envelope {
    /// The message to be sent; `None` if it has no recipient.
    pub(super) fn of(message: &Message) -> Option<Self> {
        let envelope = message.envelope();
        let to = envelope.to().first()?.clone();
        Some(Self { from: envelope.from().cloned(), to, text: message.formatted() })
    }

    fn is_international(&self) -> bool {
        let is_ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
        !self.from.as_ref().is_none_or(is_ascii) || !is_ascii(&self.to)
    }
}

/// An open connection.
pub(super) struct Connection {
    inner: AsyncSmtpConnection,
    timeout: Duration,
}

impl Connection {
    /// Connects, encrypts and signs in according to the settings.
    pub(super) async fn open(server: &Server) -> Result<Self, SmtpError> {
        let wrapper = match &server.encryption {
            Encryption::Wrapper(parameters) => Some(parameters.clone()),
            Encryption::None | Encryption::Opportunistic(_) | Encryption::Required(_) => None,
        };
        let address = (server.host.as_str(), server.port);
        let connecting = AsyncSmtpConnection::connect_tokio1(address, None, &server.hello, wrapper, None);
        let inner = bounded(server.timeout, Stage::Connecting, connecting).await?;
        let mut connection = Self { inner, timeout: server.timeout };
        match &server.encryption {
            Encryption::Required(parameters) => connection.encrypt(server, parameters).await?,
            Encryption::Opportunistic(parameters) if connection.inner.can_starttls() => {
                connection.encrypt(server, parameters).await?;
            }
            Encryption::Opportunistic(_) | Encryption::None | Encryption::Wrapper(_) => {}
        }
        if let Some(credentials) = &server.credentials {
            let signing_in = connection.inner.auth(&[Mechanism::Plain, Mechanism::Login], credentials);
            bounded(server.timeout, Stage::SigningIn, signing_in).await?;
        }
        Ok(connection)
    }

    async fn encrypt(&mut self, server: &Server, parameters: &smtp::client::TlsParameters) -> Result<(), SmtpError> {
        let encrypting = self.inner.starttls(parameters.clone(), &server.hello);
        bounded(self.timeout, Stage::Connecting, encrypting).await
    }

    /// Hands one mail over. `Ok` means that the server has taken responsibility for it.
    pub(super) async fn deliver(&mut self, envelope: &Envelope) -> Result<(), SmtpError> {
        let parameters = self.parameters(envelope)?;
        let sender = Mail::new(envelope.from.clone(), parameters);
        let reply = bounded(self.timeout, Stage::Sender, self.inner.command(sender)).await?;
        expect(&reply, Stage::Sender, Severity::PositiveCompletion)?;
        let recipient = Rcpt::new(envelope.to.clone(), Vec::new());
        let reply = bounded(self.timeout, Stage::Recipient, self.inner.command(recipient)).await?;
        expect(&reply, Stage::Recipient, Severity::PositiveCompletion)?;
        let reply = bounded(self.timeout, Stage::Data, self.inner.command(Data)).await?;
        expect(&reply, Stage::Data, Severity::PositiveIntermediate)?;
        let is_whole = AtomicBool::new(false);
        let text = Text { rest: Some(&envelope.text), is_whole: &is_whole };
        let reply = bounded(self.timeout, Stage::Text, self.inner.message_iter(text)).await.map_err(|trouble| {
            // Without the last line the server cannot have accepted the mail; after it, only the reply would tell.
            let stage = if is_whole.load(Ordering::Relaxed) { Stage::Handed } else { Stage::Text };
            SmtpError { stage, ..trouble }
        })?;
        expect(&reply, Stage::Handed, Severity::PositiveCompletion)
    }

    /// Resets the connection after a refused mail; returns whether it can be used for another one.
    pub(super) async fn reset(&mut self) -> bool {
        bounded(self.timeout, Stage::Sender, self.inner.command(Rset)).await.is_ok()
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        let _ = bounded(self.timeout, Stage::Sender, self.inner.quit()).await;
    }

    fn parameters(&self, envelope: &Envelope) -> Result<Vec<MailParameter>, SmtpError> {
        let server = self.inner.server_info();
        let mut parameters = Vec::new();
        if envelope.is_international() {
            if !server.supports_feature(Extension::SmtpUtfEight) {
                return Err(SmtpError { stage: Stage::Recipient, why: Cause::International });
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !envelope.text.is_ascii() && server.supports_feature(Extension::EightBitMime) {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok(parameters)
    }
}

/// Hands the text to the writer, and records when the writer asks for more: then it writes the last line of the mail.
struct Text<'a> {
    rest: Option<&'a [u8]>,
    is_whole: &'a AtomicBool,
}

impl<'a> Iterator for Text<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest.take();
        if rest.is_none() {
            self.is_whole.store(true, Ordering::Relaxed);
        }
        rest
    }
}

async fn bounded<T>(
    timeout: Duration,
    stage: Stage,
    command: impl Future<Output = Result<T, smtp::Error>>,
) -> Result<T, SmtpError> {
    match tokio::time::timeout(timeout, command).await {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(error)) => Err(SmtpError { stage, why: Cause::of(&error) }),
        Err(_) => Err(SmtpError { stage, why: Cause::Silence }),
    }
}

/// A kind of reply that the command does not allow means that server and client are out of step.
fn expect(reply: &Response, stage: Stage, severity: Severity) -> Result<(), SmtpError> {
    if reply.code().severity == severity { Ok(()) } else { Err(SmtpError { stage, why: Cause::Broken }) }
}
