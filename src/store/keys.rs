//! Record ids: the one place that knows how keys are built, ordered and read back.
//!
//! Hot tables are key-only: everything is in the array id, and a page is a range of keys. Times stand in keys
//! inverted (`-millis`), so that a forward range runs from the newest to the oldest.

use std::ops::Bound;

use surrealdb::types::{Array, RecordId, RecordIdKey, RecordIdKeyRange, Value};

use super::{Error, Result};
use crate::domain::{PageCursor, Timestamp};

/// One part of an array key.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// A string.
    Text(String),
    /// An integer.
    Int(i64),
}

impl From<&str> for Part {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Part {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Part {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

macro_rules! part_from_display {
    ($($kind:ty),+) => {
        $(impl From<$kind> for Part {
            fn from(value: $kind) -> Self {
                Self::Text(value.to_string())
            }
        })+
    };
}

part_from_display!(crate::domain::PostId, crate::domain::AccountId, crate::domain::SessionId, crate::domain::Epoch);

/// Builds the parts of an array key from anything that can stand in one.
macro_rules! parts {
    ($($part:expr),+ $(,)?) => {
        vec![$($crate::store::keys::Part::from($part)),+]
    };
}
pub(super) use parts;

fn array(parts: Vec<Part>) -> RecordIdKey {
    RecordIdKey::Array(Array::from(
        parts
            .into_iter()
            .map(|part| match part {
                Part::Text(text) => Value::String(text),
                Part::Int(number) => Value::Number(number.into()),
            })
            .collect::<Vec<Value>>(),
    ))
}

/// `table:[parts…]`.
pub(super) fn record(table: &str, parts: Vec<Part>) -> RecordId {
    RecordId::new(table, array(parts))
}

/// `table:text`.
pub(super) fn named(table: &str, key: impl Into<String>) -> RecordId {
    RecordId::new(table, RecordIdKey::String(key.into()))
}

/// All records of `table` from `from` (left out when `is_after`) up to, but not including, `to`.
pub(super) fn range(table: &str, from: Vec<Part>, is_after: bool, to: Vec<Part>) -> RecordId {
    let start = if is_after { Bound::Excluded(array(from)) } else { Bound::Included(array(from)) };
    RecordId::new(table, RecordIdKey::from(RecordIdKeyRange::from((start, Bound::Excluded(array(to))))))
}

/// Where a moment stands in a key that runs from the newest to the oldest.
pub(super) fn inverted(at: Timestamp) -> i64 {
    -at.as_millis()
}

/// Reads back the parts of an array key.
pub(super) struct Parts {
    what: String,
    parts: std::vec::IntoIter<Value>,
}

impl Parts {
    pub(super) fn of(id: RecordId) -> Result<Self> {
        let what = id.table.to_string();
        match id.key {
            RecordIdKey::Array(array) => Ok(Self { what, parts: array.into_vec().into_iter() }),
            _ => Err(Error::Corrupt(format!("{what}: the key is not an array"))),
        }
    }

    pub(super) fn text(&mut self) -> Result<String> {
        match self.parts.next() {
            Some(Value::String(text)) => Ok(text),
            _ => Err(Error::Corrupt(format!("{}: the key lacks a text", self.what))),
        }
    }

    pub(super) fn int(&mut self) -> Result<i64> {
        match self.parts.next() {
            Some(Value::Number(number)) => {
                number.to_int().ok_or_else(|| Error::Corrupt(format!("{}: the key lacks an integer", self.what)))
            }
            _ => Err(Error::Corrupt(format!("{}: the key lacks an integer", self.what))),
        }
    }

    /// A text that parses.
    pub(super) fn parsed<T: std::str::FromStr<Err = crate::domain::Invalid>>(&mut self) -> Result<T> {
        parsed(&self.text()?)
    }
}

/// The text key of a record.
pub(super) fn text_key(id: RecordId) -> Result<String> {
    match id.key {
        RecordIdKey::String(text) => Ok(text),
        _ => Err(Error::Corrupt(format!("{}: the key is not a text", id.table))),
    }
}

/// A text from a row that must parse.
pub(super) fn parsed<T: std::str::FromStr<Err = crate::domain::Invalid>>(text: &str) -> Result<T> {
    text.parse().map_err(|invalid: crate::domain::Invalid| Error::Corrupt(invalid.to_string()))
}

/// The position in a key whose second and third part are an inverted time and a post.
pub(super) fn position(id: RecordId) -> Result<PageCursor> {
    let mut parts = Parts::of(id)?;
    parts.text()?;
    Ok(PageCursor { at: Timestamp::from_millis(-parts.int()?), post: parts.parsed()? })
}
