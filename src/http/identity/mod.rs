//! The routes by which somebody proves who they are: sign-up by e-mail, confirmation by code, sign-in, and the tokens that the rest
//! of the API asks for. How codes, hashes and tokens are made is `crate::identity`'s; how often a client may try is
//! `http::rate_limit`'s.

pub mod confirm;
pub mod mail;
pub mod refresh;
pub mod resend_code;
pub mod sign_in;
pub mod sign_out;
pub mod sign_up;
