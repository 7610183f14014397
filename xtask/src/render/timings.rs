//! Timings of a run: a line for each stretch, drawn at its position in the run.

use std::fmt::Write as _;
use std::time::Instant;

use model::span::Span;

/// The width of the names and of the drawing, in characters.
const NAME: usize = 37;
const DRAWN: usize = 32;
/// Shorter spans do not explain where the time went; in milliseconds.
const SHORTEST_MS: u128 = 2;

/// A waterfall of 80 columns: the name, the milliseconds, and the position in the run.
pub fn waterfall(spans: &[Span]) -> String {
    let Some(first) = spans.iter().map(|span| span.began).min() else { return String::new() };
    let last = spans.iter().map(|span| span.ended).max().unwrap_or(first);
    let total = (last - first).as_secs_f64().max(1e-6);
    let mut spans: Vec<&Span> =
        spans.iter().filter(|span| (span.ended - span.began).as_millis() >= SHORTEST_MS).collect();
    spans.sort_by(|a, b| a.began.cmp(&b.began).then(b.ended.cmp(&a.ended)));
    let mut out = String::from("where the time went, in ms:\n");
    for span in spans {
        let at = |moment: Instant| {
            let part = (moment - first).as_secs_f64() / total;
            // The column lies within the drawing by construction, far below the largest integer
            // that a float holds exactly.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 32")]
            let column = (part * DRAWN as f64).round() as usize;
            column
        };
        let from = at(span.began).min(DRAWN - 1);
        let to = at(span.ended).max(from + 1);
        let name: String = format!("{} — {}", span.lane, span.what).chars().take(NAME).collect();
        let spent = (span.ended - span.began).as_millis();
        let bar = format!("{}{}", " ".repeat(from), "█".repeat(to - from));
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{name:NAME$} {spent:>6} |{bar:DRAWN$}|");
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::waterfall;
    use model::span::Span;

    #[test]
    fn waterfall_has_80_columns_and_bars_in_place() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let span = |lane: &str, what: &str, began, ended| Span {
            lane: lane.into(),
            what: what.into(),
            began: at(began),
            ended: at(ended),
        };
        let drawn = waterfall(&[
            span("Console", "upgrade of a revision that has a very long name", 50, 100),
            span("Postgres", "initdb", 0, 50),
            span("Postgres", "too short to tell", 10, 11),
        ]);
        let lines: Vec<&str> = drawn.lines().skip(1).collect();
        assert_eq!(lines.len(), 2, "{drawn}");
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{drawn}");
        assert!(lines[0].starts_with("Postgres — initdb") && lines[0].contains("50 |█"), "{drawn}");
        assert!(lines[1].ends_with("█|") && lines[1].contains("| "), "{drawn}");
    }
}
