//! Validation errors: the field, a stable code, and a sentence that says what would be valid.

use std::fmt;

/// One error of one field.
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
    /// An error about `field`.
    pub fn new(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }

    /// The same error with another field name, for a type that does not know which field it is in.
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

/// Collects all errors of a request, so that the client gets them at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<Invalid>);

impl Problems {
    /// Returns the value, or records its error.
    pub fn note<T>(&mut self, result: Result<T, Invalid>) -> Option<T> {
        result.map_err(|invalid| self.0.push(invalid)).ok()
    }

    /// Records one error.
    pub fn push(&mut self, invalid: Invalid) {
        self.0.push(invalid);
    }

    /// Succeeds if there are no errors.
    ///
    /// # Errors
    /// All recorded errors, if there are any.
    pub fn finish(self) -> Result<(), Vec<Invalid>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}
