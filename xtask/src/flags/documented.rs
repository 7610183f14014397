//! Commands that the documents name: the command line takes each of them.

use std::fs;
use std::path::Path;

use clap::Parser;
use clap::error::ErrorKind;

use super::Xtask;

/// The words of a command, as a shell takes them.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    // An expression of GitHub's is one word.
    for c in command.replace("${{ ", "").replace(" }}", "").chars() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, ' ') => words.push(String::new()),
            _ => words.last_mut().unwrap().push(c),
        }
    }
    // Words that stand for what a reader types.
    words.retain(|word| !word.is_empty() && word != "TREE");
    words.into_iter().map(|word| word.replace("SECONDS", "5")).collect()
}

/// The arguments of the gate in a piece of code, up to the end of the command.
fn arguments(code: &str) -> Option<&str> {
    let calls = ["cargo gate", "xtask migration-gate"];
    let rest = calls.iter().find_map(|call| Some(code.split_once(call)?.1))?;
    let ends = [" | ", " && ", " || ", " & ", " ; ", "  #", " > ", ")"];
    let end = ends.iter().filter_map(|end| rest.find(end)).min().unwrap_or(rest.len());
    (rest.is_empty() || rest.starts_with(' ')).then_some(&rest[..end])
}

#[test]
fn commands_of_the_documents_are_taken() {
    let mut count = 0;
    for page in ["../README.md", "README.md", "ELSEWHERE.md", "RUNBOOK.md"] {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
        let text = fs::read_to_string(page).unwrap();
        let mut in_block = false;
        for line in text.lines() {
            if line.starts_with("```") {
                in_block = !in_block;
                continue;
            }
            let (skip, step) = if in_block { (0, 1) } else { (1, 2) };
            let pieces = if in_block { vec![line] } else { line.split('`').collect() };
            for code in pieces.into_iter().skip(skip).step_by(step) {
                let Some(arguments) = arguments(code) else { continue };
                let call = ["xtask".to_owned(), "migration-gate".to_owned()];
                let taken = Xtask::try_parse_from(call.into_iter().chain(words(arguments)));
                let kinds = [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion];
                if let Some(err) = taken.err().filter(|err| !kinds.contains(&err.kind())) {
                    panic!("{line}\n{err}");
                }
                count += 1;
            }
        }
    }
    assert!(count > 100, "{count} commands were found");
}
