//! Ways to do the same without the hazard.

use super::breaks::Kind;
use super::sizes::Work;

/// The remedy.
pub(crate) fn instead_of(kind: &Kind) -> String {
    let told = match kind {
        Kind::NotNull { .. } => {
            "give it a server_default, or make it NOT NULL when every version gives it"
        }
        Kind::NoRight { .. } | Kind::RowRefused | Kind::RowsHidden => {
            "grant in the same revision what the running version's role had"
        }
        Kind::ColumnDropped { .. } | Kind::TableDropped | Kind::ViewDropped => {
            "drop it when no running version uses it"
        }
        Kind::NoKey { .. } => {
            "keep a unique index on exactly these columns until no running version needs it"
        }
        Kind::Refused { .. } | Kind::Trigger => {
            "release a version that writes only what is allowed, then refuse the rest in a later revision"
        }
        _ => {
            "expand first and contract later: add what is new, and take the old away in a later revision"
        }
    };
    told.to_owned()
}

/// The safe form of the work on a table, without long waits.
pub(crate) fn instead(work: &[Work]) -> String {
    let has = |wanted: Work| work.contains(&wanted);
    let told = if has(Work::Rewrite) {
        "add a column, fill it in batches, swap it in a later revision"
    } else if has(Work::Index) {
        "build the index concurrently, in an `autocommit_block()`; a constraint takes it with USING INDEX"
    } else if has(Work::ForeignKey) {
        "add the foreign key NOT VALID, and validate it in an `autocommit_block()` or a later revision"
    } else if has(Work::Update) {
        "in batches, each with a commit of its own, in an `autocommit_block()`"
    } else if has(Work::Scan) {
        "add a check NOT VALID, validate it in an `autocommit_block()`; SET NOT NULL and ATTACH then read nothing"
    } else {
        "do the work in a revision of its own, which blocks nothing else"
    };
    told.to_owned()
}
