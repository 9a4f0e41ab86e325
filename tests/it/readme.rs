//! The README's commands, as typed.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

const BINARY: &str = env!("CARGO_BIN_EXE_broadsheet");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A server that ends with its test.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The shell blocks of the README, without the one that builds.
fn blocks() -> Vec<String> {
    let readme = std::fs::read_to_string(format!("{ROOT}/README.md")).unwrap();
    let blocks = readme.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    blocks.filter(|block| !block.starts_with("make ")).collect()
}

#[test]
fn the_commands_of_the_readme_work_as_typed() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Command::new(BINARY)
        .arg("serve")
        .env("BROADSHEET__HTTP__LISTEN", "127.0.0.1:0")
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let server = Serving(server);
    let address = line.trim().strip_prefix("listening on ").unwrap();

    let mut script = blocks().concat();
    assert!(script.contains("examples/posts") && script.contains("http://127.0.0.1:8080"), "{script}");
    let start = script.find("broadsheet() {").unwrap();
    let end = start + script[start..].find('\n').unwrap();
    script.replace_range(start..end, &format!("broadsheet() {{ '{BINARY}' \"$@\"; }}"));
    let script =
        script.replace("http://127.0.0.1:8080", address).replace("examples/posts", &format!("{ROOT}/examples/posts"));
    let output = Command::new("bash").args(["-euc", &script]).current_dir(folder.path()).output().unwrap();
    drop(server);
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complained}");
    let workers = broadsheet::actors::workers::standard().names().len();
    assert_eq!(said.matches("\"state\":\"done\"").count(), workers, "every worker: done\n{said}");
    assert!(said.contains("19 published, 1 draft, 0 already there, 0 not imported"), "{said}\n{complained}");
    assert!(said.contains("<feed xmlns=\"http://www.w3.org/2005/Atom\""), "{said}");
    assert!(said.contains("\"posts\":20"), "the statistics count the first post and the nineteen: {said}");
    assert!(!said.contains("\"moderation\":\"rejected\""), "the tour's posts pass the rules: {said}");
}
