//! The known keys and their types, derived from the defaults, so that there is no second list to maintain.

use toml::{Table, Value};

use super::{Config, ConfigError, Count, Size, WorkerSettings};

/// The keys and types of a configuration.
pub(super) struct Shape {
    root: Value,
    worker: Value,
}

impl Shape {
    pub(super) fn new() -> Result<Self, ConfigError> {
        let failed =
            |error: toml::ser::Error| ConfigError::Unset { key: "defaults".to_owned(), message: error.to_string() };
        let worker = WorkerSettings { wait_for_approval: Some(false), ..WorkerSettings::default() };
        Ok(Self {
            root: Value::Table(Table::try_from(Config::default()).map_err(failed)?),
            worker: Value::Table(Table::try_from(worker).map_err(failed)?),
        })
    }

    /// A value of this key's type; `None` if there is no such key.
    pub(super) fn find(&self, path: &[String]) -> Option<&Value> {
        match path {
            [section, name, rest @ ..] if section == "workers" && name != "run" && !name.is_empty() => {
                descend(&self.worker, rest)
            }
            _ => descend(&self.root, path),
        }
    }

    /// The known key most similar to this unknown one.
    pub(super) fn nearest(&self, key: &str) -> Option<String> {
        let mut known = self.keys();
        if !key.contains('.') {
            known.extend(keys_of(&self.root).cloned());
        }
        if let Some((worker, _)) = key.strip_prefix("workers.").and_then(|rest| rest.split_once('.')) {
            known.extend(keys_of(&self.worker).map(|name| format!("workers.{worker}.{name}")));
        }
        let distances = known.into_iter().map(|candidate| (strsim::levenshtein(key, &candidate), candidate));
        let alike = |distance: usize| distance <= 3 && distance * 2 <= key.len();
        distances.filter(|(distance, _)| alike(*distance)).min().map(|(_, candidate)| candidate)
    }

    /// All keys, dotted, except those of single workers.
    fn keys(&self) -> Vec<String> {
        let sections = self.root.as_table().into_iter().flatten();
        sections
            .flat_map(|(section, value)| match value {
                Value::Table(_) => keys_of(value).map(|key| format!("{section}.{key}")).collect::<Vec<_>>(),
                _ => vec![section.clone()],
            })
            .collect()
    }
}

/// Why a value does not have the type of `expected`; the value itself is not repeated.
pub(super) fn mismatch(expected: &Value, given: &Value) -> Option<&'static str> {
    match (expected, given) {
        (Value::Integer(_), Value::Integer(number)) => (*number < 0).then_some("must not be negative"),
        (Value::Integer(_), _) => Some("must be a whole number"),
        (Value::Boolean(_), given) => (!given.is_bool()).then_some("must be true or false"),
        (Value::Array(_), given) => {
            let is_list = given.as_array().is_some_and(|items| items.iter().all(Value::is_str));
            (!is_list).then_some("must be a list of texts, such as [\"a\", \"b\"]")
        }
        // Sizes and counts may be texts or numbers.
        (Value::String(default), Value::Integer(_)) if is_size_or_count(default) => None,
        (Value::String(_), given) => (!given.is_str()).then_some("must be a text in quotes"),
        (Value::Table(_), given) => (!given.is_table()).then_some("is a section, not a key"),
        (Value::Float(_) | Value::Datetime(_), _) => None,
    }
}

fn is_size_or_count(default: &str) -> bool {
    default.parse::<Size>().is_ok() || default.parse::<Count>().is_ok()
}

fn descend<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.as_table()?.get(key))
}

fn keys_of(table: &Value) -> impl Iterator<Item = &String> {
    table.as_table().into_iter().flat_map(Table::keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_finds_its_neighbour() {
        let shape = Shape::new().unwrap();
        assert_eq!(shape.nearest("http.listne").as_deref(), Some("http.listen"));
        assert_eq!(shape.nearest("htp.listen").as_deref(), Some("http.listen"));
        assert_eq!(shape.nearest("htp").as_deref(), Some("http"));
        assert_eq!(shape.nearest("workers.feed.bach").as_deref(), Some("workers.feed.batch"));
        assert_eq!(shape.nearest("completely.different"), None);
    }
}
