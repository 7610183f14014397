//! Format for the log of a GitHub Actions job: a fold for each step, with the step's name in the
//! contract, and an annotation for each finding.
//!
//! The runner reads workflow commands out of every line of stdout and stderr, whichever program
//! wrote it. Every line with text of a migration is therefore made safe first.

use super::{human, remedy, words};
use model::code::Severity;
use model::finding::{Finding, Standing};
use model::redact::redact;
use model::report::Report;
use model::shown::printable;
use model::step::{Status, Step};

/// GitHub shows this many annotations of a kind for one step of a job, and drops the rest silently.
const ANNOTATIONS_SHOWN: usize = 10;
/// An annotation is a pointer, not a log.
const MESSAGE_CHARACTERS: usize = 4000;
/// Common passwords of throwaway servers. Masking one would blot out the log.
const NO_SECRETS: &[&str] = &["postgres", "password", "admin", "root", "test", "secret", "runner"];

/// The command that keeps a caller's password out of the log, if a password is set.
pub fn mask(password: Option<&str>) -> String {
    match password.filter(|word| word.chars().count() >= 4 && !NO_SECRETS.contains(word)) {
        Some(password) => format!("::add-mask::{}\n", data(password)),
        None => String::new(),
    }
}

/// A step that ended, as a fold; the first line of a failed or skipped step is repeated below the
/// fold.
pub fn step(step: &Step) -> String {
    if step.is_not_begun() {
        return String::new();
    }
    let said = plain(&anstream::adapter::strip_str(&human::step(step)).to_string());
    let printed = step.printed.as_deref().map(|printed| plain(&printable(&redact(printed))));
    let printed = printed.unwrap_or_default();
    let fold = format!("::group::{}\n{said}{printed}::endgroup::\n", data(&step.name));
    match (step.status, said.lines().next()) {
        (Status::Failed | Status::Skipped, Some(headline)) => format!("{fold}{headline}\n"),
        _ => fold,
    }
}

/// The part after the steps: the annotations, then the text for a person.
pub fn summary(report: &Report, told: &str) -> String {
    let mut out = String::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let mut findings = report.by_weight();
        findings.retain(|f| f.severity() == severity && f.standing != Standing::Merged);
        findings.retain(|f| !words::is_again(f, report) && !words::is_brief(f, report));
        for finding in findings.iter().take(ANNOTATIONS_SHOWN) {
            out.push_str(&annotation(finding));
        }
        if findings.len() > ANNOTATIONS_SHOWN {
            let more = findings.len() - ANNOTATIONS_SHOWN;
            let word = words::severity(severity);
            out.push_str(&format!("{more} more of severity {word} stand below\n"));
        }
    }
    out.push_str(&plain(&anstream::adapter::strip_str(told).to_string()));
    out
}

fn annotation(finding: &Finding) -> String {
    let command = match finding.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut properties = Vec::new();
    // GitHub cannot show a file outside the repository.
    if let Some(place) = finding.place.as_ref().filter(|place| place.file.is_relative()) {
        properties.push(format!("file={}", property(place.file.as_str())));
        properties.extend(place.line.map(|line| format!("line={line}")));
    }
    let title = format!("{} {}", finding.code.id, words::title(finding));
    properties.push(format!("title={}", property(&title)));
    let mut message = words::message(finding);
    if let Some(step) = &finding.step {
        message += &format!("\nstep: {step}");
    }
    message = words::cut(&message, MESSAGE_CHARACTERS);
    if let Some(owner) = finding.owner {
        message += &format!("\nowner: {}", words::owner(owner));
    }
    for remedy in finding.remedies() {
        message += &format!("\nfix: {remedy}");
    }
    if let Some(fix) = &finding.fix {
        message += &format!("\nverified: {}", remedy::verified(fix));
    }
    if let Some(patch) = remedy::change(finding) {
        message += &format!("\n\n{}", patch.trim_end());
    }
    let message = printable(&redact(&message));
    format!("::{command} {}::{}\n", properties.join(","), data(&message))
}

/// Escapes the text after the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property, which ends at a comma or a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Lines that the runner treats as text. A command is `::` at the start of a line, blanks aside, or
/// `##[` anywhere.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let line = line.replace("##[", "# #[");
        if line.trim_start().starts_with("::") {
            out.push_str("| ");
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{data, mask, plain, property};

    #[test]
    fn no_text_becomes_a_command() {
        assert_eq!(plain("a\n  ::error::b\n::x\n"), "a\n|   ::error::b\n| ::x\n");
        assert_eq!(plain("a ##[error]b\n"), "a # #[error]b\n");
    }

    #[test]
    fn ends_of_properties_and_lines_are_escaped() {
        assert_eq!(data("50%\r\na:b,c"), "50%25%0D%0Aa:b,c");
        assert_eq!(property("a:b,c\n"), "a%3Ab%2Cc%0A");
    }

    #[test]
    fn a_password_is_masked_unless_everybody_knows_it() {
        assert_eq!(mask(Some("hunter2%")), "::add-mask::hunter2%25\n");
        assert_eq!(mask(Some("postgres")), "");
        assert_eq!(mask(None), "");
    }
}
