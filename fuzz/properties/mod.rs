//! What must hold for any input: one function per target, which panics if it does not hold.
//!
//! `cargo fuzz` calls them with generated input, and the unit tests of the main crate with every input in `corpus/`, so
//! an input that once broke a property stays a test. Paths start with `crate::`, because both crates mount this folder.

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

/// Panics if the property does not hold for this input.
pub type Property = fn(&[u8]);

/// Every target by its name, which is also the name of its file in `fuzz_targets/`, its folder in `corpus/` and its
/// function here.
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

/// Splits an input into the texts that a target takes. They are separated by the byte 0xff, which never occurs in
/// UTF-8; missing texts are empty.
fn texts<const N: usize>(data: &[u8]) -> [String; N] {
    let mut pieces = data.splitn(N, |byte| *byte == 0xff);
    std::array::from_fn(|_| String::from_utf8_lossy(pieces.next().unwrap_or_default()).into_owned())
}

/// Whether a message is one line that is safe for a terminal.
fn is_one_line(message: &str) -> bool {
    !message.is_empty() && !message.contains(char::is_control)
}
