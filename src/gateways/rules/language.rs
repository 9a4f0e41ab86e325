//! The rule about language: slurs and threats, and texts that are mostly swearing or mostly sexual. Swearing as such is
//! allowed.
//!
//! The dictionary is `rustrict`'s, made for chats. A post is not a chat, so a word counts only if it *is* an entry or
//! an inflection of one, spelled in letters: no words inside words, no letters across spaces, no digits for letters.
//! The count is compared with the length of the text, because essays quote what they are about. Languages without
//! spaces between words, and most languages other than English, are not checked.

use std::collections::HashMap;

use rustrict::{Censor, Type};

use super::{Finding, prose::Prose};
use crate::domain::Decision;

/// Entries of the dictionary that are ordinary words, names or places in normal texts.
const ORDINARY: &str = "
    adolf ass assessed assessing asses bastard bastards bondage bugger buggers chink chinks cnt cock cocks coom coon
    coons cracker crackers ddix dic dick dlc dyke dykes eff fag fagot fagots fagott fags flange flanges flikker fok
    fuchs hoar hoe hoes hooker incest inseminate inseminated inseminating jiggery kkk kum kvm labia muff muffs nazi
    nazis neeger negr nga ngas nibba nicca nickher niger nijjer nippas noggers nuger nygar nygr passy penile penis
    phallus pinus prepubescent pron prostitute prostituted prostitutes pubescent rape raped rapes raping salopard
    scrotum semen sixt sodomy spunk testicle testicles vagina vibrator vulva wigger xff xoom";

/// Endings an inflected word may have after its entry.
const ENDINGS: [&str; 6] = ["", "s", "es", "ed", "ing", "y"];

/// Phrases that threaten someone or wish their death.
const THREATS: &[&[&str]] = &[
    &["kys"],
    &["kill", "yourself"],
    &["kill", "yourselves"],
    &["go", "hang", "yourself"],
    &["i", "will", "kill", "you"],
    &["i'll", "kill", "you"],
    &["i'm", "going", "to", "kill", "you"],
    &["i", "am", "going", "to", "kill", "you"],
    &["hope", "you", "die"],
    &["hope", "you", "all", "die"],
    &["hope", "you", "get", "cancer"],
    &["you", "deserve", "to", "die"],
    &["heil", "hitler"],
    &["gas", "the", "jews"],
];

/// Words before a threat that turn it into a different sentence: "don't kill yourself over it".
const SOFTENERS: [&str; 11] =
    ["not", "don't", "never", "to", "you'll", "will", "would", "could", "might", "almost", "nearly"];

/// The meaning of a word of the dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Slur,
    Sexual,
    Swearing,
}

/// Checks the words of a post.
pub(super) fn read(prose: &Prose) -> Vec<Finding> {
    let tally = Tally::of(prose);
    let total = prose.word_count();
    let mut findings = Vec::new();
    let mut find = |category, decision, says: &str| {
        findings.push(Finding { category, decision, says: says.to_owned() });
    };
    if tally.slurs > 0 {
        find("hate", weigh(tally.slurs, total), "uses slurs");
    }
    let threats = count_threats(&prose.words);
    if threats > 0 {
        find("threat", weigh(threats, total), "threatens somebody or wishes them dead");
    }
    if tally.swearing >= 3 && tally.swearing * 5 >= total {
        find("profanity", Decision::Reject, "is mostly swearing");
    }
    if tally.sexual >= 5 && tally.sexual_kinds >= 3 && tally.sexual * 50 >= total {
        find("sexual", Decision::Review, "reads like sexual content");
    }
    findings
}

/// One hit in 200 words or more characterises the text; fewer may be a quotation, and a person decides.
const fn weigh(hits: usize, total: usize) -> Decision {
    if hits.saturating_mul(200) >= total { Decision::Reject } else { Decision::Review }
}

/// How many times each kind of word occurs.
#[derive(Debug, Default)]
struct Tally {
    slurs: usize,
    swearing: usize,
    sexual: usize,
    sexual_kinds: usize,
}

