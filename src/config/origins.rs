//! Where each value came from, for error messages. Contains names of keys and variables, never values.

use std::collections::{BTreeMap, BTreeSet};

use super::ConfigError;

/// Which keys were set by the file and by variables.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    file: Option<String>,
    keys_in_file: BTreeSet<String>,
    variables: BTreeMap<String, String>,
}

/// Origins do not count for equality: two configurations with the same values are equal.
impl PartialEq for Origins {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Origins {}

impl Origins {
    pub(super) fn note_file(&mut self, file: &str) {
        self.file = Some(file.to_owned());
    }

    pub(super) fn note_key(&mut self, key: &str) {
        self.keys_in_file.insert(key.to_owned());
    }

    pub(super) fn note_variable(&mut self, key: &str, variable: &str) {
        self.variables.insert(key.to_owned(), variable.to_owned());
    }

    /// Whether the file or a variable sets this key.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.keys_in_file.contains(key) || self.variables.contains_key(key)
    }

    /// An error about `key`, which may name an element (`workers.run[0]`) or a section (`workers.feed`). It names the
    /// origin of the value: a variable takes precedence over the file.
    pub(super) fn blame(&self, key: &str, message: &str) -> ConfigError {
        let whole = key.split('[').next().unwrap_or(key);
        // Keys and messages may repeat what the operator wrote, but an error must be one line.
        let visible = |text: &str| text.replace(char::is_control, " ");
        // `"" = 1` is valid TOML, and an error without a name is useless.
        let key = if key.is_empty() { "\"\"".to_owned() } else { visible(key) };
        let message = visible(message);
        if let Some((_, variable)) = self.variables.iter().find(|(set, _)| is_within(set, whole)) {
            return ConfigError::InVariable { variable: visible(variable), key, message };
        }
        match &self.file {
            Some(file) if self.keys_in_file.iter().any(|set| is_within(set, whole)) => {
                ConfigError::InFile { file: file.clone(), key, message }
            }
            _ => ConfigError::Unset { key, message },
        }
    }
}

/// Whether the dotted `key` is `section` or a key in it.
fn is_within(key: &str, section: &str) -> bool {
    key.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
