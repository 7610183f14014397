//! Fields of a finding, for a person.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::{remedy, words};
use model::code::{Code, Owner};
use model::finding::{Finding, Place};
use model::redact::redact;
use model::shown::printable;
use model::transcript::Transcript;

pub(super) const GREEN: Style = AnsiColor::Green.on_default().bold();
pub(super) const RED: Style = AnsiColor::Red.on_default().bold();
/// Warnings: yellow cannot be read on a white background.
pub(super) const MAGENTA: Style = AnsiColor::Magenta.on_default().bold();
pub(super) const BLUE: Style = AnsiColor::Blue.on_default().bold();
pub(super) const BOLD: Style = Style::new().bold();

/// The title of its code; for production its own sentence, which is more precise and may take
/// several lines.
pub(super) fn title(finding: &Finding, word: &str) -> String {
    let title =
        if finding.impact.is_some() { finding.message.as_str() } else { finding.code.title };
    let indent = word.len() + finding.code.id.len() + 4;
    words::wrap(&redact(title), words::width() - indent).join(&format!("\n{:indent$}", ""))
}

/// The impact on production, and the reasons.
pub(super) fn impact(out: &mut String, finding: &Finding) {
    if finding.impact.is_none() {
        return;
    }
    field(out, "allowed", finding.allowed.as_deref().unwrap_or_default());
    for (word, text) in remedy::seen(finding) {
        field(out, word, text);
    }
}

/// The output is shown if the exception alone does not name the file.
pub(super) fn shows_output(said: &Transcript) -> bool {
    !said.output.trim().is_empty() && (said.exceptions.is_empty() || said.frames.is_empty())
}

pub(super) fn excerpt(place: &Place) -> String {
    let mut out = String::new();
    let at = place.line.map(|line| format!(":{line}")).unwrap_or_default();
    line(&mut out, &format!("  {BLUE}-->{BLUE:#} {}{at}", place.file));
    if let (Some(number), Some(source)) = (place.line, &place.source) {
        let number = number.to_string();
        // The line is shown for recognition, not for copying.
        let source = printable(&redact(source.trim()));
        let source = words::cut(&source, words::width() - number.len() - 10);
        let gap = " ".repeat(number.len());
        line(&mut out, &format!("  {BLUE}{gap} |{BLUE:#}"));
        line(&mut out, &format!("  {BLUE}{number} |{BLUE:#}     {source}"));
        let caret = "^".repeat(source.chars().count().min(60));
        line(&mut out, &format!("  {BLUE}{gap} |{BLUE:#}     {RED}{caret}{RED:#}"));
    }
    out
}

/// A named text, wrapped at the width of the terminal, with its further lines below its first.
pub(super) fn field(out: &mut String, name: &str, text: &str) {
    let text = redact(text);
    let mut first = true;
    for paragraph in text.trim_end().lines() {
        for wrapped in words::wrap(&printable(paragraph), words::width() - 14) {
            label(out, if first { name } else { "" }, &wrapped);
            first = false;
        }
    }
}

/// A named text to be copied, or one that keeps its shape: not wrapped.
pub(super) fn verbatim(out: &mut String, name: &str, text: &str) {
    for (number, line) in redact(text).lines().enumerate() {
        label(out, if number == 0 { name } else { "" }, &printable(line));
    }
}

/// The role that fixes a finding, the fix, and the check that it is fixed. The fix begins with the
/// text to copy and its description; then the other steps follow, each after a bullet if there are
/// several.
pub(super) fn fix<S: AsRef<str>>(
    out: &mut String,
    (owner, code): (Option<Owner>, &Code),
    ready: Option<remedy::Ready>,
    (mut name, steps): (&'static str, &[S]),
) {
    field(out, "owner", owner.map(words::owner).unwrap_or_default());
    if let Some(remedy::Ready { what, text, next }) = &ready {
        label(out, name, what);
        match text.contains("\n+++ ") {
            // A patch is copied whole: its lines get no prefix.
            true => redact(text).lines().for_each(|text| line(out, &printable(text))),
            false => verbatim(out, "", text.trim_end()),
        }
        name = next;
    }
    for step in steps.iter().map(AsRef::as_ref) {
        if steps.len() == 1 {
            field(out, name, step);
            break;
        }
        for (number, wrapped) in words::wrap(&printable(&redact(step)), 80 - 16).iter().enumerate()
        {
            let bullet = if number == 0 { "- " } else { "  " };
            label(out, name, &format!("{bullet}{wrapped}"));
            name = "";
        }
    }
    field(out, "verify", &code.check());
}

pub(super) fn label(out: &mut String, name: &str, text: &str) {
    let mark = if name.is_empty() { " " } else { ":" };
    line(out, &format!("  {BOLD}{name:>9}{BOLD:#}{mark} {text}"));
}

pub(super) fn line(out: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{}", text.trim_end());
}
