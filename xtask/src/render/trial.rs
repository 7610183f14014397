//! Common parts of the reports on incidents and on mutants.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use model::incident::Expected;
use model::replay::Observed;

const GREEN: Style = AnsiColor::Green.on_default().bold();
pub(super) const RED: Style = AnsiColor::Red.on_default().bold();

/// Place of an expected or observed finding.
#[derive(Serialize)]
pub(super) struct Place<'a> {
    step: Option<&'a str>,
    code: Option<&'a str>,
}

impl<'a> Place<'a> {
    pub(super) fn expected(expect: &'a Expected) -> Place<'a> {
        Place { step: expect.step.as_deref(), code: Some(&expect.code) }
    }

    pub(super) fn observed(observed: Option<&'a Observed>) -> Place<'a> {
        Place {
            step: observed.and_then(|observed| observed.step.as_deref()),
            code: observed.map(|observed| observed.code),
        }
    }
}

/// Columns under their heads, each as wide as its widest cell. The columns from number `numbers` on
/// are right-aligned.
pub(super) fn table(rows: &[Vec<String>], numbers: usize) -> String {
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| cells(column).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let mut out = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column < numbers { format!("{cell:width$}") } else { format!("{cell:>width$}") }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

/// An exit status, for a program.
pub(super) fn verdict(status: u8) -> &'static str {
    match status {
        0 => "pass",
        1 => "fail",
        _ => "error",
    }
}

/// An exit status, for a person.
pub(super) fn headline(status: u8) -> String {
    let style = if status == 0 { GREEN } else { RED };
    format!("{style}{}{style:#}", verdict(status).to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [["code", "n"], ["MG003", "10"], ["é", "7"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows, 1), "code    n\nMG003  10\n\u{e9}       7\n");
    }
}