impl Tally {
    /// Looks up each different word once, so the cost is limited by the 100,000 characters of a body.
    fn of(prose: &Prose) -> Self {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for word in prose.words.iter().chain(&prose.other_words) {
            let word = word.split('\'').next().unwrap_or(word);
            if (3..=40).contains(&word.len()) && word.chars().all(char::is_alphabetic) {
                *counts.entry(word).or_default() += 1;
            }
        }
        let mut tally = Self::default();
        let mut censor = Censor::from_str("");
        for (word, count) in counts {
            censor.reset(word.chars());
            match classify(word, censor.analyze()) {
                Some(Kind::Slur) => tally.slurs += count,
                Some(Kind::Swearing) => tally.swearing += count,
                Some(Kind::Sexual) => {
                    tally.sexual += count;
                    tally.sexual_kinds += 1;
                }
                None => {}
            }
        }
        tally
    }
}

/// The kind of a word, given what the dictionary finds anywhere in it.
fn classify(word: &str, found: Type) -> Option<Kind> {
    let kinds = [
        (Kind::Slur, Type::OFFENSIVE & Type::SEVERE),
        (Kind::Sexual, Type::SEXUAL & Type::SEVERE),
        (Kind::Swearing, (Type::PROFANE | Type::OFFENSIVE) & Type::MODERATE_OR_HIGHER),
    ];
    kinds
        .into_iter()
        .find(|(_, threshold)| found.is(*threshold) && is_entry(word, *threshold))
        .map(|(kind, _)| kind)
        .filter(|_| !ORDINARY.split_whitespace().any(|ordinary| ordinary == word))
}

/// Whether the dictionary's entry is the word itself, apart from inflection, and not just a part of it.
fn is_entry(word: &str, threshold: Type) -> bool {
    let masked = Censor::from_str(word)
        .with_censor_threshold(threshold)
        .with_censor_first_character_threshold(threshold)
        .censor();
    let ending = masked.trim_start_matches('*');
    let is_hit = masked.len() > ending.len();
    is_hit && ENDINGS.contains(&ending)
}

fn count_threats(words: &[String]) -> usize {
    let (mut count, mut before, mut rest) = (0, "", words);
    while let Some((first, tail)) = rest.split_first() {
        let is_threat = THREATS.iter().any(|phrase| begins_with(rest, phrase));
        count += usize::from(is_threat && !SOFTENERS.contains(&before));
        (before, rest) = (first.as_str(), tail);
    }
    count
}

fn begins_with(words: &[String], phrase: &[&str]) -> bool {
    words.len() >= phrase.len() && words.iter().zip(phrase).all(|(word, expected)| word == expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(word: &str) -> Option<Kind> {
        classify(word, Censor::from_str(word).analyze())
    }

    #[test]
    fn a_word_is_judged_by_itself_and_not_by_what_is_inside_it() {
        let ordinary = "
            scunthorpe assess class cockpit grape therapist analysis shiitake poison master slave
            kill dead niger nigeria trigger bigger digger snigger raccoon coon chink bastard hello
            mutex deadbeef document cumulative sextant penal dickens cocktail hancock matsushita
            titanic niggle fagus hoary kvm fuchs assessing jiggery nazi";
        for word in ordinary.split_whitespace() {
            assert_eq!(kind(word), None, "{word}");
        }
        for word in ["whore", "whores"] {
            assert_eq!(kind(word), Some(Kind::Slur), "{word}");
        }
        for word in ["fuck", "fucking", "shit"] {
            assert_eq!(kind(word), Some(Kind::Swearing), "{word}");
        }
    }

    #[test]
    fn threats_are_phrases_and_not_the_words_in_them() {
        let count = |text: &str| {
            let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
            count_threats(&words)
        };
        assert_eq!(count("just kill yourself and i hope you die"), 2);
        assert_eq!(count("don't kill yourself over a kill signal that might kill you i hope"), 0);
        assert_eq!(count("i will kill"), 0);
    }
}
