//! The parser events of a Markdown text, made harmless: raw HTML becomes text, and the depth and number of events are
//! limited. No text of an accepted size can then exhaust the stack or keep a core busy in later steps.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd};

/// How deep quotes, lists and footnotes may be nested; deeper ones lose their markup and keep their text.
pub(super) const MAX_BLOCK_DEPTH: usize = 32;
/// The same for emphasis, links and images.
pub(super) const MAX_INLINE_DEPTH: usize = 16;
/// Further events are dropped. Only empty table cells, which the parser adds itself, can come close to this limit.
const MAX_EVENTS: usize = 250_000;

/// The events of `markdown`, well nested.
pub(super) fn of(markdown: &str) -> Vec<Event<'_>> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut shaper = Shaper::default();
    for event in Parser::new_ext(markdown, options) {
        if shaper.out.len() >= MAX_EVENTS {
            break;
        }
        shaper.take(event);
    }
    shaper.finish()
}

#[derive(Default)]
struct Shaper<'a> {
    out: Vec<Event<'a>>,
    /// The open tags; `None` stands for one that was dropped.
    open: Vec<Option<TagEnd>>,
    block_depth: usize,
    inline_depth: usize,
    is_in_comment: bool,
}

impl<'a> Shaper<'a> {
    fn take(&mut self, event: Event<'a>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Html(html) | Event::InlineHtml(html) => {
                if let Some(text) = self.visible(html) {
                    self.out.push(Event::Text(text));
                }
            }
            Event::FootnoteReference(name) => self.out.push(Event::FootnoteReference(footnote_id(&name))),
            other => self.out.push(other),
        }
    }

    fn start(&mut self, tag: Tag<'a>) {
        let end = tag.to_end();
        if !self.has_room_for(end) {
            self.open.push(None);
            self.break_line_instead_of(end);
            return;
        }
        self.open.push(Some(end));
        if let Some(depth) = self.depth(end) {
            *depth += 1;
        }
        self.out.push(Event::Start(match tag {
            Tag::HtmlBlock => Tag::Paragraph,
            Tag::FootnoteDefinition(name) => Tag::FootnoteDefinition(footnote_id(&name)),
            other => other,
        }));
    }

    fn end(&mut self, tag: TagEnd) {
        if self.open.pop().flatten().is_none() {
            self.break_line_instead_of(tag);
            return;
        }
        if let Some(depth) = self.depth(tag) {
            *depth = depth.saturating_sub(1);
        }
        if tag != TagEnd::HtmlBlock {
            self.out.push(Event::End(tag));
            return;
        }
        self.is_in_comment = false;
        if matches!(self.out.last(), Some(Event::Start(Tag::Paragraph))) {
            self.out.pop();
        } else {
            self.out.push(Event::End(TagEnd::Paragraph));
        }
    }

    /// Closes the tags that are still open after events were dropped.
    fn finish(mut self) -> Vec<Event<'a>> {
        while let Some(open) = self.open.last().copied() {
            self.end(open.unwrap_or(TagEnd::Emphasis));
        }
        self.out
    }

    fn has_room_for(&self, tag: TagEnd) -> bool {
        match tag {
            TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::FootnoteDefinition => self.block_depth < MAX_BLOCK_DEPTH,
            TagEnd::Item => self.open.last().is_none_or(Option::is_some),
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image => {
                self.inline_depth < MAX_INLINE_DEPTH
            }
            _ => true,
        }
    }

    fn depth(&mut self, tag: TagEnd) -> Option<&mut usize> {
        match tag {
            TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::FootnoteDefinition => Some(&mut self.block_depth),
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image => {
                Some(&mut self.inline_depth)
            }
            _ => None,
        }
    }

    /// Separates the words inside and outside a block when its markup is dropped.
    fn break_line_instead_of(&mut self, tag: TagEnd) {
        let is_block =
            matches!(tag, TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::FootnoteDefinition | TagEnd::Item);
        if is_block && !matches!(self.out.last(), Some(Event::SoftBreak)) {
            self.out.push(Event::SoftBreak);
        }
    }

    /// The part of raw HTML that readers see, as text: everything except comments.
    fn visible(&mut self, html: CowStr<'a>) -> Option<CowStr<'a>> {
        if !self.is_in_comment && !html.trim_start().starts_with("<!--") {
            return Some(html);
        }
        let rest = html.split_once("-->").map(|(_, rest)| rest);
        self.is_in_comment = rest.is_none();
        rest.filter(|rest| !rest.trim().is_empty()).map(|rest| CowStr::from(rest.to_owned()))
    }
}

/// Footnote names become ids of elements; the prefix keeps them distinct from ids of the surrounding page.
fn footnote_id(name: &str) -> CowStr<'static> {
    CowStr::from(format!("fn-{name}"))
}
