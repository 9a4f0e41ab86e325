//! A post as the rules see it: its lines and words without code, markup and addresses, and its number of links.
//!
//! Code is excluded because it is not language: hexadecimal, identifiers and logs look like abuse and repetition.

use std::mem;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::gateways::Submission;

/// The text that the rules check.
#[derive(Debug, Default)]
pub(super) struct Prose {
    /// The lines of running text, title first, without tables.
    pub(super) lines: Vec<String>,
    /// The words of those lines, in lower case.
    pub(super) words: Vec<String>,
    /// The words of tags and tables, which repeat themselves by nature.
    pub(super) other_words: Vec<String>,
    /// The number of links to other sites, as Markdown, as HTML or bare. Images do not count.
    pub(super) links: usize,
}

impl Prose {
    /// Reads a post.
    pub(super) fn read(submission: &Submission<'_>) -> Self {
        let mut reader = Reader::default();
        reader.line.push_str(submission.title);
        reader.end_line();
        for tag in submission.tags {
            reader.prose.other_words.extend(words_of(&tag.as_str().replace('-', " ")));
        }
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS;
        for event in Parser::new_ext(submission.body, options) {
            reader.take(event);
        }
        reader.end_line();
        reader.prose
    }

    /// The number of words.
    pub(super) fn word_count(&self) -> usize {
        self.words.len() + self.other_words.len()
    }
}

#[derive(Default)]
struct Reader {
    prose: Prose,
    line: String,
    is_code: bool,
    is_table: bool,
    is_link: bool,
}

impl Reader {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if !self.is_code => self.text(&text),
            Event::Html(html) | Event::InlineHtml(html) => self.html(&html),
            Event::SoftBreak | Event::HardBreak | Event::Rule => self.end_line(),
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Link { dest_url, .. } => {
                self.is_link = true;
                self.prose.links += usize::from(is_elsewhere(dest_url));
            }
            Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Image { .. } | Tag::TableCell => {}
            _ => {
                self.end_line();
                self.is_code |= matches!(tag, Tag::CodeBlock(_));
                self.is_table |= matches!(tag, Tag::Table(_));
            }
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Link => self.is_link = false,
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Image => {}
            TagEnd::TableCell => self.line.push(' '),
            _ => {
                self.end_line();
                self.is_code &= !matches!(tag, TagEnd::CodeBlock);
                self.is_table &= !matches!(tag, TagEnd::Table);
            }
        }
    }

    fn text(&mut self, text: &str) {
        // A link whose text is its own address has already been counted.
        if !(self.is_link && (text.contains("://") || text.starts_with("www."))) {
            self.line.push_str(text);
        }
    }

    /// HTML is shown to readers as text, so its text is checked; of its tags only links matter.
    fn html(&mut self, html: &str) {
        self.prose.links += html.to_ascii_lowercase().matches("href=\"http").count();
        let mut is_tag = false;
        for c in html.chars() {
            match c {
                '<' => is_tag = true,
                '>' => is_tag = false,
                _ if !is_tag => self.line.push(c),
                _ => {}
            }
        }
    }

    fn end_line(&mut self) {
        let line = mem::take(&mut self.line);
        let mut kept = Vec::new();
        for piece in line.split_whitespace() {
            match bare_links(piece) {
                Some(links) => self.prose.links += links,
                None => kept.push(piece),
            }
        }
        let line = kept.join(" ");
        if self.is_table {
            self.prose.other_words.extend(words_of(&line));
        } else if !line.is_empty() {
            self.prose.words.extend(words_of(&line));
            self.prose.lines.push(line);
        }
    }
}

/// The number of links in a piece of text without white space; `None` if it is not an address.
fn bare_links(piece: &str) -> Option<usize> {
    let start = piece.trim_start_matches(|c: char| !c.is_alphanumeric());
    if start.starts_with("www.") {
        return Some(1);
    }
    piece.contains("://").then(|| {
        let piece = piece.to_ascii_lowercase();
        piece.matches("http://").count() + piece.matches("https://").count()
    })
}

fn is_elsewhere(address: &str) -> bool {
    let is_scheme = |scheme: &str| address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    ["http://", "https://", "//"].into_iter().any(is_scheme)
}

fn words_of(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '’' | '_')))
        .map(|word| word.trim_matches(['\'', '’', '_']))
        .filter(|word| !word.is_empty())
        .map(|word| word.replace('’', "'").to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AccountId;

    fn read(body: &str) -> Prose {
        Prose::read(&Submission { author: AccountId::from_parts(1, 1), title: "Title", tags: &[], body })
    }

    #[test]
    fn code_and_addresses_are_not_prose() {
        let prose =
            read("Run `kill -9`, *then* read https://a.example/x:\n\n```\ndeadbeef\n```\n\n    cafe\n\nIt’s done_");
        assert_eq!(prose.words, ["title", "run", "then", "read", "it's", "done"]);
        assert_eq!(prose.links, 1);
    }

    #[test]
    fn links_count_once_however_they_are_written() {
        let each = [
            "[text](https://a.example)",
            "[https://a.example](https://a.example)",
            "<https://a.example>",
            "HTTPS://a.example",
            "(www.a.example)",
            "<a href=\"http://a.example\">text</a>",
            "[![badge](https://b.example/x.svg)](https://a.example)",
            "[text][1]\n\n[1]: https://a.example",
        ];
        for body in each {
            assert_eq!(read(body).links, 1, "{body}");
        }
        for body in ["[part](#part)", "[page](/page)", "![image](https://a.example/x.png)", "rocksdb://path"] {
            assert_eq!(read(body).links, 0, "{body}");
        }
    }

    #[test]
    fn cells_of_a_table_are_words_but_not_lines() {
        let prose = read("| a | b |\n|---|---|\n| yes | no |\n\nafter");
        assert_eq!(prose.other_words, ["a", "b", "yes", "no"]);
        assert_eq!(prose.lines, ["Title", "after"]);
    }
}
