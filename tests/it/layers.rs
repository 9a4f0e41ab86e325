//! House rules that no compiler keeps: which part of the server may use which, that the files of a part do not use each other in
//! circles, and how long files and functions are. Of `src/`; what is only compiled for tests does not count.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Every part, and the parts that it may use. Arrows point one way: a part uses only those above it.
const LAYERS: [(&str, &[&str]); 17] = [
    ("backoff", &[]),
    ("process", &[]),
    ("domain", &[]),
    ("clock", &["domain"]),
    ("config", &["domain"]),
    ("telemetry", &["config"]),
    ("gateways", &["clock", "domain"]),
    ("search", &["domain"]),
    ("store", &["backoff", "clock", "domain"]),
    ("identity", &["domain", "store"]),
    ("actors", &["backoff", "clock", "config", "domain", "gateways", "process", "search", "store"]),
    ("metrics", &["actors", "domain", "gateways", "process", "store"]),
    ("http", &["actors", "clock", "config", "domain", "gateways", "identity", "metrics", "search", "store"]),
    ("app", &["actors", "clock", "config", "domain", "gateways", "http", "identity", "metrics", "search", "store"]),
    ("cli", &["actors", "app", "backoff", "clock", "config", "domain", "http", "process", "store", "telemetry"]),
    ("main", &["cli"]),
    ("lib", &[]),
];
/// Parts whose files are free of circles.
const FREE_OF_CIRCLES: [&str; 6] = ["app", "config", "gateways", "http", "identity", "metrics"];
const LONGEST_FILE: usize = 500;
const LONGEST_FUNCTION: usize = 60;
/// Longer functions that read better whole: a table with one arm for each way in which a run ends.
const LONGER: [(&str, &str); 1] = [("actors::worker::disposition", "resolve")];

type Module = Vec<String>;

/// The product code of all modules.
#[derive(Default)]
struct Sources {
    modules: BTreeMap<Module, String>,
    /// What a module re-exports: its name there, and where it comes from.
    exports: BTreeMap<(Module, String), Module>,
}

