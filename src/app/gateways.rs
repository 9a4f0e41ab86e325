//! The gateways that a configuration asks for.

use std::sync::Arc;

use anyhow::Context as _;

use crate::{
    config::{Config, MailTransport, ModerationProvider},
    gateways::{FolderMailer, Mailbox, Mailer, Moderator, RulesModerator, RulesSettings, SmtpMailer, SmtpSettings},
};

/// The mailer in `[mail]`.
pub(super) fn mailer(config: &Config) -> anyhow::Result<Arc<dyn Mailer>> {
    let from: Mailbox = config.mail.from.parse().context("mail.from is not a mailbox")?;
    Ok(match config.mail.transport {
        MailTransport::Folder => {
            let folder = config.mail_folder();
            let shown = folder.display().to_string();
            Arc::new(FolderMailer::new(folder, from).with_context(|| format!("cannot use the mail folder {shown}"))?)
        }
        MailTransport::Smtp => {
            let settings = SmtpSettings {
                connections: config.mail.connections,
                per_second: config.mail.per_second,
                timeout: config.mail.timeout.get(),
                ..SmtpSettings::new(config.mail.smtp_url.expose().to_owned())
            };
            Arc::new(SmtpMailer::new(&settings, from)?)
        }
    })
}

/// The moderator in `[moderation]`; the configuration has refused what is not built yet.
pub(super) fn moderator(config: &Config) -> Arc<dyn Moderator> {
    match config.moderation.provider {
        ModerationProvider::Rules | ModerationProvider::Bedrock | ModerationProvider::OpenAi => {
            let settings = RulesSettings { max_links: config.moderation.max_links, ..RulesSettings::default() };
            Arc::new(RulesModerator::new(settings))
        }
    }
}
