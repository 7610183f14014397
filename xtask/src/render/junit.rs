//! JUnit's XML, as Jenkins and compatible tools read it: a tree is a suite, a step is a case.

use std::fmt::Write as _;
use std::time::Duration;

use super::words;
use model::code::Severity;
use model::finding::Finding;
use model::redact::redact;
use model::report::{Report, TreeReport, Verdict};
use model::shown::printable;
use model::step::{Status, Step};

/// A suite as it is written, with its counts.
#[derive(Default)]
struct Suite {
    cases: String,
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

/// Renders a report.
pub fn report(report: &Report) -> String {
    let mut suites = String::new();
    let (mut tests, mut failures, mut errors) = (0, 0, 0);
    let properties = properties(report);
    let mut add = |name: &str, time: Duration, suite: Suite| {
        tests += suite.tests;
        failures += suite.failures;
        errors += suite.errors;
        let _ = write!(
            suites,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" \
             time=\"{}\">\n{properties}{}  </testsuite>\n",
            attribute(name),
            suite.tests,
            suite.failures,
            suite.errors,
            suite.skipped,
            seconds(time),
            suite.cases
        );
    };
    for tree in &report.trees {
        let time = tree.steps.iter().map(|step| step.elapsed).sum();
        add(&tree.label, time, tree_suite(tree, report));
    }
    let rest = rest_suite(report);
    if rest.tests > 0 {
        add("migration-gate", Duration::ZERO, rest);
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"migration-gate\" tests=\"{tests}\" failures=\"{failures}\" \
         errors=\"{errors}\" time=\"{}\">\n{suites}</testsuites>\n",
        seconds(report.elapsed)
    )
}

/// The base of the comparison.
fn properties(report: &Report) -> String {
    let compared = words::compared(report).join("; ");
    if compared.is_empty() {
        return String::new();
    }
    let value = attribute(&compared);
    format!(
        "    <properties>\n      <property name=\"base\" value=\"{value}\"/>\n    </properties>\n"
    )
}

fn tree_suite(tree: &TreeReport, report: &Report) -> Suite {
    let mut suite = Suite::default();
    for step in &tree.steps {
        let finding = report.findings.iter().find(|f| f.step.as_ref() == Some(&step.name));
        suite.step(&tree.tree, step, finding);
    }
    let stepless = |f: &&Finding| f.step.is_none() && f.tree.as_ref() == Some(&tree.tree);
    for finding in report.findings.iter().filter(stepless) {
        suite.finding(&tree.tree, finding);
    }
    suite
}

/// Findings that belong to no tree: a gate that could not do its work, for example.
fn rest_suite(report: &Report) -> Suite {
    let mut suite = Suite::default();
    let known = |f: &Finding| report.trees.iter().any(|tree| f.tree.as_ref() == Some(&tree.tree));
    for finding in report.findings.iter().filter(|f| !known(f)) {
        suite.finding("migration-gate", finding);
    }
    // A run that was interrupted may have no finding at all and is not green.
    if report.verdict() == Verdict::Error && report.findings.is_empty() {
        let why = if report.interrupted { "interrupted" } else { "nothing was run" };
        suite.case("migration-gate", "the gate did its work", Duration::ZERO);
        suite.errors += 1;
        suite.end(&format!("<error type=\"MG900\" message=\"{why}\"/>"));
    }
    suite
}

impl Suite {
    fn step(&mut self, class: &str, step: &Step, finding: Option<&Finding>) {
        self.case(class, &step.name, step.elapsed);
        let reason = step.reason.as_deref().unwrap_or_default();
        let out = match step.status {
            Status::Passed => String::new(),
            Status::Skipped => {
                self.skipped += 1;
                format!("<skipped message=\"{}\"/>", attribute(reason))
            }
            Status::Failed => match finding {
                Some(finding) => self.blame(finding),
                None => {
                    self.errors += 1;
                    format!("<error type=\"MG900\" message=\"{}\"/>", attribute(reason))
                }
            },
        };
        let notes = match words::notes(step).join("\n") {
            notes if notes.is_empty() => String::new(),
            notes => format!("<system-out>{}</system-out>", text(&notes)),
        };
        self.end(&format!("{out}{notes}"));
    }

    fn finding(&mut self, class: &str, finding: &Finding) {
        let place = finding.place.as_ref().map(|place| format!(" — {}", words::place(place)));
        let name =
            format!("{} {}{}", finding.code.id, words::title(finding), place.unwrap_or_default());
        self.case(class, &name, Duration::ZERO);
        let out = match finding.severity() {
            Severity::Error => self.blame(finding),
            // Shown, but no reason for red.
            Severity::Warning | Severity::Note => {
                format!("<system-out>{}</system-out>", text(&body(finding)))
            }
        };
        self.end(&out);
    }

    /// A failure, or an error if the gate itself is to blame.
    fn blame(&mut self, finding: &Finding) -> String {
        let element = if finding.code.infrastructure { "error" } else { "failure" };
        *(if finding.code.infrastructure { &mut self.errors } else { &mut self.failures }) += 1;
        let first = finding.message.lines().next().unwrap_or_default();
        format!(
            "<{element} type=\"{}\" message=\"{}\">{}</{element}>",
            attribute(finding.code.id),
            attribute(&format!("{}: {first}", finding.code.title)),
            text(&body(finding))
        )
    }

    fn case(&mut self, class: &str, name: &str, time: Duration) {
        self.tests += 1;
        let (class, name) = (attribute(class), attribute(name));
        let time = seconds(time);
        let _ = write!(
            self.cases,
            "    <testcase classname=\"{class}\" name=\"{name}\" time=\"{time}\">"
        );
    }

    fn end(&mut self, content: &str) {
        self.cases.push_str(content);
        self.cases.push_str("</testcase>\n");
    }
}

fn body(finding: &Finding) -> String {
    let mut out = words::message(finding);
    if let Some(place) = &finding.place {
        let _ = write!(out, "\nat: {}", words::place(place));
    }
    if let Some(sql) = finding.transcript.as_deref().and_then(|said| said.statement.as_deref()) {
        let _ = write!(out, "\nstatement: {}", words::first_lines(sql, 20));
    }
    if let Some(owner) = finding.owner {
        let _ = write!(out, "\nowner: {}", words::owner(owner));
    }
    for remedy in finding.remedies() {
        let _ = write!(out, "\nfix: {remedy}");
    }
    let _ = write!(out, "\nverify: {}", finding.code.check());
    out
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

/// Text between tags.
fn text(raw: &str) -> String {
    let raw = printable(&redact(raw));
    let legal = raw.chars().filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'));
    let mut out = String::with_capacity(raw.len());
    for c in legal {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

/// Text between quotes, where a raw line break would be read as a blank.
fn attribute(raw: &str) -> String {
    text(raw).replace('"', "&quot;").replace('\n', "&#10;")
}