impl Sources {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = Vec::new();
        for entry in walk(&root) {
            let path = entry.strip_prefix(&root).unwrap().with_extension("");
            let mut module: Module = path.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            module.pop_if(|last| last == "mod");
            files.push((module, fs::read_to_string(entry).unwrap()));
        }
        Self::of(files)
    }

    fn of(files: Vec<(Module, String)>) -> Self {
        let only_tests: Vec<Module> = files.iter().flat_map(|(module, text)| test_modules(module, text)).collect();
        let is_product = |module: &Module| !only_tests.iter().any(|tests| module.starts_with(tests));
        let files = files.into_iter().filter(|(module, _)| is_product(module));
        let mut sources =
            Self { modules: files.map(|(module, text)| (module, product(&text))).collect(), ..Self::default() };
        for (module, text) in &sources.modules {
            for (is_export, path) in uses(text) {
                if let Some(path) = sources.absolute(module, &path).filter(|_| is_export) {
                    sources.exports.insert((module.clone(), path.last().unwrap().clone()), path);
                }
            }
        }
        sources
    }

    /// The path from the root of the crate; `None` for what is no part of it.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Module> {
        let ups = path.iter().take_while(|part| *part == "super").count();
        let is_child = path
            .first()
            .is_some_and(|first| self.modules.contains_key(&[&module[..], std::slice::from_ref(first)].concat()));
        Some(match path.first()?.as_str() {
            "crate" => path[1..].to_vec(),
            "self" => [&module[..], &path[1..]].concat(),
            "super" => [&module[..module.len().checked_sub(ups)?], &path[ups..]].concat(),
            _ if is_child => [&module[..], path].concat(),
            _ => return None,
        })
    }

    /// The module that something comes from, however often it is re-exported.
    fn home(&self, path: &[String]) -> Module {
        let mut home = Module::new();
        for (place, part) in path.iter().enumerate() {
            let inner = [&home[..], std::slice::from_ref(part)].concat();
            if self.modules.contains_key(&inner) {
                home = inner;
            } else if let Some(origin) = self.exports.get(&(home.clone(), part.clone())) {
                return self.home(&[&origin[..], &path[place + 1..]].concat());
            } else {
                break;
            }
        }
        home
    }

    /// What each module uses of others, not counting what it re-exports.
    fn edges(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let mut edges = BTreeMap::new();
        for (module, text) in &self.modules {
            let imported = uses(text).into_iter().filter(|(is_export, _)| !is_export).map(|(_, path)| path);
            let paths = imported.chain(named(text)).filter_map(|path| self.absolute(module, &path));
            let homes = paths.map(|path| self.home(&path)).filter(|home| home != module && !home.is_empty());
            edges.insert(module.clone(), homes.collect::<BTreeSet<Module>>());
        }
        edges
    }

    /// The top-level parts that use a part which they must not use, and by which module.
    fn forbidden(&self, layers: &[(&str, &[&str])]) -> Vec<String> {
        let mut found = Vec::new();
        for (module, used) in self.edges() {
            let allowed = layers.iter().find(|(part, _)| *part == module[0]).map(|(_, allowed)| *allowed);
            let allowed = allowed.unwrap_or_else(|| panic!("{} is in no layer", module[0]));
            let is_wrong = |other: &&Module| other[0] != module[0] && !allowed.contains(&other[0].as_str());
            found.extend(
                used.iter().filter(is_wrong).map(|other| format!("{} uses {}", module.join("::"), other.join("::"))),
            );
        }
        found
    }

    /// The modules of a part that use each other in circles. A module and those inside of it belong together.
    fn circles(&self, part: &str) -> Vec<String> {
        let mut left = self.edges();
        left.retain(|module, _| module[0] == part);
        for (module, used) in &mut left {
            used.retain(|other| !other.starts_with(module) && !module.starts_with(other));
        }
        loop {
            let before = left.len();
            let using: BTreeSet<Module> = left.keys().cloned().collect();
            left.retain(|_, used| used.iter().any(|other| using.contains(other)));
            let used: BTreeSet<Module> = left.values().flatten().cloned().collect();
            left.retain(|module, _| used.contains(module));
            if left.len() == before {
                return left.keys().map(|module| module.join("::")).collect();
            }
        }
    }
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The modules that a file declares for tests only.
fn test_modules(module: &Module, text: &str) -> Vec<Module> {
    let mut found = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        let name = line.strip_suffix(';').and_then(|line| line.split_once("mod "));
        if let Some((_, name)) = name.filter(|_| is_test) {
            found.push([&module[..], &[name.to_owned()]].concat());
        }
        is_test = line.starts_with("#[cfg(test)]") || (is_test && line.starts_with("#["));
    }
    found
}

/// A file without comments and without its module of tests.
fn product(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").or_else(|| text.find("#[cfg(test)]\npub(crate) mod tests {"));
    let end = end.or_else(|| text.find("#[cfg(all(test")).unwrap_or(text.len());
    let code = |line: &str| line.split_once("//").map_or(line, |(code, _)| code).to_owned() + "\n";
    text[..end].lines().map(code).collect()
}

/// The paths in `use` statements, and whether each is re-exported.
fn uses(text: &str) -> Vec<(bool, Module)> {
    let mut found = Vec::new();
    for statement in text.split(';') {
        let starts = statement.rmatch_indices("use ").map(|(start, _)| start);
        let start = starts.into_iter().find(|start| statement[..*start].lines().last().is_none_or(is_before_use));
        let Some(start) = start else { continue };
        let is_export = statement[..start].lines().last().is_some_and(|line| line.trim_start().starts_with("pub"));
        expand(&[], &statement[start + 4..], &mut |path| found.push((is_export, path)));
    }
    found
}

/// Whether there is only a visibility before a word on its line.
fn is_before_use(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line == "pub" || (line.starts_with("pub(") && line.ends_with(')'))
}

/// Takes a tree of imports apart: `a::{b, c::d}`.
fn expand(prefix: &[String], tree: &str, found: &mut impl FnMut(Module)) {
    let tree = tree.trim();
    let (path, inner) = match tree.split_once('{') {
        Some((path, inner)) => (path, inner.strip_suffix('}')),
        None => (tree.split(" as ").next().unwrap(), None),
    };
    let words = path.split("::").map(str::trim).filter(|word| !word.is_empty() && *word != "self" || prefix.is_empty());
    let prefix: Module =
        prefix.iter().cloned().chain(words.filter(|word| !word.is_empty()).map(str::to_owned)).collect();
    let Some(inner) = inner else { return found(prefix) };
    let (mut depth, mut start) = (0, 0);
    for (place, character) in inner.char_indices().chain([(inner.len(), ',')]) {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !inner[start..place].trim().is_empty() {
                    expand(&prefix, &inner[start..place], found);
                }
                start = place + 1;
            }
            _ => {}
        }
    }
}

