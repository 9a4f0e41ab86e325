//! The links in mails that work without signing in: signed, without expiry, each for one purpose only (RFC 8058).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::AccountId;

/// The length of an account's id as text.
const ID_BYTES: usize = 26;

/// What a link does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailLink {
    /// Stops mails about new posts.
    Unsubscribe,
    /// Starts them again.
    Subscribe,
}

impl MailLink {
    const fn purpose(self) -> &'static [u8] {
        match self {
            Self::Unsubscribe => b"unsubscribe new_posts",
            Self::Subscribe => b"subscribe new_posts",
        }
    }
}

/// Makes and verifies the tokens in links. The same link for the same account always has the same token.
#[derive(Clone)]
pub struct MailLinkKey([u8; 32]);

impl MailLinkKey {
    /// Creates it from a key that nothing else uses.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The token of a link: letters, digits, `-` and `_`.
    #[must_use]
    pub fn token(&self, link: MailLink, account: AccountId) -> String {
        let account = account.to_string();
        let signature = self.mac(link, &account).map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default();
        format!("{account}{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The account a link is for, if this server made it for this purpose. Does not check that the account exists.
    #[must_use]
    pub fn open(&self, link: MailLink, token: &str) -> Option<AccountId> {
        let (account, signature) = token.split_at_checked(ID_BYTES)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.mac(link, account)?.verify_slice(&signature).ok()?;
        account.parse().ok()
    }

    fn mac(&self, link: MailLink, account: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(link.purpose());
        mac.update(b"\n");
        mac.update(account.as_bytes());
        Some(mac)
    }
}

impl std::fmt::Debug for MailLinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MailLinkKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_its_own_link_only() {
        let (key, account) = (MailLinkKey::new([7; 32]), AccountId::generate());
        let token = key.token(MailLink::Unsubscribe, account);
        assert_eq!(key.open(MailLink::Unsubscribe, &token), Some(account));
        assert_eq!(key.open(MailLink::Subscribe, &token), None);
        assert_eq!(MailLinkKey::new([8; 32]).open(MailLink::Unsubscribe, &token), None);
        let other = format!("{}{}", AccountId::generate(), &token[ID_BYTES..]);
        assert_eq!(key.open(MailLink::Unsubscribe, &other), None);
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) && token.len() < 80);
    }

    #[test]
    fn nothing_else_opens_anything() {
        let key = MailLinkKey::new([7; 32]);
        let token = key.token(MailLink::Unsubscribe, AccountId::generate());
        for end in 0..token.len() {
            assert_eq!(key.open(MailLink::Unsubscribe, &token[..end]), None, "{end}");
        }
        for text in ["é".repeat(40), "=".repeat(69), format!("{token}A"), token.to_lowercase()] {
            assert_eq!(key.open(MailLink::Unsubscribe, &text), None, "{text}");
        }
    }
}
