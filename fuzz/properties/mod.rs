//! What must hold whatever a stranger sends: one function per target, which panics if it does not hold.
//!
//! `cargo fuzz` calls them with what it makes up, and the unit tests of the main crate with every input in `corpus/`, so an input
//! that once broke a promise stays a test. Paths begin with `crate::`, because both crates mount this folder.

mod atom;
mod cause;
mod config;
mod cursors;
mod front_matter;
mod headers;
mod html;
mod mail;
mod markdown;
mod moderation;
mod people;
#[cfg(test)]
mod replay;
mod search;
mod smtp_reply;
mod snippets;
mod text;
mod tokens;

pub use self::{
    atom::atom, cause::cause, config::config, cursors::cursors, front_matter::front_matter, headers::headers,
    mail::mail, markdown::markdown, moderation::moderation, search::search, smtp_reply::smtp_reply, snippets::snippets,
    text::text, tokens::tokens,
};

/// Panics if a promise is not kept for this input.
pub type Property = fn(&[u8]);

/// Every target by its name: that of its file in `fuzz_targets/`, of its folder in `corpus/` and of its function here.
pub const TARGETS: [(&str, Property); 14] = [
    ("atom", atom),
    ("cause", cause),
    ("config", config),
    ("cursors", cursors),
    ("front_matter", front_matter),
    ("headers", headers),
    ("mail", mail),
    ("markdown", markdown),
    ("moderation", moderation),
    ("search", search),
    ("smtp_reply", smtp_reply),
    ("snippets", snippets),
    ("text", text),
    ("tokens", tokens),
];

/// Cuts an input into the texts that a target takes. They are separated by the byte 0xff, which no UTF-8 holds; what is missing
/// is empty.
fn texts<const N: usize>(data: &[u8]) -> [String; N] {
    let mut pieces = data.splitn(N, |byte| *byte == 0xff);
    std::array::from_fn(|_| String::from_utf8_lossy(pieces.next().unwrap_or_default()).into_owned())
}

/// Whether a message is one line that a terminal can be sent.
fn is_one_line(message: &str) -> bool {
    !message.is_empty() && !message.contains(char::is_control)
}
