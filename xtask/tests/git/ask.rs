//! What `--fix` asks at a terminal.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::fix::{FILE, broken};

/// The two ends of a terminal: the person's, and the program's.
fn terminal() -> (File, File) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap().into_string().unwrap();
    let program = File::options().read(true).write(true).open(name).unwrap();
    (File::from(person), program)
}

/// Reads until the program has asked, and types an answer.
fn answer(terminal: &mut File, question: &str, answer: &str) {
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains(question) {
        let mut some = [0; 4096];
        let count = terminal.read(&mut some).unwrap_or_default();
        assert!(count > 0, "never asked `{question}`: {}", String::from_utf8_lossy(&said));
        said.extend(&some[..count]);
    }
    writeln!(terminal, "{answer}").unwrap();
}

#[track_caller]
fn check(typed: &str, code: i32, says: &str, changes: bool) {
    let repository = broken("op.execute(\"ALTER TYPE mood ADD VALUE 'new'\")", "pass");
    let (mut person, program) = terminal();
    let mut gate = repository.command(&["--fix"]);
    gate.stdin(program.try_clone().unwrap()).stderr(program).stdout(Stdio::piped());
    let child = gate.spawn().unwrap();
    // The program's end closes with the program.
    drop(gate);
    answer(&mut person, "apply this patch? [y/N]", typed);
    let rest = std::thread::spawn(move || {
        let mut rest = Vec::new();
        // The end of a terminal that its program left is an error on Linux.
        let _ = person.read_to_end(&mut rest);
        rest
    });
    let ended = child.wait_with_output().unwrap();
    let said = rest.join().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&said), String::from_utf8_lossy(&ended.stdout));
    assert_eq!(ended.status.code(), Some(code), "{said}");
    assert!(said.contains(says), "{said}");
    let text = fs::read_to_string(repository.file(FILE)).unwrap();
    assert_eq!(text.contains("ADD VALUE IF NOT EXISTS 'new'"), changes, "{said}");
}

#[test]
fn fix_asks_whether() {
    std::thread::scope(|scope| {
        scope.spawn(|| check("", 1, "--fix changed nothing, as you asked", false));
        check("yes", 0, "--fix changed tree/versions/0004_fault.py", true);
    });
}
