//! Removal of the text that a CI service, Docker or pytest puts around a line: columns, time
//! stamps, colours, markers; and separation of the interleaved output of several sources.

/// A line of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// The step that the service's own column names.
    pub(super) step: Option<String>,
    /// The command's output.
    pub(super) text: String,
    /// Whether pytest marked the line as part of an exception.
    pub(super) raised: bool,
    /// Whether GitHub marked it as the title of a group.
    pub(super) group: bool,
}

/// The most names that may precede a `|`: services of Docker Compose, not cells of a table.
const SERVICES_MAX: usize = 12;

/// The lines of a log, one list for each source: a job of `gh run view --log`, a service of
/// `docker compose`. Each keeps its order.
pub(super) fn streams(text: &str) -> Vec<Vec<Line>> {
    let lines: Vec<&str> = text.lines().map(|line| line.trim_end_matches('\r')).collect();
    let compose = is_compose(&lines);
    let mut streams: Vec<(String, Vec<Line>)> = Vec::new();
    for line in lines {
        let (source, line) = clean(line, compose);
        match streams.iter_mut().find(|(known, _)| *known == source) {
            Some((_, lines)) => lines.push(line),
            None => streams.push((source, vec![line])),
        }
    }
    streams.into_iter().map(|(_, lines)| lines).collect()
}

fn clean(line: &str, compose: bool) -> (String, Line) {
    let line = line.trim_start_matches('\u{feff}');
    // `gh run view --log` writes job, step and line, separated by tabs.
    let mut columns = line.splitn(3, '\t');
    let (mut source, step, rest) = match (columns.next(), columns.next(), columns.next()) {
        (Some(job), Some(step), Some(rest))
            if starts_with_time(rest.trim_start_matches('\u{feff}')) =>
        {
            (job.to_owned(), Some(step.to_owned()), rest)
        }
        _ => (String::new(), None, line),
    };
    let step = step.filter(|step| step != "UNKNOWN STEP");
    let rest = without_time(rest.trim_start_matches('\u{feff}'));
    let mut text = without_escapes(rest);
    if compose && let Some((service, rest)) = service(&text) {
        source = format!("{source}\t{service}");
        text = without_time(rest).to_owned();
    }
    let group = text.starts_with("##[group]");
    for marker in ["##[group]", "##[error]", "##[endgroup]", "##[warning]", "##[command]"] {
        if let Some(rest) = text.strip_prefix(marker) {
            text = rest.to_owned();
        }
    }
    // pytest puts an E before each line of an exception.
    let raised = text.strip_prefix("E   ").map(|rest| rest.trim_start().to_owned());
    let (text, raised) = match raised {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    (source, Line { step, text, raised, group })
}

/// Whether `docker compose` wrote the lines: most begin with the name of a service.
fn is_compose(lines: &[&str]) -> bool {
    let mut names: Vec<String> = Vec::new();
    let (mut with, mut all) = (0_usize, 0_usize);
    for line in lines.iter().filter(|line| !line.trim().is_empty()) {
        all += 1;
        let line = without_escapes(without_time(line.trim_start_matches('\u{feff}')));
        if let Some((name, _)) = service(&line) {
            with += 1;
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
    }
    // One line alone is enough where its name is numbered, as Docker Compose does it.
    let numbered = names.first().is_some_and(|name| name.ends_with(|c: char| c.is_ascii_digit()));
    (with >= 2 || numbered) && with * 2 > all && names.len() <= SERVICES_MAX
}

/// `migrate-1  | text`.
fn service(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.split_once('|')?;
    let name = name.trim_end();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (!name.is_empty() && name.chars().all(plain))
        .then(|| (name, rest.strip_prefix(' ').unwrap_or(rest)))
}

fn without_time(line: &str) -> &str {
    if starts_with_time(line) { line.split_once(' ').map_or("", |(_, rest)| rest) } else { line }
}

/// `2026-05-11T12:34:56.1234567Z …`, as GitHub writes it, and Docker.
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
