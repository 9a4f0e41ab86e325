//! The replies of mail servers.

use crate::gateways::{
    Error,
    smtp::reply::{Cause, SmtpError, Stage},
};

const STAGES: [Stage; 7] =
    [Stage::Connecting, Stage::SigningIn, Stage::Sender, Stage::Recipient, Stage::Data, Stage::Text, Stage::Handed];

/// Whatever a mail server replies at any stage: our messages do not repeat its words, no mail is given up because of a
/// temporary error, and only a mail that was handed over can be in doubt.
pub fn smtp_reply(data: &[u8]) {
    let Some(([stage, kind, code @ ..], text)) = data.split_first_chunk::<4>() else { return };
    let stage = STAGES[usize::from(*stage) % STAGES.len()];
    let text = String::from_utf8_lossy(text).into_owned();
    let code = 200 + u16::from_be_bytes(*code) % 400;
    let why = match kind % 6 {
        0 => Cause::Silence,
        1 => Cause::Broken,
        2 => Cause::Insecure,
        3 => Cause::Lacking,
        4 => Cause::International,
        _ => Cause::Reply { code, text },
    };
    let trouble = SmtpError { stage, why };
    let meaning = trouble.meaning();
    let words = meaning.to_string();
    let ours = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, ' ' | ',' | '.' | '-' | '(' | ')');
    assert!(words.chars().all(ours) && words.len() < 100, "{words:?}");
    let (is_reply, is_silence) = match &trouble.why {
        Cause::Reply { code, .. } => (*code < 500, false),
        why => (false, matches!(why, Cause::Silence | Cause::Broken)),
    };
    assert!(!is_reply || meaning.is_transient(), "{trouble:?} is given up: {meaning:?}");
    let is_in_doubt = stage == Stage::Handed && is_silence;
    assert_eq!(matches!(meaning, Error::Uncertain(_)), is_in_doubt, "{trouble:?}");
    let is_early = matches!(stage, Stage::Connecting | Stage::SigningIn | Stage::Sender);
    assert!(!is_early || meaning.is_transient() || trouble.why == Cause::International, "{trouble:?}: {meaning:?}");
}
