//! The rule about repetition: the same words or lines over and over.

use std::collections::{HashMap, HashSet};

use super::{Finding, prose::Prose};
use crate::domain::Decision;

/// With fewer words, repetition cannot be judged.
const MIN_WORDS: usize = 100;

/// Words are compared within stretches of this length, because every long text repeats words.
const STRETCH: usize = 2000;

/// A line that occurs this often was not written by hand.
const MIN_LINES: usize = 20;

/// Checks running text for repetition; tables repeat themselves by nature.
pub(super) fn read(prose: &Prose) -> Option<Finding> {
    (is_monotonous(&prose.words) || repeats_lines(&prose.lines)).then(|| Finding {
        category: "repetition",
        decision: Decision::Reject,
        says: "repeats the same words or lines over and over".to_owned(),
    })
}

/// Whether more than half of the words are in stretches where fewer than one word in ten is new.
fn is_monotonous(words: &[String]) -> bool {
    let is_dull = |stretch: &&[String]| {
        stretch.len() >= MIN_WORDS && stretch.iter().collect::<HashSet<_>>().len() * 10 < stretch.len()
    };
    let dull: usize = words.chunks(STRETCH).filter(is_dull).map(<[String]>::len).sum();
    dull * 2 > words.len()
}

/// Whether repeated lines make up more than half of the text.
fn repeats_lines(lines: &[String]) -> bool {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for line in lines {
        *counts.entry(line).or_default() += 1;
    }
    let repeated: usize =
        counts.iter().filter(|(_, count)| **count >= MIN_LINES).map(|(line, count)| line.len() * count).sum();
    let total: usize = lines.iter().map(String::len).sum();
    repeated * 2 > total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn few_words_over_and_over_are_monotonous() {
        assert!(is_monotonous(&words(&"buy these pills now ".repeat(30))));
        assert!(!is_monotonous(&words(&"buy these pills now ".repeat(24))), "too short to tell");
        assert!(!is_monotonous(&[]));
    }

    #[test]
    fn a_long_text_may_use_its_words_again() {
        let text: Vec<String> = (0..30_000_usize).map(|n| format!("word{}", n * n % 997)).collect();
        assert!(!is_monotonous(&text));
    }

    #[test]
    fn lines_repeat_when_they_are_most_of_the_text() {
        let mut lines = vec!["buy now".to_owned(); 20];
        assert!(repeats_lines(&lines));
        assert!(!repeats_lines(lines.get(..19).unwrap()));
        lines.push("a line that is longer than all of the others are when they are put together, ".repeat(2));
        assert!(!repeats_lines(&lines));
        assert!(!repeats_lines(&[]));
    }
}
