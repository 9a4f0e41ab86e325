//! What the documents say of tests: each one that they name is there.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Documents that promise things, and how many tests they name at least.
const DOCUMENTS: [(&str, usize); 3] = [("SECURITY.md", 50), ("docs/limits.md", 50), ("docs/reliability.md", 8)];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The names in backquotes that can be those of tests or of modules with tests: words joined by `::`.
fn named(text: &str) -> Vec<&str> {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let is_name = |name: &&str| name.contains("::") && name.trim_end_matches("::").split("::").all(is_word);
    text.split('`').skip(1).step_by(2).filter(is_name).collect()
}

/// The files of a module: in the tests, in the source, or among the properties that fuzzing tries.
fn files_of(module: &[&str]) -> Vec<PathBuf> {
    let path: PathBuf = module.iter().collect();
    let roots = ["tests/it", "src", "fuzz"].map(|folder| root().join(folder).join(&path));
    let files = roots.iter().flat_map(|root| [root.with_extension("rs"), root.join("mod.rs")]);
    files.filter(|file| file.is_file()).collect()
}

fn is_there(name: &str) -> bool {
    let parts: Vec<&str> = name.trim_end_matches("::").split("::").collect();
    if name.ends_with("::") || !files_of(&parts).is_empty() {
        return !files_of(&parts).is_empty();
    }
    let (test, module) = parts.split_last().unwrap();
    // The tests of a source file stand in it, in a module `tests`.
    let module = if files_of(module).is_empty() { module.strip_suffix(&["tests"]).unwrap_or(module) } else { module };
    let declared = [format!("fn {test}("), format!("\n    fn {test}(")];
    files_of(module).iter().any(|file| {
        let text = fs::read_to_string(file).unwrap();
        text.contains("test]") && declared.iter().any(|line| text.contains(line))
    })
}

#[test]
fn every_test_that_a_document_names_is_there() {
    for (document, least) in DOCUMENTS {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let names = named(&text);
        assert!(names.len() >= least, "{document} names only {}", names.len());
        let missing: Vec<&str> = names.into_iter().filter(|name| !is_there(name)).collect();
        assert!(missing.is_empty(), "{document} names what is not there: {missing:#?}");
    }
}

/// What `cargo deny check sources licenses` would say, for those who have not installed it.
#[test]
fn everything_that_is_built_in_comes_from_crates_io_and_every_odd_licence_is_known_by_name() {
    let lock: toml::Table = toml::from_str(&fs::read_to_string(root().join("Cargo.lock")).unwrap()).unwrap();
    let deny: toml::Table = toml::from_str(&fs::read_to_string(root().join("deny.toml")).unwrap()).unwrap();
    let excepted: Vec<&str> =
        deny["licenses"]["exceptions"].as_array().unwrap().iter().map(|one| one["crate"].as_str().unwrap()).collect();
    let packages = lock["package"].as_array().unwrap();
    assert!(packages.len() > 300);
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let source = package.get("source").map(|source| source.as_str().unwrap());
        let is_known = source == Some("registry+https://github.com/rust-lang/crates.io-index") || name == "broadsheet";
        assert!(is_known, "{name} comes from {source:?}");
        // SurrealDB's own crates are under BUSL-1.1; its storage engine's are not.
        let is_odd = name.starts_with("surrealdb") && !name.contains("librocksdb") && name != "surrealdb-rocksdb";
        assert!(!is_odd || excepted.contains(&name), "{name} is not among the exceptions of deny.toml");
    }
}

/// A hole that is let pass is somebody's decision of some day, and says why.
#[test]
fn every_known_hole_that_is_let_pass_says_when_it_was_judged_and_why() {
    let deny: toml::Table = toml::from_str(&fs::read_to_string(root().join("deny.toml")).unwrap()).unwrap();
    let advisories = &deny["advisories"];
    assert_eq!((advisories["unmaintained"].as_str(), advisories["yanked"].as_str()), (Some("all"), Some("deny")));
    for ignored in advisories["ignore"].as_array().unwrap() {
        let (id, reason) = (ignored["id"].as_str().unwrap(), ignored["reason"].as_str().unwrap());
        let (day, why) = reason.split_once(": ").unwrap();
        assert!(id.starts_with("RUSTSEC-") && id.len() == "RUSTSEC-2023-0071".len(), "{id}");
        assert!(day.parse::<jiff::civil::Date>().is_ok() && why.len() > 80, "{id}: {reason}");
    }
    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    assert!(ci.contains("cargo deny check advisories"), "CI looks for known holes where it can");
}

#[test]
fn a_name_that_leads_nowhere_is_noticed() {
    for there in [
        "documents::",
        "documents::a_name_that_leads_nowhere_is_noticed",
        "domain::mail_link::tests::a_token_opens_its_own_link_only",
    ] {
        assert!(is_there(there), "{there}");
    }
    for missing in ["document::", "documents::no_such_test", "documents::is_there::", "domain::mail_link::tests::gone"]
    {
        assert!(!is_there(missing), "{missing}");
    }
    assert_eq!(named("a `b::c_d` and `e` and `f(g::h)` and `i::`, `J::k`"), ["b::c_d", "i::"]);
}
