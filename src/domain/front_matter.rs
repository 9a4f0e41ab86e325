//! Markdown files as other tools keep them (Hugo, Jekyll, plain files): front matter, title, tags, date, body.
//!
//! This only reads. The result is not validated; the server does that, as for every client.

mod date;
mod fields;
#[cfg(test)]
mod tests;
mod title;

use thiserror::Error;

use self::fields::Fields;
use super::Timestamp;

/// A Markdown file with its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// From the front matter, otherwise from the first heading, otherwise from the file's name.
    pub title: String,
    /// The Markdown after the front matter, without the heading that became the title.
    pub body: String,
    /// Tags and categories, without duplicates.
    pub tags: Vec<String>,
    /// When it was published, if the file or its name says so; without a time zone it is UTC.
    pub date: Option<Timestamp>,
    /// Whether the file is marked as a draft.
    pub draft: bool,
    /// The name in links, if the file or its name gives one.
    pub slug: Option<String>,
}

/// Why a file cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FrontMatterError {
    /// Another encoding, or not text at all.
    #[error("not UTF-8 text: the byte at offset {offset} is not valid; save the file as UTF-8")]
    NotUtf8 {
        /// The offset of the first invalid byte.
        offset: usize,
    },
    /// The front matter is not closed.
    #[error("the front matter opens with `{fence}` but no later line with `{fence}` closes it")]
    Unclosed {
        /// The line that opens it.
        fence: &'static str,
    },
    /// Invalid YAML between `---` lines.
    #[error("line {line}: the YAML front matter is not valid: {message}")]
    Yaml {
        /// The line of the file, from 1.
        line: usize,
        /// The parser's message.
        message: String,
    },
    /// Invalid TOML between `+++` lines.
    #[error("line {line}: the TOML front matter is not valid: {message}")]
    Toml {
        /// The line of the file, from 1.
        line: usize,
        /// The parser's message.
        message: String,
    },
    /// An invalid JSON object at the top.
    #[error("line {line}: the JSON front matter is not valid: {message}")]
    Json {
        /// The line of the file, from 1.
        line: usize,
        /// The parser's message.
        message: String,
    },
    /// A date that cannot be read.
    #[error("the date `{0}` is invalid: write it as 2024-05-01 or 2024-05-01T10:00:00+02:00")]
    BadDate(String),
    /// `draft` is neither true nor false.
    #[error("`draft` is `{0}`: write true or false")]
    BadDraft(String),
    /// Neither front matter, heading nor file name gives a title.
    #[error("no title: give one in the front matter or as the first heading")]
    NoTitle,
    /// Nothing to publish.
    #[error("the body is empty")]
    EmptyBody,
}

impl Document {
    /// Reads a file; `file_stem` is its name without folder and extension.
    ///
    /// # Errors
    /// Why the file cannot be imported, in words its owner can act on.
    pub fn parse(file_stem: &str, bytes: &[u8]) -> Result<Self, FrontMatterError> {
        let text = std::str::from_utf8(bytes).map_err(|e| FrontMatterError::NotUtf8 { offset: e.valid_up_to() })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
        let (fields, body) = fields::split(&text)?;
        let name = title::FileName::read(file_stem);
        let (title, body) = match fields.text("title") {
            Some(title) => (title.to_owned(), body.to_owned()),
            None => title::take_heading(body).unwrap_or_else(|| (name.title, body.to_owned())),
        };
        let body = without_leading_blank_lines(&body);
        if body.trim().is_empty() {
            return Err(FrontMatterError::EmptyBody);
        }
        if title.is_empty() {
            return Err(FrontMatterError::NoTitle);
        }
        Ok(Self {
            title,
            body: body.to_owned(),
            tags: fields.tags(),
            date: date_of(&fields)?.or(name.date),
            draft: is_draft(&fields)?,
            slug: fields.text("slug").map(str::to_owned).or(name.slug),
        })
    }
}

/// Hugo's `date` and `publishDate`; Jekyll's `published`, if it is not true or false.
fn date_of(fields: &Fields) -> Result<Option<Timestamp>, FrontMatterError> {
    let published = fields.text("published").filter(|text| fields::switch(text).is_none());
    match fields.text("date").or(fields.text("publishdate")).or(published) {
        Some(text) => date::parse(text).map(Some).ok_or_else(|| FrontMatterError::BadDate(fields::first_line(text))),
        None => Ok(None),
    }
}

/// Hugo's `draft: true`, Jekyll's `published: false`.
fn is_draft(fields: &Fields) -> Result<bool, FrontMatterError> {
    let draft = match fields.text("draft") {
        Some(text) => fields::switch(text).ok_or_else(|| FrontMatterError::BadDraft(fields::first_line(text)))?,
        None => false,
    };
    Ok(draft || fields.text("published").and_then(fields::switch) == Some(false))
}

fn without_leading_blank_lines(mut body: &str) -> &str {
    while let Some((line, rest)) = body.split_once('\n')
        && line.trim().is_empty()
    {
        body = rest;
    }
    body
}
