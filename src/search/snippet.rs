//! Snippets: a short part of a post with the words found in `<b>` and everything else escaped.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter,
};

use tantivy::{Score, Searcher, Term, snippet::SnippetGenerator, tokenizer::TextAnalyzer};

use super::schema::Fields;

/// How much of a body is stored for snippets.
const OPENING_BYTES: usize = 10_000;
/// How much of it is analysed at a time: the first part with a hit is enough, so the rest costs nothing.
const STRETCH_BYTES: usize = 2_000;
/// The maximum length of a snippet, before escaping.
const SNIPPET_BYTES: usize = 200;

/// What the index stores of a body: its start, with single spaces.
pub(super) fn opening(text: &str) -> String {
    let mut opening = String::with_capacity(text.len().min(OPENING_BYTES));
    for word in text.split_whitespace() {
        if !opening.is_empty() {
            opening.push(' ');
        }
        let room = OPENING_BYTES - opening.len();
        let (fitting, rest) = word.split_at(word.floor_char_boundary(room));
        opening.push_str(fitting);
        if !rest.is_empty() || opening.len() == OPENING_BYTES {
            break;
        }
    }
    opening
}

/// Makes the snippets of one search.
pub(super) struct Snippets {
    generator: Option<SnippetGenerator>,
}

impl Snippets {
    /// Marks these terms; rare ones weigh more than common ones when a snippet is chosen.
    pub(super) fn new(
        searcher: &Searcher,
        fields: &Fields,
        analyzer: &TextAnalyzer,
        terms: &BTreeSet<String>,
    ) -> tantivy::Result<Self> {
        if terms.is_empty() {
            return Ok(Self { generator: None });
        }
        let mut scores: BTreeMap<String, Score> = BTreeMap::new();
        for term in terms {
            let frequency = searcher.doc_freq(&Term::from_field_text(fields.body, term))?;
            scores.insert(term.clone(), 1.0 / (1.0 + frequency as Score));
        }
        let generator = SnippetGenerator::new(scores, analyzer.clone(), fields.opening, SNIPPET_BYTES);
        Ok(Self { generator: Some(generator) })
    }

    /// The first part of the text with a hit, otherwise the title if it has one, otherwise the start of either.
    pub(super) fn snippet(&self, title: &str, text: &str) -> String {
        let marked = self.generator.as_ref().and_then(|generator| {
            stretches(text)
                .chain(iter::once(title))
                .map(|stretch| generator.snippet(stretch))
                .find(|snippet| !snippet.is_empty())
        });
        match marked {
            Some(snippet) => snippet.to_html(),
            None => beginning(if text.is_empty() { title } else { text }),
        }
    }
}

fn stretches(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    iter::from_fn(move || {
        let (stretch, after) = split(rest, STRETCH_BYTES);
        rest = after;
        (!stretch.is_empty()).then_some(stretch)
    })
}

fn beginning(text: &str) -> String {
    let (beginning, rest) = split(text, SNIPPET_BYTES);
    let ellipsis = if rest.is_empty() { "" } else { "…" };
    htmlescape::encode_minimal(beginning) + ellipsis
}

/// Splits after at most `bytes`, between words if there is a space to split at.
fn split(text: &str, bytes: usize) -> (&str, &str) {
    let text = text.trim();
    if text.len() <= bytes {
        return (text, "");
    }
    let (head, tail) = text.split_at(text.floor_char_boundary(bytes));
    if tail.starts_with(' ') {
        return (head, tail);
    }
    head.rfind(' ').map_or((head, tail), |space| text.split_at(space))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opening_is_short_and_on_one_line() {
        assert_eq!(opening("a\n\n b\tc "), "a b c");
        assert_eq!(opening(&"é".repeat(9_000)).len(), OPENING_BYTES);
        assert!(opening(&"word ".repeat(9_000)).len() <= OPENING_BYTES);
    }

    #[test]
    fn stretches_lose_no_word() {
        let text = "pineapple ".repeat(999);
        assert_eq!(stretches(&text).flat_map(|stretch| stretch.split(' ')).count(), 999);
        assert!(stretches(&text).all(|stretch| stretch.len() <= STRETCH_BYTES));
        assert_eq!(stretches(&"x".repeat(4_001)).count(), 3);
    }

    #[test]
    fn without_words_a_snippet_is_the_escaped_beginning() {
        let snippets = Snippets { generator: None };
        assert_eq!(snippets.snippet("Title", "<script> & \"co\""), "&lt;script&gt; &amp; &quot;co&quot;");
        assert_eq!(snippets.snippet("Tom's", ""), "Tom&#x27;s");
        assert!(snippets.snippet("", &"word ".repeat(99)).ends_with("word…"));
    }
}
