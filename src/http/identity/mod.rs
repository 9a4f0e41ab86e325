//! Who somebody is: sign-up by e-mail, confirmation by code, sign-in, and the tokens that the rest of the API asks for.
//! What an account owns or may do lives in `domain`; its rows live in `store`; how often a client may try is
//! `http::rate_limit`'s.

pub mod codes;
pub mod confirm;
pub mod mail;
pub mod passwords;
pub mod refresh;
pub mod refresh_token;
pub mod resend_code;
pub mod sign_in;
pub mod sign_out;
pub mod sign_up;
pub mod tokens;

use super::problem::Problem;

pub use codes::Codes;
pub use passwords::{PasswordError, Passwords};
pub use refresh_token::RefreshToken;
pub use tokens::{Claims, Issued, SignError, TokenError, Tokens};

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        Self::internal(error)
    }
}

impl From<SignError> for Problem {
    fn from(error: SignError) -> Self {
        Self::internal(error)
    }
}
