//! External services: mail and moderation, each a trait with real implementations.
//!
//! Gateways know `domain` and the plain settings handed to them. No actix, no database, no configuration files.

mod composer;
mod dkim;
mod error;
mod folder;
pub(crate) mod llm;
mod mailer;
mod moderator;
mod rules;
pub(crate) mod smtp;

pub use composer::Composer;
pub use dkim::Dkim;
pub use error::Error;
pub use folder::FolderMailer;
pub use lettre::message::Mailbox;
pub use llm::{ApiKey, ModelClientError, ModelModerator, ModelProvider, ModelSettings, Prices};
pub use mailer::{Mail, Mailer, mail_host};
pub use moderator::{Moderator, Submission};
pub use rules::{RulesModerator, RulesSettings};
pub use smtp::{SettingsError, SmtpMailer, SmtpSettings};
