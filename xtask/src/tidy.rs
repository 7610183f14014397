//! House rules as tests: `xtask/README.md` gives them in words.

mod imports;
mod size;
mod source;
mod words;

use std::fs;
use std::path::Path;

use self::source::{CRATES, Source, sources};

/// A rule with files that break it, and what it finds in them.
struct Rule {
    forbids: &'static str,
    find: fn(&[Source]) -> Vec<String>,
    broken: &'static [(&'static str, &'static str)],
    found: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        forbids: "an upward import",
        find: imports::upward,
        broken: &[("os/git.rs", "use crate::gate::Run;")],
        found: &["os/git.rs imports gate"],
    },
    Rule {
        forbids: "a circle of files",
        find: imports::circles,
        broken: &[
            ("gate/a.rs", "use super::b::{One, two};"),
            ("gate/b.rs", "use crate::gate::c;"),
            ("gate/c/mod.rs", "fn c() { super::a::go() }"),
            ("gate/d.rs", "use crate::gate::a;"),
        ],
        found: &["gate::a", "gate::b", "gate::c"],
    },
    Rule {
        forbids: "an import of one command by another",
        find: imports::between_commands,
        broken: &[
            ("commands/new.rs", "use crate::commands::doctor;"),
            ("commands/doctor.rs", "use self::clean::all;"),
            ("commands/doctor/clean.rs", "fn all() {}"),
        ],
        found: &["commands::new imports commands::doctor"],
    },
    Rule {
        forbids: "a tree's name outside the table of trees",
        find: words::named_trees,
        broken: &[
            ("gate/a.rs", "match tree { \"console\" => 1, _ => 2 }"),
            ("recipes/mod.rs", "\"console\""),
        ],
        found: &["gate/a.rs:1: match tree { \"console\" => 1, _ => 2 }"],
    },
    Rule {
        forbids: "a module without a doc that begins with a noun",
        find: words::no_noun,
        broken: &[
            ("gate/a.rs", "//! Reads the incidents."),
            ("gate/b.rs", "//! Reader of the incidents."),
        ],
        found: &["gate/a.rs: Reads the incidents."],
    },
    Rule {
        forbids: "a public item without a doc comment",
        find: words::undocumented,
        broken: &[("gate/a.rs", "/// One.\n#[derive(Clone)]\npub struct A;\npub struct B;")],
        found: &["gate/a.rs:4"],
    },
    Rule {
        forbids: "a test name of more than 60 characters",
        find: words::long_test_names,
        broken: &[(
            "tests/gate/a.rs",
            "#[test]\nfn a() {}\n#[test]\nfn name_of_a_test_that_goes_on_and_on_until_it_is_61_letters_lon() {}",
        )],
        found: &["tests/gate/a.rs: name_of_a_test_that_goes_on_and_on_until_it_is_61_letters_lon"],
    },
    Rule {
        forbids: "a test name without a subject",
        find: words::tests_without_subject,
        broken: &[(
            "tests/gate/a.rs",
            "#[test]\nfn role_is_named() {}\n#[test]\nfn what_is_named() {}",
        )],
        found: &["tests/gate/a.rs: what_is_named"],
    },
    Rule {
        forbids: "output to stdout outside main.rs",
        find: words::prints,
        broken: &[("gate/a.rs", "println!()"), ("gate/b.rs", "eprintln!()")],
        found: &["gate/a.rs"],
    },
    Rule {
        forbids: "a file of more than 400 lines",
        find: size::long_files,
        broken: &[
            ("tests/gate/a.rs", "400 LINES//"),
            ("gate/b.rs", "//! Long because it is a list.\n400 LINES"),
        ],
        found: &["tests/gate/a.rs: 401 lines"],
    },
    Rule {
        forbids: "a function of more than 60 lines",
        find: size::long_functions,
        broken: &[("tests/gate/a.rs", "fn short() {\n}\nfn long() {60 LINES}")],
        found: &["tests/gate/a.rs:3: 61 lines"],
    },
    Rule {
        forbids: "a struct of more than 9 fields",
        find: size::wide_structs,
        broken: &[
            ("gate/a.rs", "struct Wide {\n10 FIELDS}"),
            ("model/src/a.rs", "struct Wide {\n10 FIELDS}"),
        ],
        found: &["gate/a.rs: struct Wide: 10 fields"],
    },
];

#[test]
fn sources_keep_the_rules() {
    let sources = sources();
    let mut wrong = Vec::new();
    for Rule { forbids, find, .. } in RULES {
        wrong.extend(find(&sources).into_iter().map(|found| format!("{forbids}: {found}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rules_find_what_breaks_them() {
    for Rule { forbids, find, broken, found } in RULES {
        let source = |(path, text): &(&str, &str)| {
            let text = text.replace("400 LINES", &"\n".repeat(400));
            let text = text.replace("60 LINES", &"\n".repeat(60));
            Source::new(path, &text.replace("10 FIELDS", &"    field: u8,\n".repeat(10)))
        };
        let sources: Vec<Source> = broken.iter().map(source).collect();
        assert_eq!(find(&sources), *found, "{forbids}");
    }
}

#[test]
fn each_dependency_has_its_reason() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    let manifest = manifest.unwrap();
    let mut wrong = Vec::new();
    let mut in_dependencies = false;
    let mut reasoned = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            in_dependencies = line.contains("dependencies");
        } else if line.starts_with('#') {
            reasoned = true;
        } else if line.is_empty() {
            reasoned = false;
        } else if in_dependencies && !reasoned {
            wrong.push(line.to_owned());
        }
    }
    // Those of the crates beside it have theirs here too.
    for name in CRATES {
        let own =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name).join("Cargo.toml"));
        let own = own.unwrap();
        let (_, dependencies) = own.split_once("[dependencies]\n").unwrap();
        for line in dependencies.lines().filter(|line| line.contains(" = ")) {
            let dependency = line.split_once(' ').unwrap().0;
            let known = [format!("\n{dependency} = "), format!("`{dependency}`")];
            if !known.iter().any(|known| manifest.contains(known)) {
                wrong.push(format!("{name}: {line}"));
            }
        }
    }
    assert!(wrong.is_empty(), "dependencies without a reason: {wrong:?}");
}
