//! Converts Markdown to sanitised HTML and to plain text. Nothing else in Broadsheet makes HTML from what people wrote.
//!
//! Readers are protected twice: raw HTML in a body is turned into text before rendering, and the rendered HTML is then
//! reduced to what Markdown can produce.

mod events;
mod sanitizer;
#[cfg(test)]
mod tests;

use std::fmt;

use pulldown_cmark::{Event, TagEnd, html};

use super::Body;

/// Sanitised HTML, safe to put into a page or a mail unchanged. Only [`render`] makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered(String);

impl Rendered {
    /// The HTML.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The HTML, without a copy.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Renders CommonMark with tables, footnotes, strikethrough and task lists.
#[must_use]
pub fn render(body: &Body) -> Rendered {
    let mut unsafe_html = String::with_capacity(body.as_str().len() * 3 / 2);
    html::push_html(&mut unsafe_html, events::of(body.as_str()).into_iter());
    Rendered(sanitizer::sanitize(&unsafe_html))
}

/// The text a reader sees, without markup: one line per block, with words, code and the descriptions of images.
#[must_use]
pub fn plain_text(body: &Body) -> String {
    let mut text = String::with_capacity(body.as_str().len());
    for event in events::of(body.as_str()) {
        match event {
            Event::Text(part) | Event::Code(part) => text.push_str(&part),
            Event::SoftBreak => text.push(' '),
            Event::HardBreak | Event::Rule => text.push('\n'),
            Event::Start(tag) => text.push_str(separator(tag.to_end())),
            Event::End(tag) => text.push_str(separator(tag)),
            _ => {}
        }
    }
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The separator between words inside and outside a piece of markup.
const fn separator(tag: TagEnd) -> &'static str {
    match tag {
        TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image => "",
        TagEnd::TableCell => " ",
        _ => "\n",
    }
}

/// The start of a plain text on one line: at most `max_chars` characters, cut between words, with an ellipsis if cut.
#[must_use]
pub fn excerpt(text: &str, max_chars: usize) -> String {
    let mut short = String::new();
    let mut length = 0;
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let space = usize::from(length > 0);
        let ellipsis = usize::from(words.peek().is_some());
        let word_length = word.chars().count();
        if length + space + word_length + ellipsis > max_chars {
            return cut(short, length, word, max_chars);
        }
        if space > 0 {
            short.push(' ');
        }
        short.push_str(word);
        length += space + word_length;
    }
    short
}

/// Ends an excerpt before the first word that does not fit, or inside it if it is the only word.
fn cut(mut short: String, length: usize, word: &str, max_chars: usize) -> String {
    if length == 0 {
        short.extend(word.chars().take(max_chars.saturating_sub(1)));
    }
    if max_chars > 0 {
        short.push('…');
    }
    short
}
