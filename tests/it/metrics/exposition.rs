//! Reading an exposition as strictly as a scraper may: the OpenMetrics text format, as far as this server uses it.

use std::collections::{BTreeMap, BTreeSet};

/// One line with a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub(super) struct Exposition {
    /// Families with their types.
    pub(super) families: BTreeMap<String, String>,
    pub(super) samples: Vec<Sample>,
}

impl Exposition {
    /// Reads a text; fails the test where it is not in the format.
    #[track_caller]
    pub(super) fn parse(text: &str) -> Self {
        let body = text.strip_suffix("# EOF\n").expect("the end is marked");
        let (mut families, mut samples) = (BTreeMap::new(), Vec::new());
        let mut family: Option<(String, String)> = None;
        let mut described = None;
        for line in body.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(help.ends_with('.') && help.len() > 5, "no sentence: {line}");
                described = Some(name.to_owned());
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(described.take().as_deref(), Some(name), "a type without its help: {line}");
                assert!(families.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
                family = Some((name.to_owned(), kind.to_owned()));
            } else {
                let sample = sample(line);
                let (name, kind) = family.as_ref().expect("a sample without a family");
                let suffix = sample.name.strip_prefix(name.as_str()).unwrap_or_else(|| panic!("astray: {line}"));
                match kind.as_str() {
                    "gauge" => assert_eq!(suffix, "", "{line}"),
                    "counter" => assert!(suffix == "_total" && sample.value >= 0.0, "{line}"),
                    "histogram" => assert!(["_bucket", "_sum", "_count"].contains(&suffix), "{line}"),
                    _ => panic!("an unknown type: {kind}"),
                }
                samples.push(sample);
            }
        }
        let exposition = Self { families, samples };
        exposition.check();
        exposition
    }

    /// No sample is there twice; buckets grow and end with the count.
    #[track_caller]
    fn check(&self) {
        let mut seen = BTreeSet::new();
        let mut buckets: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for Sample { name, labels, value } in &self.samples {
            assert!(seen.insert(format!("{name} {labels:?}")), "twice: {name} {labels:?}");
            if let Some(family) = name.strip_suffix("_bucket") {
                let mut labels = labels.clone();
                let bound = labels.remove("le").unwrap().replace("+Inf", "inf").parse().unwrap();
                buckets.entry(format!("{family}_count {labels:?}")).or_default().push((bound, *value));
            }
        }
        for (count, buckets) in buckets {
            assert!(buckets.is_sorted_by(|one, two| one.0 < two.0 && one.1 <= two.1), "{count}: {buckets:?}");
            let last = buckets.last().unwrap();
            assert_eq!(last.0, f64::INFINITY, "{count}");
            let found = self.samples.iter().find(|sample| format!("{} {:?}", sample.name, sample.labels) == count);
            assert_eq!(found.unwrap().value, last.1, "{count}");
        }
    }

    /// The sum of all samples of that name that have these labels; fails the test if there is none.
    #[track_caller]
    pub(super) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let found: Vec<f64> = self.find(name, labels).map(|sample| sample.value).collect();
        assert!(!found.is_empty(), "no {name} {labels:?}");
        found.iter().sum()
    }

    /// As [`Exposition::value`], and 0 if there is none.
    pub(super) fn value_or_zero(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.find(name, labels).map(|sample| sample.value).sum()
    }

    fn find<'a>(&'a self, name: &'a str, labels: &'a [(&str, &str)]) -> impl Iterator<Item = &'a Sample> {
        let has =
            |sample: &Sample, (key, value): &(&str, &str)| sample.labels.get(*key).is_some_and(|found| found == value);
        self.samples.iter().filter(move |sample| sample.name == name && labels.iter().all(|label| has(sample, label)))
    }

    /// All names that samples have.
    pub(super) fn names(&self) -> BTreeSet<String> {
        self.samples.iter().map(|sample| sample.name.clone()).collect()
    }
}

#[track_caller]
fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}').unwrap_or_else(|| panic!("no end: {line}"))),
        None => (series, ""),
    };
    let is_name = |text: &str| {
        !text.is_empty()
            && !text.starts_with(|first: char| first.is_ascii_digit())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    assert!(is_name(name), "no name: {line}");
    let mut pairs = BTreeMap::new();
    let mut rest = labels;
    while !rest.is_empty() {
        let (key, behind) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
        let (value, behind) = behind.split_once('"').unwrap_or_else(|| panic!("no end: {line}"));
        assert!(is_name(key) && !value.contains('\\'), "no plain label: {line}");
        assert!(pairs.insert(key.to_owned(), value.to_owned()).is_none(), "twice: {line}");
        rest = behind.strip_prefix(',').unwrap_or(behind);
    }
    Sample {
        name: name.to_owned(),
        labels: pairs,
        value: value.parse().unwrap_or_else(|_| panic!("no number: {line}")),
    }
}
