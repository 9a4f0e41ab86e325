//! Titles of files whose front matter has none: the first heading, otherwise the file's name.

use jiff::civil::Date;
use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd};

use super::date;
use crate::domain::Timestamp;

/// What a file's name contains: Jekyll's `2024-05-01-my-post` has a date and a slug besides the title.
pub(super) struct FileName {
    pub(super) title: String,
    pub(super) date: Option<Timestamp>,
    pub(super) slug: Option<String>,
}

impl FileName {
    pub(super) fn read(stem: &str) -> Self {
        let dated = stem.split_at_checked(10).and_then(|(day, rest)| {
            let words = rest.strip_prefix('-').filter(|words| !words.is_empty())?;
            day.parse::<Date>().ok()?;
            Some((date::parse(day)?, words))
        });
        match dated {
            Some((date, words)) => {
                let slug = Some(slug::slugify(words)).filter(|slug| !slug.is_empty());
                Self { title: readable(words), date: Some(date), slug }
            }
            None => Self { title: readable(stem), date: None, slug: None },
        }
    }
}

/// `my-first_post` as a title: `My first post`.
fn readable(stem: &str) -> String {
    let words = stem
        .split(|c: char| c.is_whitespace() || matches!(c, '-' | '_'))
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The first heading, if it has the top level (`# …`, or underlined), and the text without it.
pub(super) fn take_heading(body: &str) -> Option<(String, String)> {
    let mut events = Parser::new(body).into_offset_iter();
    let mut depth = 0_usize;
    let place = loop {
        match events.next()? {
            (Event::Start(Tag::Heading { level, .. }), place) if depth == 0 => {
                let is_underlined = !body.get(place.clone())?.trim_start().starts_with('#');
                if level == HeadingLevel::H1 || is_underlined {
                    break place;
                }
                return None;
            }
            (Event::Start(_), _) => depth += 1,
            (Event::End(_), _) => depth = depth.saturating_sub(1),
            _ => {}
        }
    };
    let mut title = String::new();
    for (event, _) in events {
        match event {
            Event::Text(text) | Event::Code(text) => title.push_str(&text),
            Event::SoftBreak | Event::HardBreak => title.push(' '),
            Event::End(TagEnd::Heading(_)) => break,
            _ => {}
        }
    }
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    let (before, after) = (body.get(..place.start)?, body.get(place.end..)?);
    (!title.is_empty()).then(|| (title, format!("{before}\n{after}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_becomes_a_title() {
        let plain = FileName::read("my-first_post");
        assert_eq!((plain.title.as_str(), plain.date, plain.slug), ("My first post", None, None));
        let jekyll = FileName::read("2024-05-01-Hello_World");
        assert_eq!((jekyll.title.as_str(), jekyll.slug.as_deref()), ("Hello World", Some("hello-world")));
        assert_eq!(jekyll.date, date::parse("2024-05-01"));
        assert_eq!(FileName::read("2024-05-01").date, None);
        assert_eq!(FileName::read("2024-99-01-x").date, None);
        assert_eq!(FileName::read("éééééé").title, "Éééééé");
        assert_eq!(FileName::read("\u{b}a\u{a0}b ").title, "A b");
        assert_eq!(FileName::read("").title, "");
    }

    #[test]
    fn the_first_heading_is_taken_out_of_the_text() {
        for text in ["# A `b` *c*\n\nrest", "A `b` *c*\n===\n\nrest", "A `b` *c*\n---\nrest", "\n # A `b` *c* #\nrest"]
        {
            let (title, body) = take_heading(text).unwrap();
            assert_eq!((title.as_str(), body.trim()), ("A b c", "rest"), "{text:?}");
        }
    }

    #[test]
    fn what_only_looks_like_a_title_stays() {
        for text in ["rest", "## Part\n\n# Later", "```\n# comment\n```", "> # quoted", "#hashtag", "#\n\nrest"] {
            assert_eq!(take_heading(text), None, "{text:?}");
        }
    }
}
