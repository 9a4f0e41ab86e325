//! Detects signs that a post addresses the moderator instead of its readers. A sign rejects nothing; it only means that
//! an approval needs a person.
//!
//! Matching words finds attempts that are copied from elsewhere. It does not cover every language, spelling and cipher;
//! the defence against those is the marked data, the word that the model must repeat, and an answer that can only be a
//! verdict.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::chunks::is_invisible;
use crate::gateways::Submission;

mod phrases;

/// Shorter base64 cannot hide a sentence.
const SHORTEST_BASE64: usize = 24;

/// Accepts base64 with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What the post does, as a text that follows "the post"; `None` if there is no sign.
pub(crate) fn find(submission: &Submission<'_>) -> Option<&'static str> {
    let tags = submission.tags.iter().map(|tag| tag.as_str());
    let mut texts = [submission.title, submission.body].into_iter().chain(tags);
    texts.find_map(|text| in_text(text).or_else(|| in_base64(text)))
}

fn in_text(text: &str) -> Option<&'static str> {
    let folded = fold(text);
    if let Some((_, sign)) = phrases::RAW.iter().find(|(phrase, _)| folded.contains(phrase)) {
        return Some(sign);
    }
    let words: Vec<&str> = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    (0..words.len()).find_map(|start| {
        let rest = words.get(start..)?;
        phrases::SPOKEN.iter().find(|phrase| phrase.begins(rest)).map(|phrase| phrase.sign)
    })
}

fn in_base64(text: &str) -> Option<&'static str> {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
    let runs = text.split(|c| !is_base64(c)).filter(|run| run.len() >= SHORTEST_BASE64);
    let hides = |run: &str| {
        let whole = if run.len() % 4 == 1 { run.len() - 1 } else { run.len() };
        let bytes = BASE64.decode(run.get(..whole)?.replace('-', "+").replace('_', "/")).ok()?;
        in_text(&String::from_utf8_lossy(&bytes))
    };
    runs.filter_map(hides).next().map(|_| "addresses the moderator in base64")
}

/// The text in lower case, without what is invisible, and with look-alikes replaced by the letters they look like.
fn fold(text: &str) -> String {
    text.chars().filter_map(unmasked).flat_map(char::to_lowercase).collect()
}

/// The character that is meant: the letter that a tag character or a full-width one stands for, or that a Cyrillic or
/// Greek one looks like. `None` for invisible ones.
fn unmasked(character: char) -> Option<char> {
    const ALIKE: [(&str, &str); 2] = [
        ("аеорсухіѕјԁɡһӏԛԝАВЕКМНОРСТУХІЅЈ", "aeopcyxisjdghlqwABEKMHOPCTYXISJ"),
        ("οαεινρτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "oaeivptuxABEZHIKMNOPTYX"),
    ];
    let code = u32::from(character);
    match character {
        '\u{e0020}'..='\u{e007e}' => char::from_u32(code - 0xe0000),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(code - 0xfee0),
        _ if character.is_ascii() => Some(character),
        _ if is_invisible(character) => None,
        _ => {
            let pairs = ALIKE.iter().flat_map(|(from, to)| from.chars().zip(to.chars()));
            Some(pairs.into_iter().find(|(from, _)| *from == character).map_or(character, |(_, to)| to))
        }
    }
}

#[cfg(test)]
mod tests;
