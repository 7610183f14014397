//! Reports cut to the columns and rows of a terminal.

use super::human;
use model::report::Report;

/// The number of findings named below the first.
const FINDINGS_NAMED: usize = 3;

/// A verdict with its findings, on a screen of so many columns and rows: if not all fits, the first
/// finding as far as it fits, and a line for each other finding.
pub(super) fn report(report: &Report, room: Option<(usize, usize)>) -> String {
    let whole = human::standing(report);
    let whole = whole.trim_start_matches('\n');
    let verdict = human::verdict(report);
    let verdict = verdict.lines().next().unwrap_or_default();
    cut_to(whole, &format!("{}{verdict}\n", human::overview(report, 1, FINDINGS_NAMED)), room)
}

/// The text if it fits; else its first lines, as many as leave room for `end`.
pub(super) fn cut_to(text: &str, end: &str, room: Option<(usize, usize)>) -> String {
    let Some((columns, rows)) = room else { return text.to_owned() };
    // The terminal breaks longer lines.
    let height = |line: &str| {
        let width = anstream::adapter::strip_str(line).to_string().chars().count();
        width.div_ceil(columns).max(1)
    };
    if text.lines().map(height).sum::<usize>() <= rows {
        return text.to_owned();
    }
    let mut left = rows.saturating_sub(end.lines().map(height).sum::<usize>() + 2);
    let fits = |line: &&str| {
        let fits = height(line) <= left;
        left = left.saturating_sub(height(line));
        fits
    };
    let first: Vec<&str> = text.lines().take_while(fits).collect();
    format!("{}\n  …\n\n{end}", first.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::{cut_to, report};
    use crate::render::canonical;

    #[test]
    fn red_report_fits_a_small_screen_with_its_first_error() {
        for (name, canonical) in canonical::all() {
            let shown =
                anstream::adapter::strip_str(&report(&canonical, Some((80, 17)))).to_string();
            let height = |line: &str| line.chars().count().div_ceil(80).max(1);
            assert!(shown.lines().map(height).sum::<usize>() <= 17, "{name}:\n{shown}");
            let first = canonical.by_weight().first().map_or("PASS", |finding| finding.code.id);
            assert!(shown.contains(first) || canonical.interrupted, "{name}:\n{shown}");
        }
    }

    #[test]
    fn text_is_cut_only_where_there_is_no_room() {
        assert_eq!(cut_to("a\nb\n", "end\n", Some((80, 2))), "a\nb\n");
        assert_eq!(cut_to("a\nb\nc\nd\ne\n", "end\n", Some((80, 4))), "a\n  …\n\nend\n");
        assert_eq!(cut_to("a\nb\n", "end\n", None), "a\nb\n");
    }
}
