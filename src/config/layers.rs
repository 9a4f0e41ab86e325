//! Merges the file and the variables into one table of known keys with values of the right types.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::{
    ConfigError, Origins,
    shape::{Shape, mismatch},
};

/// The prefix of all variables.
const PREFIX: &str = "BROADSHEET__";

/// The values set so far, and their origins.
#[derive(Default)]
pub(super) struct Layers {
    pub(super) table: Table,
    pub(super) origins: Origins,
}

impl Layers {
    /// Adds the text of a file. Must be called before any variable is added.
    pub(super) fn add_file(&mut self, file: &str, text: &str, shape: &Shape) -> Result<(), ConfigError> {
        let table: Table = toml::from_str(text).map_err(|error| syntax(file, text, &error))?;
        self.origins.note_file(file);
        let mut leaves = Vec::new();
        collect_leaves(&table, &mut Vec::new(), &mut leaves);
        for (path, value) in leaves {
            let key = path.join(".");
            self.origins.note_key(&key);
            let Some(expected) = shape.find(&path) else {
                return Err(self.origins.blame(&key, &unknown(shape.nearest(&key))));
            };
            if let Some(message) = mismatch(expected, value) {
                return Err(self.origins.blame(&key, message));
            }
        }
        self.table = table;
        Ok(())
    }

    /// Adds the variables that have our prefix.
    pub(super) fn add_variables(
        &mut self,
        variables: impl Iterator<Item = (String, String)>,
        shape: &Shape,
    ) -> Result<(), ConfigError> {
        let ours: BTreeMap<String, String> = variables.filter(|(name, _)| name.starts_with(PREFIX)).collect();
        for (variable, text) in ours {
            let name = variable.strip_prefix(PREFIX).unwrap_or_default();
            let path: Vec<String> = name.split("__").map(str::to_ascii_lowercase).collect();
            let key = path.join(".");
            self.origins.note_variable(&key, &variable);
            let Some(expected) = shape.find(&path) else {
                let nearest = shape.nearest(&key).map(|key| variable_of(&key));
                return Err(self.origins.blame(&key, &unknown(nearest)));
            };
            let value = read(expected, &text);
            if let Some(message) = mismatch(expected, &value) {
                return Err(self.origins.blame(&key, message));
            }
            insert(&mut self.table, &path, value);
        }
        Ok(())
    }
}

/// The variable that sets a key.
pub(super) fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase().replace('.', "__"))
}

fn unknown(nearest: Option<String>) -> String {
    nearest.map_or_else(|| "unknown key".to_owned(), |nearest| format!("unknown key; did you mean {nearest}?"))
}

fn syntax(file: &str, text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    ConfigError::Syntax {
        file: file.to_owned(),
        line: before.matches('\n').count() + 1,
        message: error.message().replace(char::is_control, " "),
    }
}

/// All values in a table, and all empty tables, with their paths.
fn collect_leaves<'a>(table: &'a Table, path: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, &'a Value)>) {
    for (key, value) in table {
        path.push(key.clone());
        match value {
            Value::Table(inner) if !inner.is_empty() => collect_leaves(inner, path, leaves),
            _ => leaves.push((path.clone(), value)),
        }
        path.pop();
    }
}

/// Parses a variable's text as the type of its key. If that fails, it stays a text.
fn read(expected: &Value, text: &str) -> Value {
    let literal = Value::String(text.to_owned());
    match expected {
        Value::Integer(_) => text.trim().parse().map_or(literal, Value::Integer),
        Value::Boolean(_) => text.trim().parse().map_or(literal, Value::Boolean),
        Value::Array(_) => list(text.trim()).unwrap_or(literal),
        _ => literal,
    }
}

/// Parses `a,b` or `["a", "b"]`.
fn list(text: &str) -> Option<Value> {
    if text.starts_with('[') {
        return toml::from_str::<Table>(&format!("list = {text}")).ok()?.remove("list");
    }
    Some(Value::Array(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect()))
}

fn insert(table: &mut Table, path: &[String], value: Value) {
    match path {
        [] => {}
        [key] => {
            table.insert(key.clone(), value);
        }
        [section, rest @ ..] => {
            let inner = table.entry(section.as_str()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}
