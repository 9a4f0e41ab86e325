//! E-mail addresses. Only sending mail can show whether an address works.

use std::{fmt, str::FromStr};

use email_address::{EmailAddress, Options};

use super::{check_characters, check_length};
use crate::domain::Invalid;

text_newtype!(
    /// An e-mail address, all in lower case: it identifies an account, and no major provider distinguishes `Ada@` from
    /// `ada@`.
    Email
);

impl Email {
    /// Trims, lower-cases and checks an address. No display names, no IP addresses, at least one dot in the domain.
    ///
    /// # Errors
    /// `empty`, `too_long` (above 254 bytes), `control_characters` or `invalid_email`, on the field `email`.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        const MAX_BYTES: usize = 254;
        let text = text.trim().to_lowercase();
        check_length("email", &text, 1, MAX_BYTES)?;
        if text.len() > MAX_BYTES {
            return Err(Invalid::new("email", "too_long", format!("must have at most {MAX_BYTES} bytes")));
        }
        check_characters("email", &text, &[])?;
        let options = Options { minimum_sub_domains: 2, allow_domain_literal: false, allow_display_text: false };
        EmailAddress::parse_with_options(&text, options).map_err(|_| {
            Invalid::new("email", "invalid_email", "must be an e-mail address, such as ada@example.org")
        })?;
        Ok(Self(text))
    }

    /// The part after the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl FromStr for Email {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl fmt::Debug for Email {
    /// Hides the address: it does not belong in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_in_lower_case() {
        let email = Email::parse(" Ada.Lovelace+News@Example.ORG ").unwrap();
        assert_eq!(email.as_str(), "ada.lovelace+news@example.org");
        assert_eq!(email.domain(), "example.org");
    }

    #[test]
    fn what_is_no_plain_address_is_refused() {
        for text in [
            "ada",
            "@example.org",
            "ada@",
            "ada@localhost",
            "ada@[127.0.0.1]",
            "a b@example.org",
            "Ada <ada@example.org>",
        ] {
            assert_eq!(Email::parse(text).unwrap_err().code, "invalid_email", "{text}");
        }
        assert_eq!(Email::parse("ada@example.org\nbcc: x@example.org").unwrap_err().code, "control_characters");
        assert_eq!(Email::parse(&format!("ada@{}example.org", "x.".repeat(150))).unwrap_err().code, "too_long");
    }

    #[test]
    fn an_address_does_not_show_itself_in_logs() {
        assert_eq!(format!("{:?}", Email::parse("ada@example.org").unwrap()), "Email(…)");
    }
}
