//! DKIM (RFC 6376, RFC 8463): signs every mail for a domain. The caller provides the key.

mod private_key;

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use lettre::message::{
    Message,
    dkim::{DkimCanonicalization, DkimCanonicalizationType, DkimConfig, DkimSigningAlgorithm, DkimSigningKey},
    header::HeaderName,
};

use self::private_key::{PrivateKey, private_key};
use super::SettingsError;

/// The headers the signature covers. Headers that a mail does not have are listed as well, so that no one can add them
/// on the way. RFC 8058 requires both headers about unsubscribing.
const SIGNED: [&str; 12] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Auto-Submitted",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];

/// Signs messages with rsa-sha256 or ed25519-sha256, relaxed/relaxed.
pub struct Dkim(DkimConfig);

impl Dkim {
    /// A signer for `domain`, whose public key is in the DNS at `selector._domainkey.domain`. The key is a PEM text
    /// (`RSA PRIVATE KEY`, or `PRIVATE KEY` with an RSA or Ed25519 key), or the base64 of an Ed25519 seed.
    ///
    /// # Errors
    /// Names the invalid setting; an invalid key under `key_setting`.
    pub fn new(domain: &str, selector: &str, key: &str, key_setting: &'static str) -> Result<Self, SettingsError> {
        for (setting, text) in [("mail.dkim_domain", domain), ("mail.dkim_selector", selector)] {
            let is_name = text.split('.').all(|label| {
                !label.is_empty()
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            });
            if !is_name {
                return Err(SettingsError { key: setting, problem: "must be a name in the DNS, such as example.org" });
            }
        }
        let key = signing_key(key).ok_or(SettingsError {
            key: key_setting,
            problem: "must hold an RSA or Ed25519 private key in PEM, or the base64 of an Ed25519 seed",
        })?;
        let relaxed =
            DkimCanonicalization { header: DkimCanonicalizationType::Relaxed, body: DkimCanonicalizationType::Relaxed };
        let signed = SIGNED.map(HeaderName::new_from_ascii_str).to_vec();
        Ok(Self(DkimConfig::new(selector.to_owned(), domain.to_owned(), key, signed, relaxed)))
    }

    /// Adds the signature. Nothing may change the message afterwards.
    pub(super) fn sign(&self, message: &mut Message) {
        message.sign(&self.0);
    }
}

impl fmt::Debug for Dkim {
    /// Does not show the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dkim(…)")
    }
}

fn signing_key(text: &str) -> Option<DkimSigningKey> {
    // In environment variables, line ends are often written as `\n`.
    let text = text.replace("\\n", "\n").replace('\r', "");
    let text = text.trim();
    if text.starts_with("-----BEGIN RSA PRIVATE KEY-----") {
        return DkimSigningKey::new(text, DkimSigningAlgorithm::Rsa).ok();
    }
    let base64: String = match text.strip_prefix("-----BEGIN PRIVATE KEY-----") {
        Some(rest) => rest.strip_suffix("-----END PRIVATE KEY-----")?.split_whitespace().collect(),
        None => text.split_whitespace().collect(),
    };
    let bytes = STANDARD.decode(base64).ok()?;
    if bytes.len() == 32 {
        return DkimSigningKey::new(&STANDARD.encode(bytes), DkimSigningAlgorithm::Ed25519).ok();
    }
    match private_key(&bytes)? {
        PrivateKey::Rsa(key) => {
            let text = format!("-----BEGIN RSA PRIVATE KEY-----\n{}-----END RSA PRIVATE KEY-----\n", lines(key));
            DkimSigningKey::new(&text, DkimSigningAlgorithm::Rsa).ok()
        }
        PrivateKey::Ed25519(seed) => DkimSigningKey::new(&STANDARD.encode(seed), DkimSigningAlgorithm::Ed25519).ok(),
    }
}

/// The base64 of a PEM: 64 characters per line.
fn lines(der: &[u8]) -> String {
    der.chunks(48).map(|chunk| format!("{}\n", STANDARD.encode(chunk))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519_PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
        -----END PRIVATE KEY-----\n";

    #[test]
    fn an_ed25519_key_may_be_a_pem_or_a_seed() {
        let seed = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
        for key in [ED25519_PEM, seed, &ED25519_PEM.replace('\n', "\\n"), &ED25519_PEM.replace('\n', "\r\n")] {
            assert!(Dkim::new("example.org", "s1", key, "mail.dkim_key").is_ok(), "{key}");
        }
    }

    #[test]
    fn a_wrong_setting_is_named_and_the_key_is_not_repeated() {
        let of = |domain: &str, selector: &str, key: &str| {
            Dkim::new(domain, selector, key, "mail.dkim_key_file").unwrap_err().to_string()
        };
        assert!(of("", "s1", ED25519_PEM).starts_with("mail.dkim_domain "));
        assert!(of("example.org\r\nX: y", "s1", ED25519_PEM).starts_with("mail.dkim_domain "));
        assert!(of("example.org", "s 1", ED25519_PEM).starts_with("mail.dkim_selector "));
        for key in ["", "s3cret", "-----BEGIN RSA PRIVATE KEY-----\ns3cret\n-----END RSA PRIVATE KEY-----"] {
            let error = of("example.org", "s1", key);
            assert!(error.starts_with("mail.dkim_key_file ") && !error.contains("s3cret"), "{error}");
        }
    }
}
