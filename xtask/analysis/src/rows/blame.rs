//! Names for failures that need rows, by what Postgres raised.

use model::code::{self, Code};

/// The code of a revision that fails only where tables have rows.
pub fn code_of(sqlstate: Option<&str>) -> &'static Code {
    match sqlstate {
        Some("23502") => &code::NULLS_IN_ROWS,
        Some("23505" | "23P01") => &code::DUPLICATES_IN_ROWS,
        Some("23503") => &code::ORPHANS_IN_ROWS,
        // A check, and every data exception: what is too long, too large, or no number.
        Some(state) if state == "23514" || state.starts_with("22") => &code::VALUES_IN_ROWS,
        _ => &code::FAILS_ON_ROWS,
    }
}
