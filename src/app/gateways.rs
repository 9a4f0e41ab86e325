//! Creates the gateways that the configuration names.

use std::{fs, path::Path, sync::Arc};

use anyhow::Context as _;

use crate::{
    clock::SharedClock,
    config::{Config, MailTransport, ModerationProvider},
    gateways::{
        ApiKey, Composer, Dkim, FolderMailer, Mailbox, Mailer, ModelModerator, ModelProvider, ModelSettings, Moderator,
        Prices, RulesModerator, RulesSettings, SettingsError, SmtpMailer, SmtpSettings,
    },
};

/// The mailer for `[mail]`.
pub(super) fn mailer(config: &Config) -> anyhow::Result<Arc<dyn Mailer>> {
    Ok(match config.mail.transport {
        MailTransport::Folder => {
            let folder = config.mail_folder();
            let shown = folder.display().to_string();
            let mailer = FolderMailer::new(folder, composer(config)?);
            Arc::new(mailer.with_context(|| format!("cannot use the mail folder {shown}"))?)
        }
        MailTransport::Smtp => Arc::new(smtp_mailer(config)?),
    })
}

/// Checks `[mail]`, including the key and certificate files. Sends nothing and creates no folder.
///
/// # Errors
/// One line that names the invalid setting.
pub fn check_mail(config: &Config) -> anyhow::Result<()> {
    composer(config)?;
    if config.mail.transport == MailTransport::Smtp {
        smtp_mailer(config)?;
    }
    Ok(())
}

fn smtp_mailer(config: &Config) -> anyhow::Result<SmtpMailer> {
    let ca = &config.mail.smtp_ca_file;
    let settings = SmtpSettings {
        ca: (!ca.as_os_str().is_empty()).then(|| read(ca, "mail.smtp_ca_file")).transpose()?,
        connections: config.mail.connections,
        per_second: config.mail.per_second,
        timeout: config.mail.timeout.get(),
        ..SmtpSettings::new(config.mail.smtp_url.expose().to_owned())
    };
    Ok(SmtpMailer::new(&settings, composer(config)?)?)
}

fn composer(config: &Config) -> anyhow::Result<Composer> {
    let from: Mailbox = config.mail.from.parse().context("mail.from is not a mailbox")?;
    Ok(Composer::new(from).signed(dkim(config)?))
}

fn dkim(config: &Config) -> Result<Option<Dkim>, SettingsError> {
    const FILE: &str = "mail.dkim_key_file";
    let mail = &config.mail;
    if mail.dkim_domain.is_empty() {
        return Ok(None);
    }
    let (domain, selector) = (&mail.dkim_domain, &mail.dkim_selector);
    if !mail.dkim_key.is_empty() {
        return Dkim::new(domain, selector, mail.dkim_key.expose(), "mail.dkim_key").map(Some);
    }
    let key = String::from_utf8(read(&mail.dkim_key_file, FILE)?).unwrap_or_default();
    Dkim::new(domain, selector, &key, FILE).map(Some)
}

fn read(path: &Path, key: &'static str) -> Result<Vec<u8>, SettingsError> {
    fs::read(path).map_err(|_| SettingsError { key, problem: "names a file that cannot be read" })
}

/// The moderator for `[moderation]`.
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
        author_daily_calls: settings.author_daily_calls,
        calls_per_second: settings.calls_per_second,
        timeout: settings.timeout.get(),
        deadline: settings.deadline.get(),
        chunk_bytes: settings.chunk_size.bytes(),
    };
    Ok(Arc::new(ModelModerator::new(model, Arc::clone(clock))?))
}
