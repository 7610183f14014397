//! Tables that a revision may touch: those whose names are words of its file or of the statements that
//! it ran.

use std::collections::BTreeSet;

/// Words of a text that gets its names from the catalogue: it may touch any table.
const CATALOGUES: [&str; 6] = [
    "pg_tables",
    "pg_class",
    "pg_stat_user_tables",
    "information_schema",
    "get_table_names",
    "reflect",
];
/// The number of words after `DELETE FROM` or `TRUNCATE` that may be the name: `TABLE ONLY
/// schema.name`.
const FOLLOWING: usize = 4;

/// The words that may be names of tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// All of them; `None`: any table may be touched.
    pub names: Option<BTreeSet<String>>,
    /// The tables from which rows are deleted: the tables that point to them matter then.
    pub emptied: BTreeSet<String>,
}

/// The names in these texts.
pub fn touched<'a>(texts: impl IntoIterator<Item = &'a str>) -> Touched {
    let (mut names, mut emptied) = (BTreeSet::new(), BTreeSet::new());
    let mut any = false;
    for text in texts {
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        for (at, word) in words.iter().enumerate() {
            any |= CATALOGUES.contains(word);
            names.extend(spelt(word));
            let is = |word: &str, wanted: &str| word.eq_ignore_ascii_case(wanted);
            let deletes = is(word, "from") && at > 0 && is(words[at - 1], "delete");
            if deletes || is(word, "truncate") {
                emptied.extend(words.iter().skip(at + 1).take(FOLLOWING).flat_map(|w| spelt(w)));
            }
        }
    }
    Touched { names: (!any).then_some(names), emptied }
}

/// A word as written, and as Postgres reads it without quotes.
fn spelt(word: &str) -> impl Iterator<Item = String> {
    let lower = word.chars().any(char::is_uppercase).then(|| word.to_lowercase());
    [word.to_owned()].into_iter().chain(lower)
}

#[cfg(test)]
mod tests {
    use super::touched;

    #[test]
    fn every_word_may_be_a_name() {
        let told = touched(["op.drop_column(\"orders\", 'note')", "ALTER TABLE Fills"]);
        for name in ["orders", "note", "Fills", "fills"] {
            assert!(told.names.as_ref().unwrap().contains(name), "{name}");
        }
        assert_eq!(touched(["SELECT tablename FROM pg_tables"]).names, None);
    }

    #[test]
    fn source_tables_of_rows_are_known() {
        let told = touched([
            "DELETE FROM public.orders WHERE id = 1",
            "TRUNCATE TABLE ONLY fills",
            "REFERENCES admins (id) ON DELETE CASCADE",
        ]);
        assert!(["orders", "fills"].iter().all(|name| told.emptied.contains(*name)));
        assert!(!told.emptied.contains("admins"));
    }
}
