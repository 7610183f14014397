//! Place of a finding: the statement, and its line.

use camino::Utf8PathBuf;

use super::breaks::{Break, Kind};
use super::setting::Text;
use super::statements::Ran;
use super::view::View;
use crate::schema_diff::{line_that_names, mentions};
use model::finding::Finding;
use model::production::SHARE;
use model::transcript::Direction;

/// The file and the line of a statement.
pub(super) fn line_of<'t>(
    revisions: &'t [Text],
    view: &View<'_>,
    at: usize,
) -> Option<(&'t Text, u32)> {
    let ran = view.facts.statements.get(at)?;
    let of = |text: &'_ &Text| Some(&text.revision) == ran.revision.as_ref();
    let text = revisions.iter().find(of)?;
    // A linked folder has two names.
    let is_its = |file: &Utf8PathBuf| file.file_name() == text.file.file_name();
    let own = ran.lines.iter().find(|(file, _)| *file == text.file);
    let (_, line) = own.or_else(|| ran.lines.iter().find(|(file, _)| is_its(file)))?;
    Some((text, *line))
}

/// Puts a finding at a statement.
pub(super) fn place(revisions: &[Text], finding: &mut Finding, view: &View<'_>, at: usize) {
    let ran = view.facts.statements.get(at);
    finding.revision = ran.and_then(|ran| ran.revision.clone());
    finding.statement = ran.and_then(|ran| ran.sql.clone());
    if let Some((text, line)) = line_of(revisions, view, at) {
        finding.place = Some(text.at(Some(line)));
        return;
    }
    // A statement of a driver's own cursor is found by elimination.
    let names = finding.impact.as_ref().map(|impact| vec![impact.table.clone()]);
    let of = |text: &&Text| Some(&text.revision) == finding.revision.as_ref();
    if let Some(text) = revisions.iter().find(of) {
        let named = names.and_then(|names| line_that_names(&text.text, &names));
        let direction = finding.impact.as_ref().map(|impact| impact.direction);
        finding.place =
            Some(text.at(named.map(|(line, _)| line).or(body_of(&text.text, direction))));
    }
}

/// The first line of a revision's body for a direction.
fn body_of(text: &str, direction: Option<Direction>) -> Option<u32> {
    let start = format!("def {}", direction?);
    let mut lines = text.lines().zip(1..).skip_while(|(line, _)| !line.starts_with(&start)).skip(1);
    let is_done = |line: &str| !line.is_empty() && !line.starts_with(['#', '"']);
    lines.find(|(line, _)| is_done(line.trim_start())).map(|(_, line)| line)
}

/// The statement that names the broken object, else the one that locks it, else the line that names
/// it.
pub(super) fn place_named(
    revisions: &[Text],
    finding: &mut Finding,
    view: &View<'_>,
    broken: &Break,
) {
    let bare =
        |name: &str| name.rsplit('.').next().unwrap_or_default().trim_matches('"').to_owned();
    let table = bare(&broken.name);
    let column = match &broken.kind {
        Kind::ColumnRenamed { column, .. }
        | Kind::ColumnDropped { column }
        | Kind::NotNull { column }
        | Kind::TypeChanged { column, .. } => Some(column.clone()),
        Kind::Refused { constraint } => Some(bare(constraint)),
        Kind::LabelGone { label } => Some(label.clone()),
        Kind::NoKey { index, .. } => index.clone(),
        _ => None,
    };
    // An index is dropped without a word of its table.
    let is_index = matches!(broken.kind, Kind::NoKey { .. }) && column.is_some();
    let both = |ran: &Ran| {
        ran.sql.as_deref().is_some_and(|sql| {
            (is_index || mentions(sql, &table))
                && column.as_ref().is_none_or(|column| mentions(sql, column))
        })
    };
    let locks = |ran: &Ran| ran.locks.get(&broken.relation).is_some_and(|mode| *mode >= SHARE);
    let ran = || view.facts.statements.iter().enumerate().filter(|(_, ran)| ran.revision.is_some());
    let named: Vec<(usize, &Ran)> = ran().filter(|(_, ran)| both(ran)).collect();
    // The last statement with a name is the one that removes the name.
    let of = match &broken.kind {
        Kind::TableRenamed { .. } | Kind::TableDropped | Kind::ViewDropped => named.last(),
        Kind::ColumnRenamed { .. } | Kind::ColumnDropped { .. } => named.last(),
        Kind::NotNull { .. } | Kind::NoKey { .. } => named.last(),
        _ => named.first(),
    };
    let of = of.copied().or_else(|| ran().find(|(_, ran)| locks(ran)));
    if let Some((at, _)) = of {
        return place(revisions, finding, view, at);
    }
    let wanted: Vec<String> = column.into_iter().chain([table]).collect();
    for text in revisions {
        if let Some((line, _)) = line_that_names(&text.text, &wanted) {
            finding.revision = Some(text.revision.clone());
            finding.place = Some(text.at(Some(line)));
            return;
        }
    }
    // A right on a schema, say, names no table.
    let any = |ran: &Ran| ran.revision.is_some();
    if let Some(at) = view.facts.statements.iter().position(any) {
        place(revisions, finding, view, at);
    }
}
