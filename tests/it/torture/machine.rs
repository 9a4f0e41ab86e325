//! The misbehaving machine itself, tried on programs that everybody knows.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::StdRng};

use crate::support::{Calls, Machine, Trouble};

#[test]
fn a_power_cut_takes_what_was_not_synced_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(folder.path());
    let script = "echo kept > a; sync a; sync .; echo lost >> a; echo lost > b; sync b; \
                  echo old > c; echo new > d; sync c; sync d; sync .; move d c; echo kept > e; sync e .; \
                  sleep 0.02; echo never > f";
    run(&machine, script);
    machine.cut_power(&mut StdRng::seed_from_u64(1));
    let read = |name: &str| std::fs::read_to_string(folder.path().join("data").join(name)).ok();
    assert!(read("a").is_some_and(|text| text.starts_with("kept\n")), "{:?}", read("a"));
    // The rename came before the folder's last sync.
    assert_eq!((read("c"), read("d")), (Some("new\n".to_owned()), None));
    assert_eq!((read("e"), read("f")), (Some("kept\n".to_owned()), None));

    run(&machine, "echo newer > d; sync d .; move d c; sleep 0.02; echo unnamed > g; sync g");
    machine.cut_power(&mut StdRng::seed_from_u64(1));
    assert_eq!((read("c"), read("d")), (Some("new\n".to_owned()), Some("newer\n".to_owned())));
    assert_eq!(read("g"), None);
}

#[test]
fn a_clock_that_was_set_ahead_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(folder.path());
    let year = || run(&machine, "date -u +%Y").parse::<i64>().unwrap();
    let now = year();
    machine.set_clock(10 * 366 * 86_400);
    assert!((10..=11).contains(&(year() - now)));
    machine.set_clock(-5 * 366 * 86_400);
    assert!((5..=6).contains(&(now - year())));
}

#[test]
fn only_what_is_meant_is_disturbed_and_only_while_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(folder.path());
    let said = |script: &str| run(&machine, &format!("{{ {script}; }} 2>&1 || true"));
    run(&machine, "mkdir db mail; echo old > db/a");
    let write = |name: &str| said(&format!("echo new | dd status=none of=$PWD/{name} && cat {name}"));
    machine.only("/db/");
    machine.disturb(Calls::Write, Trouble::Fails);
    assert!(write("db/b").contains("Input/output error"));
    assert_eq!(write("mail/b"), "new");
    machine.disturb(Calls::Write, Trouble::Full);
    assert!(write("db/b").contains("No space left"));
    machine.disturb(Calls::Write, None);
    machine.disturb(Calls::Create, Trouble::Full);
    assert!(write("db/c").contains("No space left"));
    machine.disturb(Calls::Create, None);
    machine.disturb(Calls::Read, Trouble::Fails);
    assert!(said("dd status=none if=db/a").contains("Input/output error"));
    machine.disturb(Calls::Read, None);
    machine.disturb(Calls::Sync, Trouble::Fails);
    assert!(said("sync db/a").contains("Input/output error"));
    assert_eq!(machine.disturbed(), 5);
    machine.disturb(Calls::Sync, Trouble::Slow(Duration::from_millis(300)));
    let began = Instant::now();
    assert_eq!(said("sync db/a && cat db/a"), "old");
    assert!(began.elapsed() >= Duration::from_millis(300), "a sync cannot be faster than it was told to be");
}

/// Runs a script in the data folder; answers what it prints.
fn run(machine: &Machine, script: &str) -> String {
    // mv does it in a way that the library does not see.
    let script =
        format!("move() {{ /usr/bin/python3 -c 'import os; os.rename(\"'$PWD/$1'\", \"'$PWD/$2'\")'; }}; {script}");
    let mut shell = Command::new("bash");
    let output = shell.args(["-ec", &script]).current_dir(machine.folder().join("data")).envs(machine.environment());
    let output = output.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
