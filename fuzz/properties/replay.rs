//! Runs the kept inputs in the ordinary tests.

use std::{collections::BTreeSet, fs, panic, path::Path};

use super::TARGETS;

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn every_kept_input_still_keeps_its_promises() {
    let mut broken = Vec::new();
    for (name, property) in TARGETS {
        let mut count = 0;
        for entry in fs::read_dir(folder("corpus").join(name)).unwrap() {
            let path = entry.unwrap().path();
            let input = fs::read(&path).unwrap();
            count += 1;
            if panic::catch_unwind(|| property(&input)).is_err() {
                broken.push(path);
            }
        }
        assert!(count > 0, "nothing is kept for {name}");
    }
    assert!(broken.is_empty(), "what went wrong is said above; the inputs are {broken:#?}");
}

#[test]
fn every_target_has_its_file_and_its_corpus() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&folder("fuzz_targets")), targets);
    assert_eq!(names(&folder("corpus")), targets);
    let manifest = fs::read_to_string(folder("Cargo.toml")).unwrap();
    for name in targets {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "Cargo.toml does not know {name}");
    }
}

#[test]
fn the_versions_that_are_fuzzed_are_those_that_are_shipped() {
    let shipped = packages(&folder("../Cargo.lock"));
    let only_for_fuzzing = ["arbitrary", "broadsheet-fuzz", "libfuzzer-sys"];
    for package in packages(&folder("Cargo.lock")).difference(&shipped) {
        assert!(only_for_fuzzing.contains(&package.0.as_str()), "{package:?} is not what Cargo.lock says");
    }
}

fn packages(lock: &Path) -> BTreeSet<(String, String)> {
    let lock: toml::Table = toml::from_str(&fs::read_to_string(lock).unwrap()).unwrap();
    let field = |package: &toml::Value, name: &str| package[name].as_str().unwrap().to_owned();
    let packages = lock["package"].as_array().unwrap().iter();
    packages.map(|package| (field(package, "name"), field(package, "version"))).collect()
}
