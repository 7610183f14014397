//! A plan as a patch that `git apply` takes. Edits never change how many lines a file has.

use std::fmt::Write as _;

use camino::{Utf8Path, Utf8PathBuf};

use super::change::Change;

/// The number of unchanged lines around a change.
const CONTEXT: usize = 3;

/// Shows changes as a patch, with the files as `named`.
pub fn patch(changes: &[Change], named: impl Fn(&Utf8Path) -> Utf8PathBuf) -> String {
    let mut out = String::new();
    for change in changes {
        let (from, to) = (named(&change.from), named(&change.to));
        let _ = writeln!(out, "diff --git a/{from} b/{to}");
        let (before, after) = (text(&change.before), text(&change.after));
        if change.is_new() {
            let lines = lines(&after);
            let _ = writeln!(out, "new file mode 100644\n--- /dev/null\n+++ b/{to}");
            let _ = writeln!(out, "@@ -0,0 +1,{} @@", lines.len());
            lines.iter().for_each(|text| line(&mut out, '+', text));
            continue;
        }
        if from != to {
            let whole = if before == after { 100 } else { 90 };
            let _ = writeln!(out, "similarity index {whole}%\nrename from {from}\nrename to {to}");
        }
        if before != after {
            let _ = writeln!(out, "--- a/{from}\n+++ b/{to}");
            hunks(&mut out, &lines(&before), &lines(&after));
        }
    }
    out
}

fn text(bytes: &[u8]) -> String {
    // Planned text is UTF-8: no other file is edited.
    String::from_utf8_lossy(bytes).into_owned()
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn hunks(out: &mut String, before: &[&str], after: &[&str]) {
    let differs: Vec<usize> =
        (0..before.len()).filter(|at| before.get(*at) != after.get(*at)).collect();
    let mut rest = differs.as_slice();
    while let Some(first) = rest.first() {
        // Changes whose surroundings touch are shown together.
        let near = rest.windows(2).take_while(|pair| pair[1] - pair[0] <= 2 * CONTEXT).count();
        let (hunk, later) = rest.split_at(near + 1);
        rest = later;
        let start = first.saturating_sub(CONTEXT);
        let end = (hunk[near] + CONTEXT + 1).min(before.len());
        let _ = writeln!(out, "@@ -{0},{1} +{0},{1} @@", start + 1, end - start);
        let mut at = start;
        while at < end {
            if !hunk.contains(&at) {
                line(out, ' ', before[at]);
                at += 1;
                continue;
            }
            let run = (at..end).take_while(|at| hunk.contains(at)).count();
            before[at..at + run].iter().for_each(|text| line(out, '-', text));
            after[at..at + run].iter().for_each(|text| line(out, '+', text));
            at += run;
        }
    }
}

fn line(out: &mut String, mark: char, text: &str) {
    out.push(mark);
    out.push_str(text);
    if !text.ends_with('\n') {
        out.push_str("\n\\ No newline at end of file\n");
    }
}
