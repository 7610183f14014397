//! A fuzzer for all readers of a pull request's text: files, settings, SQL, the graph and the lints.
//! It mutates real revisions, keeps input with new features, and looks for panics, for input that
//! takes too long, and for files that the quick reader and the parser read differently.
//!
//! ```text
//! FUZZ_SECONDS=600 cargo test --release --locked --package analysis -- --ignored fuzz --nocapture
//! ```
//!
//! Input that breaks a reader is saved in the temporary folder (`migration-gate-fuzz-*`); fix the
//! reader and add the input to `test_data/fuzz`, whose files are read in every test run.
//!
//! Long because it is one tool: its input, its mutations and its checks belong together.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use camino::Utf8Path;

use crate::lints::{Subject, lint};
use crate::python::Module;
use crate::script::Script;
use crate::{graph, settings, sql};
use model::files::Texts;
use model::tree::DEFAULT_SECTION;

/// The longest that an input of this fuzzer may take, in a debug build on a busy machine too.
const LIMIT: Duration = Duration::from_secs(20);
/// The longest input.
const MOST_BYTES: usize = 64 << 10;
/// The most inputs that are kept.
const MOST_KEPT: usize = 4000;

/// Words of revision files, and texts that confuse their readers.
const TOKENS: &[&str] = &[
    "revision",
    "down_revision",
    "depends_on",
    "branch_labels",
    " = ",
    "None",
    "'",
    "\"",
    "\"\"\"",
    "'''",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "\n",
    "\r\n",
    "\r",
    "\\",
    "\\\n",
    "\t",
    "\u{c}",
    "#",
    "f'",
    "rb'",
    "u\"",
    "Rf'{x!r:>{y}}'",
    "{{",
    "+",
    "*",
    "**",
    "%",
    "%s",
    "@",
    ":=",
    "->",
    "...",
    "def upgrade():\n    ",
    "def downgrade():\n    ",
    "pass\n",
    "raise ValueError\n",
    "return\n",
    "for x in (1, 2):\n        ",
    "while True:\n        ",
    "if x:\n        ",
    "else:\n    ",
    "try:\n    ",
    "except Exception:\n    ",
    "with op.batch_alter_table('t') as b:\n        ",
    "lambda: ",
    "yield ",
    "op.create_table('t', ",
    "op.drop_table('t')\n",
    "op.execute(",
    "op.f('x')",
    "sa.Column('a', ",
    "sa.Enum('a', name='e')",
    "sa.text(",
    "op.get_bind()",
    ".execute(",
    ".format(",
    "op.add_column(",
    "op.create_index('i', 't', ['a'])",
    "op.rename_table('t', 'u')",
    "del revision\n",
    "global x\n",
    "from x import *\n",
    "import os\n",
    "class A:\n    ",
    "@decorator\n",
    "async ",
    "await ",
    "match x:\n",
    "upgrade()\n",
    "x = x + x\n",
    "(",
    "((((((((((((((((",
    "[[[[[[[[[[[[[[[[",
    "{{{{{{{{{{{{{{{{",
    "if x:\n if x:\n  if x:\n   if x:\n    ",
    "not not not not ",
    "- - - - ",
    "a.b.c.d.e",
    "x[0][0][0]",
    "CREATE TABLE t (a int)",
    "DROP TABLE t;",
    "DO $$ BEGIN ",
    " END $$;",
    "$$",
    "$a$",
    "/*",
    "*/",
    "--",
    "CREATE INDEX i ON t (lower(a)) WHERE ",
    "SELECT ",
    "((SELECT (",
    "now()",
    "E'\\'",
    "U&'\\0041'",
    "GRANT SELECT ON t TO r;",
    "ALTER TABLE t ",
    "ADD COLUMN a ",
    "GENERATED ALWAYS AS (",
    "CASE WHEN ",
    "\u{feff}",
    "# -*- coding: latin-1 -*-\n",
    "# -*- coding: utf-16 -*-\n",
    "ü",
    "名",
    "\u{2028}",
    "ﬁ",
    "\\N{DASH}",
    "\\x",
    "\\u12",
    "\\777",
    "0x",
    "1e9999",
    "1_0",
    "0b2",
    "999999999999999999999999",
    "# migration-gate: allow MG231 why\n",
    "# migration-gate: allow",
    "# migration-gate: keeps type e, x\n",
    "%(here)s",
    "[alembic]\n",
    "script_location = ",
    "version_locations = ",
    "path_separator = os\n",
];

