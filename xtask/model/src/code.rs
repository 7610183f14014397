//! The one table of codes. A code once published keeps its meaning.
//!
//! `MG001` to `MG006` are the runbook's failure modes A to F and get their names from a diagnosis;
//! `MG1xx` are faults that the gate sees when it runs a step; `MG9xx` mean that the gate itself
//! could not do its work. Faults that a lint sees in the text of the migrations are `MG2xx`, in
//! files of their own; `MG3xx` are the places where a CI workflow weakens the gate; `MG4xx` are
//! losses after a downgrade or a second upgrade, and failures and losses in tables that have rows;
//! `MG5xx` are the effects on a database in use.

mod bodies;
pub mod causes;
mod entry;
mod environment;
mod graph;
mod infrastructure;
pub mod modes;
mod production;
mod rows;
mod running;
mod safe_forms;
mod schema;
mod workflow;
mod workflow_around;

pub use bodies::*;
pub use entry::{Code, Example, OPERATOR, Owner, Severity};
pub use environment::*;
pub use graph::*;
pub use infrastructure::*;
pub use modes::*;
pub use production::*;
pub use rows::*;
pub use running::*;
pub use safe_forms::*;
pub use schema::*;
pub use workflow::*;
pub use workflow_around::*;

/// Every code, in order.
pub static ALL: &[&Code] = &[
    &MISSING_ROW,
    &MISSING_ROLE,
    &MULTIPLE_HEADS,
    &NOT_IMMUTABLE,
    &BROKEN_POINTER,
    &TABLE_TWICE,
    &MIGRATION_FAILED,
    &NOT_AS_ASKED,
    &SUPPLY_FAILED,
    &TIMED_OUT,
    &PROCESS_ENDED,
    &BEFORE_SEED,
    &DOWNGRADE_FAILED,
    &ENV_FAILED,
    &MISSING_PACKAGE,
    &NOT_PYTHON,
    &UNDEFINED_OBJECT,
    &DUPLICATE_OBJECT,
    &CONSTRAINT_VIOLATED,
    &NO_PRIVILEGE,
    &REFUSED,
    &LOCKED,
    &CONNECTION_ENDED,
    &IRREVERSIBLE,
    &READ_DIFFERENTLY,
    &FOREIGN_DATABASE,
    &SECOND_CONNECTION,
    &NOT_COMMITTED,
    &NOT_STORED,
    &MODELS_DIFFER,
    &COMPUTED,
    &NOT_A_REVISION,
    &UNREADABLE,
    &CYCLE,
    &MISSING_DEPENDENCY,
    &SEVERAL_BASES,
    &NOT_ON_BASE_HEAD,
    &CHANGED_ON_BASE,
    &NUMBER_DIFFERS,
    &ILLEGAL_ID,
    &LABEL_USED_TWICE,
    &UNUSED_ALLOW,
    &BAD_ALLOW,
    &CONFIG_UNKNOWN,
    &LOADED_TWICE,
    &NOT_COMPARED,
    &ID_TAKEN,
    &ID_TOO_LONG,
    &CREATED_TWICE,
    &DROPPED_NOT_THERE,
    &USED_AFTER_DROP,
    &USED_BEFORE_MADE,
    &NAMELESS_DROP,
    &BASE_NOT_EMPTY,
    &NO_DOWNGRADE,
    &EMPTY_DOWNGRADE,
    &RAISING_DOWNGRADE,
    &LEFT_BEHIND,
    &DROPS_OTHERS,
    &OUTSIDE_TRANSACTION,
    &LABEL_TOO_EARLY,
    &ENDS_TRANSACTION,
    &COMMIT_BEFORE_CONCURRENTLY,
    &SET_ORDER,
    &TOUCHES_AT_IMPORT,
    &IMPORTS_APPLICATION,
    &ASKS,
    &NOT_RUN,
    &NOT_FOR_PULL_REQUESTS,
    &PATH_NOT_COVERED,
    &NOT_IN_MERGE_QUEUE,
    &NO_EXPLICIT_IF,
    &NEVER_RUNS,
    &CONTINUES_ON_ERROR,
    &STATUS_DISCARDED,
    &STATUS_LOST_IN_PIPE,
    &COMMENTED_OUT,
    &TREE_LEFT_OUT,
    &CHECK_LEFT_OUT,
    &SHALLOW_HISTORY,
    &NOT_POSTGRES_15,
    &SECRET_NEAR_CODE,
    &WRITE_PERMISSION,
    &PERMISSIONS_NOT_SAID,
    &PRIVILEGED_TRIGGER,
    &UPGRADE_HEADS,
    &OLD_STEPS,
    &OLD_STEPS_LACK_SUPPLY,
    &UNKNOWN,
    &TOKEN_LEFT_BEHIND,
    &ISOLATION_OPENED,
    &UNREADABLE_WORKFLOW,
    &SKIPPED_WITH_ANOTHER,
    &DRAFT_NEVER_GATED,
    &FORKS_LEFT_OUT,
    &CACHE_SAVED_LATE,
    &BYPASSED,
    &REMAINS,
    &NOT_RESTORED,
    &CHANGED,
    &NOT_REPEATABLE,
    &SUPPLY_LOST,
    &KEPT,
    &COLUMN_AT_END,
    &IRREVERSIBLE_DECLARED,
    &IMPURE,
    &NULLS_IN_ROWS,
    &DUPLICATES_IN_ROWS,
    &ORPHANS_IN_ROWS,
    &VALUES_IN_ROWS,
    &FAILS_ON_ROWS,
    &FAILS_ON_EXTREMES,
    &DATA_LOST,
    &NOT_FILLED,
    &ROWS_DECLARED,
    &SCHEMA_OF_TODAY,
    &WHO_WAITS,
    &BREAKS_RUNNING,
    &DEADLOCK,
    &WHOLE_TABLE,
    &NO_LOCK_TIMEOUT,
    &SIZES,
    &CANNOT_WORK,
    &SERVER_DIED,
    &OUT_OF_RESOURCES,
    &SERVER_NOT_STARTED,
    &CONNECTION_FAILED,
    &ENV_FOREIGN_DATABASE,
    &NOT_TOLD,
    &NOT_WRITABLE,
];

/// The code with this id or of this failure mode: `MG003` or `C`, in either case.
pub fn find(name: &str) -> Option<&'static Code> {
    let name = name.to_uppercase();
    ALL.iter()
        .copied()
        .find(|code| code.id == name || code.mode.is_some_and(|m| m.to_string() == name))
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn each_code_is_complete_and_listed_once() {
        for code in ALL {
            let texts = [code.title, code.symptom, code.why, code.verify];
            assert!(texts.iter().all(|text| !text.is_empty()), "{} lacks a text", code.id);
            assert!(!code.remedy.is_empty() || code.id == "MG900", "{} has no remedy", code.id);
            assert!(code.infrastructure || code.example.is_some(), "{} has no example", code.id);
        }
        assert!(ALL.windows(2).all(|pair| pair[0].id < pair[1].id), "in order, each once");
    }
}

/// A code in a saved report: by its id.
pub mod by_id {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{ALL, Code};

    /// Writes the id. Fails where the format does.
    pub fn serialize<S: Serializer>(code: &Code, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(code.id)
    }

    /// Finds the code of an id. Fails for an unknown id.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<&'static Code, D::Error> {
        let id = String::deserialize(from)?;
        let code = ALL.iter().find(|code| code.id == id);
        code.copied().ok_or_else(|| D::Error::custom(format!("there is no code {id}")))
    }
}
