//! `MG4xx`: what the schema and the data say about a migration that is taken back.

use super::{Code, MIGRATION, Severity};

const REVERSAL: Code = Code {
    remedy: &[
        "add to the revision's `downgrade()` what the message names",
        "where it is meant, say so in the revision: `# migration-gate: keeps KIND NAME, reason`",
    ],
    verify: "run the gate again: the schema must be the same before the upgrade and after the \
             downgrade",
    ..MIGRATION
};

/// The downgrade left something that the upgrade made.
pub static LEFT_BEHIND: Code =
    Code { id: "MG400", title: "the downgrade leaves something behind", ..REVERSAL };

/// The downgrade did not bring back something that the upgrade dropped.
pub static NOT_RESTORED: Code =
    Code { id: "MG401", title: "the downgrade does not restore something", ..REVERSAL };

/// The downgrade left something otherwise than it was.
pub static CHANGED: Code =
    Code { id: "MG402", title: "the downgrade does not restore what was changed", ..REVERSAL };

/// The second upgrade gives another schema than the first.
pub static NOT_REPEATABLE: Code = Code {
    id: "MG403",
    title: "the second upgrade gives another schema than the first",
    remedy: &[
        "look for what `upgrade()` does only where something is missing (`IF NOT EXISTS`, \
         `checkfirst`), and for what `downgrade()` leaves or takes too much of",
        "take out what depends on the time, on the environment, on chance, or on the order of a set",
    ],
    verify: "run the gate again: both upgrades must give the same schema",
    ..MIGRATION
};

/// A supply is gone after a round trip.
pub static SUPPLY_LOST: Code = Code {
    id: "MG404",
    title: "what was supplied is gone",
    remedy: &["take out of the revision what deletes it: production has it, and keeps it"],
    verify: "run the gate again: what was supplied must still be there",
    ..MIGRATION
};

/// A revision that cannot be taken back and does not say why.
pub static IRREVERSIBLE: Code = Code {
    id: "MG405",
    title: "the revision cannot be taken back",
    remedy: &[
        "write its `downgrade()`",
        "or say why there is none: `# migration-gate: irreversible, reason`",
    ],
    ..MIGRATION
};

/// Something that a revision does not restore, and says so.
pub static KEPT: Code = Code {
    id: "MG406",
    title: "the downgrade keeps something, as the revision says",
    severity: Severity::Note,
    remedy: &["nothing to do, as long as the reason holds"],
    verify: "read the reason",
    ..MIGRATION
};

/// A column that was dropped and came back at the end of its table.
pub static COLUMN_AT_END: Code = Code {
    id: "MG407",
    title: "a restored column stands at the end of its table",
    severity: Severity::Note,
    remedy: &["nothing to do, unless something reads the columns by their place (`SELECT *`)"],
    verify: "check that nothing reads the columns by their place",
    ..MIGRATION
};

/// A revision that cannot be taken back, and says why.
pub static IRREVERSIBLE_DECLARED: Code = Code {
    id: "MG408",
    title: "the revision cannot be taken back, as it says",
    severity: Severity::Note,
    remedy: &["nothing to do, as long as the reason holds"],
    verify: "read the reason",
    ..MIGRATION
};

/// The same revisions give another schema in another environment.
pub static IMPURE: Code = Code {
    id: "MG409",
    title: "the schema depends on the environment",
    remedy: &[
        "take out what depends on the time zone, the locale or the clock: a schema is the same \
         wherever it is made",
    ],
    verify: "run the gate again with `--stairway`: a second run in another environment must give \
             the same schema",
    ..MIGRATION
};