/// Bytes that are no text.
const BYTES: &[&[u8]] =
    &[b"\0", b"\xed\xa0\x80", b"\xff", b"\xc3", b"\x1a", b"\xf4\x90\x80\x80", b"\x7f"];

/// Numbers that look drawn by chance, and are the same for the same start.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap() % end.max(1)
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// A stretch of these bytes, short as a rule.
    fn stretch(&mut self, len: usize) -> std::ops::Range<usize> {
        let start = self.below(len + 1);
        let most = if self.below(4) == 0 { len } else { 40 };
        start..(start + self.below(most)).min(len)
    }

    fn mutate(&mut self, input: &mut Vec<u8>, others: &[Vec<u8>]) {
        let at = self.below(input.len() + 1);
        match self.below(12) {
            0 if !input.is_empty() => {
                let at = at.min(input.len() - 1);
                input[at] ^= 1 << self.below(8);
            }
            1 => {
                let range = self.stretch(input.len());
                input.drain(range);
            }
            2 => {
                let copy = input[self.stretch(input.len())].to_vec();
                input.splice(at..at, copy);
            }
            3 => {
                let other = self.of(others);
                let piece = other[self.stretch(other.len())].to_vec();
                let end = (at + self.below(2) * piece.len()).min(input.len());
                input.splice(at..end, piece);
            }
            4 => {
                let token = self.of(TOKENS).repeat(1 + self.below(300));
                input.splice(at..at, token.into_bytes());
            }
            5 => {
                input.splice(at..at, self.of(BYTES).to_vec());
            }
            6 => {
                // Whole lines of this and others, since that keeps the syntax.
                let other = self.of(others);
                let lines: Vec<&[u8]> = other.split_inclusive(|byte| *byte == b'\n').collect();
                if !lines.is_empty() {
                    let from = self.below(lines.len());
                    let some = lines[from..(from + 1 + self.below(8)).min(lines.len())].concat();
                    let line = input[at..].iter().position(|byte| *byte == b'\n');
                    let at = line.map_or(input.len(), |offset| at + offset + 1);
                    input.splice(at..at, some);
                }
            }
            7 => {
                let line = |from: usize| {
                    let rest = input[from..].iter().position(|byte| *byte == b'\n');
                    rest.map_or(input.len(), |offset| from + offset + 1)
                };
                let start = line(at);
                let end = line(start);
                input.drain(start..end);
            }
            _ => {
                let range = at..(at + self.below(2) * self.below(12)).min(input.len());
                input.splice(range, self.of(TOKENS).bytes());
            }
        }
        input.truncate(MOST_BYTES);
    }
}

/// Reads some bytes in every way, and returns the observed features: input with a new feature is
/// worth mutating further.
fn read(bytes: &[u8]) -> HashSet<u64> {
    let mut seen = HashSet::new();
    let mut see = |what: &str| {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        seen.insert(hasher.finish());
    };
    read_alike(bytes);
    let (script, troubles) = Script::read(Utf8Path::new("0001_a.py"), bytes);
    for trouble in &troubles {
        see(&format!("{} {}", trouble.code.id, trouble.message.split('`').next().unwrap()));
    }
    let text = String::from_utf8_lossy(bytes).into_owned();
    for (_, effect) in sql::read(&text) {
        see(&format!("sql {}", shape(&effect.shown())));
    }
    let ini = Texts { ini: Some(("/a".into(), text.clone())), pyproject: None };
    let toml = Texts { ini: None, pyproject: Some(("/a".into(), text)) };
    for texts in [ini, toml] {
        see(&format!(
            "{:?}",
            settings::understand(&texts, Utf8Path::new("/a"), DEFAULT_SECTION).unknown
        ));
    }
    let Some(script) = script else { return seen };
    let body = script.body();
    for (name, function) in [("up", &body.upgrade), ("down", &body.downgrade)] {
        for deed in function.iter().flat_map(|function| &function.deeds) {
            see(&format!("{name} {} {}", deed.conditional, shape(&deed.effect.shown())));
        }
    }
    for code in lint_codes(script, bytes) {
        see(code);
    }
    seen
}

/// An effect without its names.
fn shape(effect: &str) -> String {
    let words = effect.split(|c: char| !c.is_ascii_lowercase());
    words.filter(|word| !word.is_empty()).take(4).collect::<Vec<_>>().join(" ")
}

