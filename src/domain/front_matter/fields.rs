//! Finds the end of the front matter and reads its fields, in any of the three formats.

use std::collections::HashMap;

use serde_json::Value;

use super::FrontMatterError;

/// The fields by their names in lower case. Nested tables are ignored: nothing we read is nested.
#[derive(Default)]
pub(super) struct Fields(HashMap<String, Field>);

enum Field {
    Text(String),
    List(Vec<String>),
}

impl Fields {
    /// A field with one value, trimmed; `None` if it is empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Field::Text(text)) => Some(text.trim()).filter(|text| !text.is_empty()),
            Some(Field::List(_)) | None => None,
        }
    }

    /// Tags and categories, as lists or as one line. A line is split at commas if it has any, otherwise the plural
    /// fields are split at spaces, as Jekyll does.
    pub(super) fn tags(&self) -> Vec<String> {
        let mut tags: Vec<String> = Vec::new();
        for name in ["tags", "tag", "categories", "category"] {
            let words: Vec<&str> = match self.0.get(name) {
                Some(Field::List(items)) => items.iter().map(String::as_str).collect(),
                Some(Field::Text(text)) if text.contains(',') => text.split(',').collect(),
                Some(Field::Text(text)) if name.ends_with('s') => text.split_whitespace().collect(),
                Some(Field::Text(text)) => vec![text.as_str()],
                None => Vec::new(),
            };
            for word in words.into_iter().map(str::trim).filter(|word| !word.is_empty()) {
                if !tags.iter().any(|tag| tag.to_lowercase() == word.to_lowercase()) {
                    tags.push(word.to_owned());
                }
            }
        }
        tags
    }

    fn add(&mut self, name: &str, field: Option<Field>) {
        if let Some(field) = field {
            self.0.insert(name.trim().to_lowercase(), field);
        }
    }
}

/// Parses a word that means yes or no.
pub(super) fn switch(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Splits the text into the fields of its front matter and the rest. Text without front matter has no fields.
pub(super) fn split(text: &str) -> Result<(Fields, &str), FrontMatterError> {
    match text.lines().next().map(str::trim_end) {
        Some(fence @ "---") => {
            let (matter, body) = fenced(text, &[fence, "..."]).ok_or(FrontMatterError::Unclosed { fence: "---" })?;
            Ok((from_yaml(matter)?, body))
        }
        Some(fence @ "+++") => {
            let (matter, body) = fenced(text, &[fence]).ok_or(FrontMatterError::Unclosed { fence: "+++" })?;
            Ok((from_toml(matter)?, body))
        }
        _ if is_json_object(text) => from_json(text),
        _ => Ok((Fields::default(), text)),
    }
}

/// The text between the first line and the next line that is one of `ends`, and the text after it.
fn fenced<'a>(text: &'a str, ends: &[&str]) -> Option<(&'a str, &'a str)> {
    let mut lines = text.split_inclusive('\n');
    let start = lines.next()?.len();
    let mut here = start;
    for line in lines {
        if ends.contains(&line.trim_end()) {
            return Some((text.get(start..here)?, text.get(here + line.len()..)?));
        }
        here += line.len();
    }
    None
}

/// Markdown may start with a brace (`{{< shortcode >}}`, `{% include %}`); in a JSON object a quote follows.
fn is_json_object(text: &str) -> bool {
    text.strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with(['"', '}']))
}

fn from_yaml(matter: &str) -> Result<Fields, FrontMatterError> {
    use serde_saphyr::{DefaultMessageFormatter, MessageFormatter, NonFiniteFloatPolicy};
    // Far more than any real front matter needs, and harmless: an alias bomb ends after 10,000 events.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 50_000,
            max_nodes: 20_000,
            max_depth: 16,
            max_aliases: 100,
            max_anchors: 100,
            max_documents: 1,
            max_recorded_anchor_events: 50_000,
            max_total_scalar_bytes: 1024 * 1024,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 10_000,
            max_replay_stack_depth: 8,
        },
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        with_snippet: false,
    };
    let map: serde_json::Map<String, Value> = serde_saphyr::from_str_with_options(matter, options).map_err(|e| {
        let line = e.location().and_then(|at| usize::try_from(at.line()).ok()).unwrap_or(1);
        let message = DefaultMessageFormatter.format_message(e.without_snippet());
        FrontMatterError::Yaml { line: line + 1, message: first_line(&message) }
    })?;
    Ok(from_values(map))
}

fn from_toml(matter: &str) -> Result<Fields, FrontMatterError> {
    let table: toml::Table = toml::from_str(matter).map_err(|e: toml::de::Error| {
        let before = e.span().and_then(|span| matter.get(..span.start)).unwrap_or("");
        FrontMatterError::Toml { line: before.matches('\n').count() + 2, message: first_line(e.message()) }
    })?;
    let mut fields = Fields::default();
    for (name, value) in table {
        let field = match value {
            toml::Value::Array(items) => Some(Field::List(items.into_iter().filter_map(toml_scalar).collect())),
            other => toml_scalar(other).map(Field::Text),
        };
        fields.add(&name, field);
    }
    Ok(fields)
}

fn toml_scalar(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(is_true) => Some(is_true.to_string()),
        toml::Value::Datetime(time) => Some(time.to_string()),
        toml::Value::Array(_) | toml::Value::Table(_) => None,
    }
}

fn from_json(text: &str) -> Result<(Fields, &str), FrontMatterError> {
    let mut objects = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Map<String, Value>>();
    let map = objects.next().transpose().map_err(|e| {
        let message = e.to_string();
        let message = message.split_once(" at line ").map_or(message.as_str(), |(message, _)| message);
        FrontMatterError::Json { line: e.line(), message: first_line(message) }
    })?;
    let body = text.get(objects.byte_offset()..).unwrap_or("");
    Ok((from_values(map.unwrap_or_default()), body))
}

fn from_values(map: serde_json::Map<String, Value>) -> Fields {
    let mut fields = Fields::default();
    for (name, value) in map {
        let field = match value {
            Value::Array(items) => Some(Field::List(items.into_iter().filter_map(json_scalar).collect())),
            other => json_scalar(other).map(Field::Text),
        };
        fields.add(&name, field);
    }
    fields
}

fn json_scalar(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is_true) => Some(is_true.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Parsers' messages and people's texts may have several lines, and characters that must not reach a terminal.
pub(super) fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or("").chars().filter(|c| !c.is_control()).collect()
}
