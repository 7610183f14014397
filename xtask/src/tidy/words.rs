//! Rules about words: docs, names of tests, names of trees, and output.

use super::source::Source;

/// The longest name of a test, in characters.
const TEST_NAME: usize = 60;

/// Modules whose doc does not begin with a noun.
pub(super) fn no_noun(sources: &[Source]) -> Vec<String> {
    // A pronoun, a preposition, or a verb: `Reads the incidents`.
    let openers = ["What", "Where", "Who", "How", "Why", "When", "Which", "Whether", "It", "This"];
    let more = ["There", "As", "In", "On", "For", "If"];
    let objects = ["the", "a", "an", "what", "how", "each", "every", "all"];
    let is_noun = |doc: &str| {
        let mut words = doc.split_whitespace();
        let first = words.next().unwrap_or_default();
        let verb = first.ends_with('s') && words.next().is_some_and(|next| objects.contains(&next));
        !first.is_empty()
            && !openers.contains(&first.trim_end_matches(','))
            && !more.contains(&first)
            && !verb
    };
    let mut wrong = Vec::new();
    for source in sources {
        let first = source.text.lines().next().unwrap_or_default();
        let doc = first.strip_prefix("//! ").unwrap_or_default();
        if !source.product.is_empty() && !is_noun(doc) {
            wrong.push(format!("{}: {doc}", source.path.display()));
        }
    }
    wrong
}

/// Public items without a doc comment.
pub(super) fn undocumented(sources: &[Source]) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in sources {
        let (mut before, mut in_attribute) = ("", false);
        for (number, line) in source.product.lines().enumerate() {
            let text = line.trim_start();
            in_attribute |= text.starts_with("#[");
            let public = text.starts_with("pub ") && !text.starts_with("pub mod ");
            if public && !text.starts_with("pub use ") && !before.trim_start().starts_with("///") {
                wrong.push(format!("{}:{}", source.path.display(), number + 1));
            }
            // An attribute stands between the doc comment and its item.
            if !in_attribute {
                before = line;
            }
            in_attribute &= !text.ends_with(']');
        }
    }
    wrong
}

/// Tests whose name is too long.
pub(super) fn long_test_names(sources: &[Source]) -> Vec<String> {
    tests_named(sources, |name| name.len() > TEST_NAME)
}

/// Tests whose name begins with a pronoun in the place of its subject.
pub(super) fn tests_without_subject(sources: &[Source]) -> Vec<String> {
    tests_named(sources, |name| {
        ["what_", "whatever_", "who_", "it_"].iter().any(|word| name.starts_with(word))
    })
}

fn tests_named(sources: &[Source], is_wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in sources {
        let mut lines = source.text.lines().map(str::trim_start);
        while lines.any(|line| line == "#[test]") {
            let head = lines.by_ref().find(|line| line.starts_with("fn ")).unwrap_or_default();
            let name = head.trim_start_matches("fn ").split('(').next().unwrap_or_default();
            if is_wrong(name) {
                wrong.push(format!("{}: {name}", source.path.display()));
            }
        }
    }
    wrong
}

/// Lines that name a tree outside the table of trees: nothing else decides by a tree's name.
pub(super) fn named_trees(sources: &[Source]) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in sources {
        let path = source.path.display().to_string();
        if path.starts_with("recipes/") || path.ends_with("canonical.rs") {
            continue;
        }
        let code = source.product.split("#[cfg(test)]").next().unwrap_or_default();
        for (line, number) in code.lines().zip(1..) {
            let text = line.trim_start();
            let names = crate::recipes::TREES.iter().flat_map(|tree| [tree.id, tree.label]);
            let named = names.into_iter().any(|name| text.contains(&format!("\"{name}\"")));
            // A tree may be called by a word of some list.
            let is_decision =
                text.contains("match") || text.contains("==") || !text.ends_with("\",");
            if named && is_decision && !text.starts_with("//") {
                wrong.push(format!("{path}:{number}: {text}"));
            }
        }
    }
    wrong
}

/// Files beside `main.rs` that write to stdout; stderr is free to all.
pub(super) fn prints(sources: &[Source]) -> Vec<String> {
    let writes = |source: &&Source| {
        let text = source.product.replace("eprintln!(", "").replace("eprint!(", "");
        ["print!(", "println!(", "stdout()"].iter().any(|write| text.contains(write))
    };
    let others = sources.iter().filter(|source| source.module() != "main").filter(writes);
    others.map(|source| source.path.display().to_string()).collect()
}
