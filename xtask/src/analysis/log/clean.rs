//! Takes away what a CI service puts around a line: its own columns, time stamps, colours, markers.

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The step that the service's own column names.
    pub(super) step: Option<String>,
    /// What the command printed.
    pub(super) text: String,
}

/// The lines of a log.
pub(super) fn lines(text: &str) -> Vec<Line> {
    text.lines().map(clean).collect()
}

fn clean(line: &str) -> Line {
    let line = line.trim_start_matches('\u{feff}').trim_end_matches('\r');
    // `gh run view --log` writes job, step and line, separated by tabs.
    let mut columns = line.splitn(3, '\t');
    let (step, rest) = match (columns.next(), columns.next(), columns.next()) {
        (Some(_), Some(step), Some(rest)) if starts_with_time(rest) => {
            (Some(step.to_owned()), rest)
        }
        _ => (None, line),
    };
    let step = step.filter(|step| step != "UNKNOWN STEP");
    let rest = rest.trim_start_matches('\u{feff}');
    let rest = if starts_with_time(rest) {
        rest.split_once(' ').map_or("", |(_, rest)| rest)
    } else {
        rest
    };
    let mut text = without_escapes(rest);
    for marker in ["##[group]", "##[error]", "##[endgroup]", "##[warning]", "##[command]"] {
        if let Some(rest) = text.strip_prefix(marker) {
            text = rest.to_owned();
        }
    }
    Line { step, text }
}

/// `2026-05-11T12:34:56.1234567Z …`, as GitHub writes it.
fn starts_with_time(line: &str) -> bool {
    let stamp = line.split(' ').next().unwrap_or_default();
    stamp.len() >= 20
        && stamp.ends_with('Z')
        && stamp.is_ascii()
        && stamp.as_bytes().get(4) == Some(&b'-')
        && stamp.as_bytes().get(10) == Some(&b'T')
}

/// Without the control sequences of terminals (ECMA-48, `CSI … final byte`).
fn without_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            out.push(c);
            continue;
        }
        if chars.next() == Some('[') {
            // The sequence ends with a byte from `@` to `~`.
            let _ = chars.by_ref().find(|c| ('@'..='~').contains(c));
        }
    }
    out
}
