//! Who somebody is, without HTTP: the codes that are mailed, the hashes of passwords, the tokens. What an account owns or may do
//! lives in `domain`, rows live in `store`, and the routes in `http::identity`.

pub mod codes;
pub mod passwords;
pub mod refresh_token;
pub mod tokens;

pub use codes::{Codes, ConfirmationCode, TooManyCodes};
pub use passwords::{PasswordError, Passwords};
pub use refresh_token::RefreshToken;
pub use tokens::{Claims, Issued, SignError, TokenError, Tokens};
