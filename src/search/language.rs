//! How text becomes terms: the languages, and the one chain of filters for both documents and queries.
//!
//! Words are runs of letters and digits. In scripts without spaces each run is one word, so only whole runs are found.

use tantivy::tokenizer::{
    AsciiFoldingFilter, Language as Stems, LowerCaser, RemoveLongFilter, SimpleTokenizer, Stemmer, TextAnalyzer,
    TokenStream,
};

use super::Error;

/// Increased with any change to the schema or the filters, so that older indexes are rebuilt.
const VERSION: u32 = 1;

/// Words with this many bytes or more are not indexed: they are data, not language.
const TOO_LONG_BYTES: usize = 40;

const LANGUAGES: [(&str, Stems); 18] = [
    ("arabic", Stems::Arabic),
    ("danish", Stems::Danish),
    ("dutch", Stems::Dutch),
    ("english", Stems::English),
    ("finnish", Stems::Finnish),
    ("french", Stems::French),
    ("german", Stems::German),
    ("greek", Stems::Greek),
    ("hungarian", Stems::Hungarian),
    ("italian", Stems::Italian),
    ("norwegian", Stems::Norwegian),
    ("portuguese", Stems::Portuguese),
    ("romanian", Stems::Romanian),
    ("russian", Stems::Russian),
    ("spanish", Stems::Spanish),
    ("swedish", Stems::Swedish),
    ("tamil", Stems::Tamil),
    ("turkish", Stems::Turkish),
];

/// The languages with a stemmer, for messages.
pub(super) fn known() -> String {
    LANGUAGES.map(|(name, _)| name).join(", ")
}

/// The language of an index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Language {
    name: &'static str,
    stems: Option<Stems>,
}

impl Language {
    /// The language with that name; `none` has no stemming.
    pub(super) fn parse(name: &str) -> Result<Self, Error> {
        if name == "none" {
            return Ok(Self { name: "none", stems: None });
        }
        LANGUAGES
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(name, stems)| Self { name, stems: Some(stems) })
            .ok_or_else(|| Error::Language(name.to_owned()))
    }

    /// The name by which the schema refers to this chain of filters. It depends on the version and the language: an
    /// index whose schema has another name must be rebuilt.
    pub(super) fn tokenizer(self) -> String {
        format!("broadsheet_{VERSION}_{}", self.name)
    }

    /// The chain of filters.
    pub(super) fn analyzer(self) -> TextAnalyzer {
        let words = TextAnalyzer::builder(SimpleTokenizer::default())
            .filter(RemoveLongFilter::limit(TOO_LONG_BYTES))
            .filter(LowerCaser)
            .filter(AsciiFoldingFilter);
        match self.stems {
            Some(stems) => words.filter(Stemmer::new(stems)).build(),
            None => words.build(),
        }
    }
}

/// The terms of a text with their positions.
pub(super) fn analyse(analyzer: &mut TextAnalyzer, text: &str) -> Vec<(usize, String)> {
    let mut terms = Vec::new();
    let mut stream = analyzer.token_stream(text);
    while stream.advance() {
        let token = stream.token();
        terms.push((token.position, token.text.clone()));
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(language: &str, text: &str) -> Vec<String> {
        let mut analyzer = Language::parse(language).unwrap().analyzer();
        analyse(&mut analyzer, text).into_iter().map(|(_, term)| term).collect()
    }

    #[test]
    fn words_lose_case_accents_and_endings() {
        assert_eq!(terms("english", "Running CAFÉS, foo-bar"), ["run", "cafe", "foo", "bar"]);
        assert_eq!(terms("none", "Running cafés"), ["running", "cafes"]);
    }

    #[test]
    fn every_language_makes_terms_and_others_are_refused() {
        for (name, _) in LANGUAGES {
            assert_eq!(terms(name, "x 1").len(), 2, "{name}");
        }
        assert!(matches!(Language::parse("klingon"), Err(Error::Language(name)) if name == "klingon"));
    }
}
