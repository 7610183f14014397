//! `# migration-gate: allow MG208 the number is part of the product's name`: silences one lint, on
//! its line, or, at the top of the file, in the whole file.

use camino::Utf8PathBuf;

use super::subject::in_file;
use crate::python::{Module, descendants, line};
use crate::script::Script;
use model::code::{self, Code};
use model::finding::{Finding, Place};

/// What such a comment starts with, after its `#`.
const MARK: &str = "migration-gate:";

/// What a revision says of its own downgrade (`keeps KIND NAME, reason`, `irreversible, reason`). The
/// gate holds it against what really happens, so the lints that only suppose are silent.
const DECLARATIONS: [&str; 2] = ["keeps", "irreversible"];
/// What it says of the rows that tables hold, which no lint supposes anything about.
const OF_ROWS: [&str; 2] = ["rows", "loses"];
/// The lints that suppose what a downgrade leaves.
const SUPPOSED: [&Code; 4] =
    [&code::NO_DOWNGRADE, &code::EMPTY_DOWNGRADE, &code::RAISING_DOWNGRADE, &code::LEFT_BEHIND];

/// One such comment.
struct Allow<'a> {
    script: &'a Script,
    line: u32,
    /// Whether it stands at the top, and so counts for the whole file.
    whole_file: bool,
    code: &'a str,
    reason: String,
}

/// Marks what the files allow, of the codes of these lints, and adds what is wrong with the comments
/// themselves.
pub(super) fn apply(
    scripts: &[Script],
    mut findings: Vec<Finding>,
    lints: &[&str],
) -> Vec<Finding> {
    let mut complaints = Vec::new();
    let mut allows = Vec::new();
    let mut declared = Vec::new();
    let mut allowed = Vec::new();
    for script in scripts {
        // The text is searched first: hardly any file has such a comment.
        if script.module.source().contains(MARK) {
            read((script, lints), &mut allows, &mut declared, &mut complaints);
        }
    }
    findings.retain(|finding| {
        let file = finding.place.as_ref().map(|place| &place.file);
        !(SUPPOSED.contains(&finding.code) && declared.iter().any(|known| Some(*known) == file))
    });
    for allow in &allows {
        let before = allowed.len();
        for finding in findings.extract_if(.., |finding| allow.covers(finding)) {
            allowed.push(Finding { allowed: Some(allow.reason.clone()), ..finding });
        }
        if allowed.len() == before {
            let message = format!("{} is not found here any more", allow.code);
            let mut complaint =
                in_file(&code::UNUSED_ALLOW, &allow.script.file, Some(allow.line), message);
            complaint.revision = Some(allow.script.revision.text.clone());
            complaints.push(complaint);
        }
    }
    findings.extend(complaints);
    findings.extend(allowed);
    findings
}

impl Allow<'_> {
    fn covers(&self, finding: &Finding) -> bool {
        let at = |place: &Place| {
            place.file == self.script.file && (self.whole_file || place.line == Some(self.line))
        };
        finding.code.id == self.code && finding.place.as_ref().is_some_and(at)
    }
}

fn read<'a>(
    (script, lints): (&'a Script, &[&str]),
    allows: &mut Vec<Allow<'a>>,
    declared: &mut Vec<&'a Utf8PathBuf>,
    complaints: &mut Vec<Finding>,
) {
    let first_code = first_line_of_code(&script.module);
    for node in descendants(script.module.root()).filter(|node| node.kind() == "comment") {
        let text = script.module.text(node).trim_start_matches('#').trim();
        let Some(rest) = text.strip_prefix(MARK) else { continue };
        let line = line(node);
        let mut words = rest.split_whitespace();
        let verb = words.next();
        if verb.is_some_and(|verb| OF_ROWS.contains(&verb)) {
            continue;
        }
        if verb.is_some_and(|verb| DECLARATIONS.contains(&verb.trim_end_matches(','))) {
            declared.push(&script.file);
            continue;
        }
        let code = words.next().unwrap_or_default();
        let reason = words.collect::<Vec<_>>().join(" ");
        let wrong = if verb != Some("allow") || code.is_empty() {
            let known = "known: allow, rows, loses, keeps, irreversible";
            match verb {
                Some("allow") | None => "write `# migration-gate: allow MGnnn reason`".to_owned(),
                Some(verb) => format!("unknown directive `{verb}`; {known}"),
            }
        } else if !lints.contains(&code) {
            format!("`{code}` is not the code of a lint")
        } else if reason.is_empty() {
            format!("no reason is given, so {code} is not silenced")
        } else {
            let whole_file = first_code.is_none_or(|first| line < first);
            allows.push(Allow { script, line, whole_file, code, reason });
            continue;
        };
        complaints.push(in_file(&code::BAD_ALLOW, &script.file, Some(line), wrong));
    }
}

/// The line on which the first statement starts that is no docstring.
fn first_line_of_code(module: &Module) -> Option<u32> {
    let root = module.root();
    let doc = module.docstring().map(|doc| doc.start_byte());
    let mut cursor = root.walk();
    let first = root
        .named_children(&mut cursor)
        .find(|node| node.kind() != "comment" && Some(node.start_byte()) != doc);
    first.map(line)
}
