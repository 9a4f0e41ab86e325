//! What is wrong with a value somebody sent: the field, a stable code, and a sentence that says what would be right.

use std::fmt;

/// One thing that is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The field's name as the client wrote it, dotted where it is nested: `tags.3`.
    pub field: String,
    /// A stable snake_case code for programs.
    pub code: &'static str,
    /// A sentence for people: lower case, no full stop.
    pub message: String,
}

impl Invalid {
    /// Says that `field` is wrong.
    pub fn new(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }

    /// The same finding under another field name: for a type that does not know where it stands.
    #[must_use]
    pub fn under(self, field: impl Into<String>) -> Self {
        Self { field: field.into(), ..self }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.message)
    }
}

impl std::error::Error for Invalid {}

/// Collects what is wrong with a request, so that the client hears of everything at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<Invalid>);

impl Problems {
    /// Keeps the value, or notes what is wrong with it.
    pub fn note<T>(&mut self, result: Result<T, Invalid>) -> Option<T> {
        result.map_err(|invalid| self.0.push(invalid)).ok()
    }

    /// Notes one finding.
    pub fn push(&mut self, invalid: Invalid) {
        self.0.push(invalid);
    }

    /// Nothing found: go on.
    ///
    /// # Errors
    /// Everything that was noted, if anything was.
    pub fn finish(self) -> Result<(), Vec<Invalid>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}