/// The codes that the lints find if this file is the whole tree, and if the tree has it twice.
fn lint_codes(script: Script, bytes: &[u8]) -> HashSet<&'static str> {
    let again = Script::read(Utf8Path::new("0002_b.py"), bytes).0;
    let scripts: Vec<Script> = [script].into_iter().chain(again).collect();
    let mut codes = HashSet::new();
    for scripts in [&scripts[..1], &scripts[..]] {
        let mut troubles = Vec::new();
        for script in scripts {
            troubles.extend(script.syntax().map(|trouble| (script.file.clone(), trouble)));
        }
        let graph = graph::build(&scripts.iter().collect::<Vec<_>>());
        let mut subject = Subject::of(scripts, &graph);
        subject.files.troubles = troubles;
        let findings = lint(&subject);
        codes.extend(findings.iter().map(|finding| finding.code.id));
        for name in scripts.iter().map(|script| script.revision.text.as_str()) {
            graph::resolve(&graph, name);
            graph::resolve(&graph, name.get(..4).unwrap_or(""));
        }
    }
    codes
}

/// For valid Python, the quick reader and the parser read the same.
fn read_alike(bytes: &[u8]) {
    const NAMES: [&str; 4] = ["revision", "down_revision", "branch_labels", "depends_on"];
    let Ok((module, Some(skim))) = Module::skim(bytes, &NAMES) else { return };
    if module.syntax_error().is_some() {
        return;
    }
    let constants = module.constants();
    for name in NAMES {
        let quick = skim.bound.iter().find(|(bound, ..)| *bound == name);
        let quick = quick.map(|(_, constant, line)| (Some(constant), *line));
        let parsed = constants.get(name).map(|found| (found.value.as_ref(), found.line));
        assert_eq!(quick, parsed, "`{name}` is read in two ways");
    }
}

fn data(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.is_file());
    files.sort();
    files
}

#[test]
fn inputs_that_broke_a_reader_are_read() {
    let files = data("test_data/fuzz");
    assert!(!files.is_empty());
    for file in files {
        let started = Instant::now();
        read(&std::fs::read(&file).unwrap());
        assert!(started.elapsed() < LIMIT, "{} takes too long", file.display());
    }
}

#[test]
#[ignore = "runs for FUZZ_SECONDS, 600 unless it is set"]
fn fuzz() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let end = Instant::now() + Duration::from_secs(number("FUZZ_SECONDS").unwrap_or(600));
    let seed = number("FUZZ_SEED").unwrap_or(0x9E37_79B9_7F4A_7C15);
    let folders = [
        "../console/migrations/versions",
        "../console/migrations",
        "../backend_v2/alembic/versions",
        "../backend_v2",
        "test_data/fuzz",
    ];
    let files = folders.iter().flat_map(|folder| data(folder));
    let mut kept: Vec<Vec<u8>> = files.map(|file| std::fs::read(file).unwrap()).collect();
    kept.retain(|file| file.len() <= MOST_BYTES);
    let mut dice = Dice(seed);
    let mut seen: HashSet<u64> = kept.iter().flat_map(|bytes| read(bytes)).collect();
    let (mut runs, mut broken) = (0_u64, HashSet::new());
    let folder = std::env::temp_dir();
    while Instant::now() < end {
        // The newest inputs showed new behaviour: they are mutated more often.
        let from = if dice.below(3) == 0 { kept.len().saturating_sub(50) } else { 0 };
        let mut input = kept[from + dice.below(kept.len() - from)].clone();
        for _ in 0..=dice.below(6) {
            dice.mutate(&mut input, &kept);
        }
        runs += 1;
        let started = Instant::now();
        // A hang or an overflowing stack leaves the input that did it.
        let running = folder.join(format!("migration-gate-fuzz-running-{}", std::process::id()));
        std::fs::write(&running, &input).unwrap();
        let shown = catch_unwind(AssertUnwindSafe(|| read(&input)));
        let slow = started.elapsed() > LIMIT / 4;
        match shown {
            Ok(shown) if !slow => {
                let before = seen.len();
                seen.extend(shown);
                if seen.len() > before && kept.len() < MOST_KEPT {
                    kept.push(input);
                }
            }
            shown => {
                let how = if shown.is_err() { "panic" } else { "slow" };
                let file = folder.join(format!("migration-gate-fuzz-{how}-{runs}"));
                std::fs::write(&file, &input).unwrap();
                eprintln!("{how}: {}", file.display());
                broken.insert(file);
            }
        }
        std::fs::remove_file(&running).unwrap();
        if runs % 10_000 == 0 {
            eprintln!("{runs} inputs, {} kept, {} things seen", kept.len(), seen.len());
        }
    }
    eprintln!("{runs} inputs, {} kept, {} things seen", kept.len(), seen.len());
    assert!(broken.is_empty(), "{broken:?}");
}
