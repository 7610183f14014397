//! The table in `test_data/revisions`: small chains of revisions, each with exactly the right
//! findings.
//!
//! A file is named after a code. `=== title` begins a chain, `---` its next revision, and `--`
//! separates the body of `upgrade()` from that of `downgrade()`; a revision that defines the
//! functions itself is taken unchanged. `#~ MG233` ends a line with an expected finding, once for
//! each code, and ends the first line of a chain for a finding without a line. Sound chains have no
//! such mark.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use camino::Utf8PathBuf;
use expect_test::expect;

use super::super::LINTS;
use super::bodies::of_files;

/// The fewest chains.
const CHAINS: usize = 120;
/// The least number of sound chains in the file of a code that resemble its fault.
const NEAR_MISSES: usize = 3;
/// The text put before a revision that does not name itself.
const HEAD: &str =
    "from alembic import op; import sqlalchemy as sa; from sqlalchemy.dialects import postgresql";

/// A finding: the file's number, the line, the code.
type Found = (usize, u32, String);

struct Chain {
    title: String,
    files: Vec<(String, String)>,
    expected: Vec<Found>,
}

/// The codes behind `#~` at the end of a line, and the line without them.
fn marks(line: &str) -> (&str, Vec<String>) {
    match line.split_once("#~") {
        Some((text, codes)) => {
            (text.trim_end(), codes.split_whitespace().map(str::to_owned).collect())
        }
        None => (line, Vec::new()),
    }
}

/// The lines of a revision's file, each with its line in the table.
fn whole<'a>(number: usize, lines: &[&'a str]) -> Vec<&'a str> {
    if lines.iter().any(|line| line.starts_with("def ") || line.starts_with("revision")) {
        return lines.to_vec();
    }
    let mut all = vec!["def upgrade():"];
    for line in lines {
        all.push(if *line == "--" { "def downgrade():" } else { line });
    }
    assert!(lines.contains(&"--"), "revision {number} has no `--`");
    all
}

fn chain(title: &str, text: &str) -> Chain {
    let (title, unplaced) = marks(title);
    let mut expected: Vec<Found> = unplaced.into_iter().map(|code| (0, 0, code)).collect();
    let mut files = Vec::new();
    for (index, revision) in text.split("\n---\n").enumerate() {
        let lines: Vec<&str> = revision.trim_matches('\n').lines().collect();
        let number = index + 1;
        let written = lines.iter().any(|line| line.starts_with("def "));
        let own = lines.iter().any(|line| line.starts_with("revision"));
        let mut file = Vec::new();
        if !own {
            let parent = if index == 0 { "None".into() } else { format!("'{index:04}'") };
            file.push(HEAD.to_owned());
            file.push(format!("revision = '{number:04}'\ndown_revision = {parent}"));
        }
        let first = if own { 1 } else { 4 };
        for (at, line) in (first..).zip(whole(number, &lines)) {
            let (text, codes) = marks(line);
            expected.extend(codes.into_iter().map(|code| (number, at, code)));
            let body = !(written || own || text.starts_with("def "));
            file.push(if body { format!("    {text}") } else { text.to_owned() });
        }
        files.push((format!("migrations/versions/{number:04}_r.py"), file.join("\n") + "\n"));
    }
    expected.sort();
    Chain { title: title.to_owned(), files, expected }
}

fn read(path: &Path) -> Vec<Chain> {
    let text = fs::read_to_string(path).unwrap();
    let chains = text.split("\n=== ").map(|chain| chain.trim_start_matches("=== "));
    chains.map(|text| text.split_once('\n').unwrap()).map(|(t, text)| chain(t, text)).collect()
}

fn found(files: &[(String, String)]) -> Vec<Found> {
    let files: Vec<(&str, String)> =
        files.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    let mut found: Vec<Found> = of_files(&files)
        .into_iter()
        .filter(super::is_wrong)
        .map(|finding| {
            // Further places are lines of their own below it.
            assert!(!finding.message.contains("\nline "), "{}", finding.message);
            let place = finding.place.as_ref();
            let name = place.and_then(|place| place.file.file_name());
            let number = name.and_then(|name| name.get(..4)?.parse().ok());
            let line = place.and_then(|place| place.line);
            // A finding without a line is marked in the chain's first one.
            let number = if line.is_none() { 0 } else { number.unwrap_or(0) };
            (number, line.unwrap_or(0), finding.code.id.to_owned())
        })
        .collect();
    found.sort();
    found
}

fn table() -> BTreeMap<String, Vec<Chain>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../test_data/revisions");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| {
            let name = Utf8PathBuf::from_path_buf(path.clone()).unwrap();
            (name.file_stem().unwrap().to_uppercase(), read(&path))
        })
        .collect()
}

#[test]
fn chain_of_the_table_has_exactly_its_findings() {
    let table = table();
    let mut wrong = Vec::new();
    for (file, chains) in &table {
        for chain in chains {
            let found = found(&chain.files);
            if found != chain.expected {
                wrong.push(format!(
                    "{file}, {}:\n  found {found:?}\n  right {:?}",
                    chain.title, chain.expected
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
    assert!(table.values().map(Vec::len).sum::<usize>() >= CHAINS);
}

#[test]
fn each_code_of_the_table_has_sound_near_misses() {
    let mut lacking = Vec::new();
    let mut elsewhere = Vec::new();
    for lint in LINTS {
        let code = lint.code.id;
        let Some(chains) = table().remove(code) else {
            elsewhere.push(code);
            continue;
        };
        let sound = |chain: &&Chain| !chain.expected.iter().any(|(_, _, found)| found == code);
        let near = chains.iter().filter(sound).count();
        if near < NEAR_MISSES || near == chains.len() {
            lacking.push(format!("{code}: {near} of {}", chains.len()));
        }
    }
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
    // These codes are about settings, supplies or a base branch, which a chain of files does not
    // have.
    expect!["MG213 MG214 MG206 MG216 MG207"].assert_eq(&elsewhere.join(" "));
}