/// The paths that are written out in code: `crate::a::b`, `super::c`.
fn named(text: &str) -> Vec<Module> {
    let mut found = Vec::new();
    for root in ["crate::", "super::", "self::"] {
        for (start, _) in text.match_indices(root) {
            let end = text[start..].find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
            let path = &text[start..end.map_or(text.len(), |end| start + end)];
            found.push(path.split("::").filter(|word| !word.is_empty()).map(str::to_owned).collect());
        }
    }
    found
}

/// The functions of a file that `rustfmt` has written, and how many lines each has.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let words = line.trim_start().split(' ').take_while(|word| *word != "fn");
        let is_function = line.contains("fn ")
            && words.clone().all(|word| word.starts_with("pub") || matches!(word, "async" | "const" | "unsafe"));
        let end_line = format!("{}}}", &line[..indent]);
        let end = lines[start..].iter().position(|line| *line == end_line);
        if let Some(end) = end.filter(|_| is_function && !line.ends_with('}') && !line.ends_with(';')) {
            let name = line.split("fn ").nth(1).unwrap().split(['(', '<']).next().unwrap();
            found.push((name.to_owned(), end + 1));
        }
    }
    found
}

#[test]
fn no_part_uses_another_against_the_arrows() {
    let wrong = Sources::read().forbidden(&LAYERS);
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (place, (part, used)) in LAYERS.iter().enumerate() {
        let above: Vec<&str> = LAYERS[..place].iter().map(|(part, _)| *part).collect();
        assert!(used.iter().all(|part| above.contains(part)), "{part} may use only what is above it");
    }
}

#[test]
fn these_parts_are_free_of_circles() {
    let sources = Sources::read();
    for part in FREE_OF_CIRCLES {
        let circles = sources.circles(part);
        assert!(circles.is_empty(), "these use each other in circles: {circles:#?}");
    }
}

#[test]
fn files_and_functions_can_be_read_in_one_sitting() {
    let sources = Sources::read();
    assert!(sources.modules.len() > 300);
    let mut functions_seen = 0;
    let mut longer = Vec::new();
    for (module, text) in &sources.modules {
        let (name, lines) = (module.join("::"), text.lines().count());
        assert!(lines <= LONGEST_FILE, "{name} has {lines} lines");
        for (function, lines) in functions(text) {
            functions_seen += 1;
            if lines > LONGEST_FUNCTION {
                longer.push((name.clone(), function));
            }
        }
    }
    assert!(functions_seen > 1_000, "{functions_seen}");
    let known = LONGER.map(|(module, function)| (module.to_owned(), function.to_owned()));
    assert_eq!(longer, known, "functions of more than {LONGEST_FUNCTION} lines");
}

#[test]
fn what_breaks_a_rule_is_seen() {
    let file = |module: &str, text: &str| (module.split("::").map(str::to_owned).collect(), text.to_owned());
    let sources = Sources::of(vec![
        file("a", "mod x;\nmod y;\npub use x::{X, Other as O};\n#[cfg(test)]\nmod helper;\n"),
        file("a::x", "use super::y::Y;\nuse crate::{\n    b::B,\n};\n// use crate::c::C;\npub struct X;\n"),
        file(
            "a::y",
            "use std::fs;\npub struct Y;\nfn f() { super::X::new() }\n#[cfg(test)]\nmod tests {\nuse crate::d::D;\n}\n",
        ),
        file("a::helper", "use crate::d::D;\n"),
        file("b", "use crate::a::X;\npub struct B;\n"),
    ]);
    assert_eq!(sources.circles("a"), ["a::x", "a::y"]);
    let layers: [(&str, &[&str]); 2] = [("a", &["b"]), ("b", &[])];
    assert_eq!(sources.forbidden(&layers), ["b uses a::x"]);
    let text = "impl X {\n    pub async fn long(\n        a: u8,\n    ) {\n        b();\n    }\n\n    fn short() {}\n    fn none();\n}\n";
    assert_eq!(functions(text), [("long".to_owned(), 5)]);
}
