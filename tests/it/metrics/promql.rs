//! Which series a PromQL expression asks for: just enough of its grammar to tell names from everything else.

use std::collections::BTreeSet;

/// Words that are no names although no bracket follows them.
const WORDS: [&str; 19] = [
    "and",
    "or",
    "unless",
    "bool",
    "offset",
    "sum",
    "min",
    "max",
    "avg",
    "count",
    "stddev",
    "stdvar",
    "topk",
    "bottomk",
    "quantile",
    "count_values",
    "group",
    "inf",
    "nan",
];
/// Words that a list of labels follows.
const LISTS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// The names of the series in an expression.
pub(super) fn names(expression: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '"' | '\'' | '`' => behind(&rest[1..], first),
            '{' => matchers(&rest[1..]),
            '[' => behind(rest, ']'),
            '$' => without_word(&rest[1..]),
            digit if digit.is_ascii_digit() => without_word(rest),
            letter if is_letter(letter) => {
                let after = without_word(rest);
                let word = &rest[..rest.len() - after.len()];
                if LISTS.contains(&word) {
                    behind(after, ')')
                } else {
                    if !after.trim_start().starts_with('(') && !WORDS.contains(&word) {
                        names.insert(word.to_owned());
                    }
                    after
                }
            }
            _ => &rest[first.len_utf8()..],
        };
    }
    names
}

/// The names in a variable's query: `label_values(series, label)`.
pub(super) fn names_in_query(query: &str) -> BTreeSet<String> {
    let arguments = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).unwrap();
    names(arguments.rsplit_once(',').unwrap().0)
}

fn is_letter(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_' || character == ':'
}

fn without_word(text: &str) -> &str {
    text.trim_start_matches(|character: char| is_letter(character) || character.is_ascii_digit())
}

fn behind(text: &str, end: char) -> &str {
    text.split_once(end).unwrap_or_else(|| panic!("no {end} in {text}")).1
}

/// Leaves out label matchers, whose strings may hold brackets.
fn matchers(mut rest: &str) -> &str {
    loop {
        match rest.chars().next().expect("the matchers end") {
            '}' => return &rest[1..],
            '"' => rest = behind(&rest[1..], '"'),
            other => rest = &rest[other.len_utf8()..],
        }
    }
}

#[test]
fn names_are_told_from_functions_labels_and_numbers() {
    for (expression, expected) in [
        ("up == 0 or absent(up{job=\"x\"})", vec!["up"]),
        (
            "histogram_quantile(0.99, sum by (le, http_route) (rate(a_bucket{route!~\"/v1/{id}\", x=~\"$x\"}[5m]))) > 1e3",
            vec!["a_bucket"],
        ),
        ("sum(a_total) without (b) / on (instance) group_left (c) d:e offset 5m", vec!["a_total", "d:e"]),
        ("topk(3, rate(a[$__rate_interval])) and b unless time() - c > 900", vec!["a", "b", "c"]),
    ] {
        assert_eq!(names(expression).into_iter().collect::<Vec<_>>(), expected, "{expression}");
    }
    assert!(names_in_query("label_values(a{b=~\"$b\"}, c)").contains("a"));
}
