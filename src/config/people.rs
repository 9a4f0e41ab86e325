//! The section `[identity]`.

use serde::{Deserialize, Serialize};

use super::{ConfigError, Secret, Span, check::Check};
use crate::domain::Email;

/// `[identity]`: accounts, codes and tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentitySettings {
    /// The issuer of tokens; empty: see [`super::Config::issuer`].
    pub issuer: String,
    /// The account that confirms this address becomes an administrator.
    pub bootstrap_admin_email: Secret,
    /// How long an access token is valid.
    pub access_token_ttl: Span,
    /// How long a refresh token is valid.
    pub refresh_token_ttl: Span,
    /// How long a refresh token may be used again after its rotation.
    pub refresh_grace: Span,
    /// How long a mailed code is valid.
    pub code_ttl: Span,
    /// How many attempts a mailed code has.
    pub code_tries: u32,
    /// The memory for hashing a password, in KiB.
    pub argon2_memory_kib: u32,
    /// The number of passes over that memory.
    pub argon2_iterations: u32,
    /// The number of lanes (argon2's parallelism).
    pub argon2_parallelism: u32,
}

impl Default for IdentitySettings {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            bootstrap_admin_email: Secret::default(),
            access_token_ttl: Span::minutes(15),
            refresh_token_ttl: Span::days(30),
            refresh_grace: Span::from_secs(10),
            code_ttl: Span::minutes(15),
            code_tries: 5,
            argon2_memory_kib: 19_456,
            argon2_iterations: 2,
            argon2_parallelism: 1,
        }
    }
}

impl IdentitySettings {
    /// The address whose account becomes an administrator, if it is set.
    #[must_use]
    pub fn bootstrap_admin(&self) -> Option<Email> {
        Email::parse(self.bootstrap_admin_email.expose()).ok()
    }

    pub(super) fn check(&self, check: &Check<'_>) -> Result<(), ConfigError> {
        let second = Span::from_secs(1);
        check.web_url("identity.issuer", &self.issuer)?;
        let is_email = self.bootstrap_admin_email.is_empty() || self.bootstrap_admin().is_some();
        check.that(is_email, "identity.bootstrap_admin_email", "must be an e-mail address")?;
        check.within("identity.access_token_ttl", self.access_token_ttl, second..=Span::days(1))?;
        check.within("identity.refresh_token_ttl", self.refresh_token_ttl, second..=Span::days(365))?;
        let is_longer = self.refresh_token_ttl > self.access_token_ttl;
        let key = if check.is_set("identity.refresh_token_ttl") { "refresh_token_ttl" } else { "access_token_ttl" };
        let message = "identity.refresh_token_ttl must be longer than identity.access_token_ttl";
        check.that(is_longer, &format!("identity.{key}"), message)?;
        check.within("identity.refresh_grace", self.refresh_grace, Span::default()..=Span::minutes(5))?;
        check.within("identity.code_ttl", self.code_ttl, second..=Span::days(1))?;
        check.within("identity.code_tries", self.code_tries, 1..=20)?;
        check.within("identity.argon2_iterations", self.argon2_iterations, 1..=100)?;
        check.within("identity.argon2_parallelism", self.argon2_parallelism, 1..=64)?;
        let least = self.argon2_parallelism.saturating_mul(8);
        check.within("identity.argon2_memory_kib", self.argon2_memory_kib, least..=4_194_304)
    }
}
