//! The gateways that a configuration asks for.

use std::sync::Arc;

use anyhow::Context as _;

use crate::{
    clock::SharedClock,
    config::{Config, MailTransport, ModerationProvider},
    gateways::{
        ApiKey, FolderMailer, Mailbox, Mailer, ModelModerator, ModelProvider, ModelSettings, Moderator, Prices,
        RulesModerator, RulesSettings, SmtpMailer, SmtpSettings,
    },
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

/// The moderator in `[moderation]`.
pub(super) fn moderator(config: &Config, clock: &SharedClock) -> anyhow::Result<Arc<dyn Moderator>> {
    let settings = &config.moderation;
    let provider = match settings.provider {
        ModerationProvider::Rules => {
            let rules = RulesSettings { max_links: settings.max_links, ..RulesSettings::default() };
            return Ok(Arc::new(RulesModerator::new(rules)));
        }
        ModerationProvider::Bedrock => ModelProvider::Bedrock { region: settings.region.clone() },
        ModerationProvider::OpenAi => ModelProvider::OpenAi,
    };
    let key = if !settings.api_key.is_empty() {
        ApiKey::Text(settings.api_key.expose().to_owned())
    } else if settings.api_key_file.as_os_str().is_empty() {
        ApiKey::Missing
    } else {
        ApiKey::File(settings.api_key_file.clone())
    };
    let model = ModelSettings {
        provider,
        base_url: settings.base_url.clone(),
        model: settings.model().to_owned(),
        key,
        prices: Prices { input_micros: settings.input_price_micros, output_micros: settings.output_price_micros },
        daily_budget_micros: settings.daily_budget_micros,
        calls_per_second: settings.calls_per_second,
        timeout: settings.timeout.get(),
        deadline: settings.deadline.get(),
        chunk_bytes: settings.chunk_size.bytes(),
    };
    Ok(Arc::new(ModelModerator::new(model, Arc::clone(clock))?))
}
