//! `# migration-gate: allow MG208 the number is part of the product's name`: silences one lint, on
//! its line, or, at the top of the file, in the whole file.

use super::directives;
use super::subject::in_file;
use crate::directive::{self, Directive};
use crate::python::{Module, line};
use crate::script::Script;
use model::code::{self, Code};
use model::finding::{Finding, Place};

/// Declarations of a revision about its own downgrade.
const DECLARATIONS: [&str; 2] = ["keeps", "irreversible"];
/// The lints that predict leftovers of a downgrade.
const SUPPOSED: [&Code; 4] =
    [&code::NO_DOWNGRADE, &code::EMPTY_DOWNGRADE, &code::RAISING_DOWNGRADE, &code::LEFT_BEHIND];

/// One such comment.
struct Allow<'a> {
    script: &'a Script,
    line: u32,
    /// Whether the directive is at the top, and therefore counts for the whole file.
    whole_file: bool,
    code: String,
    reason: String,
}

/// Marks the findings of these lints that the files allow, and adds the faults of the directives
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
        let (found, nearly) = directive::read(script.module.source());
        let nearly = nearly.into_iter().map(|line| {
            let message = "the comment has no effect: it must begin with `# migration-gate:`";
            in_file(&code::BAD_ALLOW, &script.file, Some(line), message)
        });
        complaints.extend(nearly);
        complaints.extend(directives::complaints(scripts, script, &found));
        // The gate compares the declaration with the real run, and the lints, which can only
        // predict, are silent.
        let is_declared = |it: &Directive| DECLARATIONS.contains(&it.verb.as_str());
        if found.iter().any(|it| is_declared(it) && it.wrong().is_none()) {
            declared.push(&script.file);
        }
        for it in found.iter().filter(|it| it.verb == "allow") {
            match allow(script, it, lints) {
                Ok(allow) => allows.push(allow),
                Err(wrong) => {
                    complaints.push(in_file(&code::BAD_ALLOW, &script.file, Some(it.line), wrong));
                }
            }
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
            let message = format!("it silences {}, which is not found here", allow.code);
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

/// The findings that an `allow` covers; `Err` is the reason why it covers none.
fn allow<'a>(
    script: &'a Script,
    directive: &Directive,
    lints: &[&str],
) -> Result<Allow<'a>, String> {
    let line = directive.line;
    let (code, reason) = directive.subject.split_once(' ').unwrap_or((&directive.subject, ""));
    let (code, reason) = (code.to_owned(), reason.trim().to_owned());
    if code.is_empty() {
        return Err(format!("write {}", directive::form("allow")));
    }
    if !lints.contains(&code.as_str()) {
        let meant = directive::did_you_mean(&code, lints.iter().copied());
        return Err(format!("`{code}` is not the code of a lint{meant}"));
    }
    if reason.is_empty() {
        return Err(format!("no reason is given, so {code} is not silenced"));
    }
    let whole_file = first_line_of_code(&script.module).is_none_or(|first| line < first);
    Ok(Allow { script, line, whole_file, code, reason })
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
