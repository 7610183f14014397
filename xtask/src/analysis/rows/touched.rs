//! Which tables a revision may touch: those whose names are words of its file or of the statements
//! that it ran.

use std::collections::BTreeSet;

/// Where one of these is asked, the names come from the catalogue, and any table may be meant.
const CATALOGUES: [&str; 6] = [
    "pg_tables",
    "pg_class",
    "pg_stat_user_tables",
    "information_schema",
    "get_table_names",
    "reflect",
];

/// The words that may be names of tables; `None`: any table may be touched.
pub fn touched<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for text in texts {
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
        for word in words.filter(|word| !word.is_empty()) {
            if CATALOGUES.contains(&word) {
                return None;
            }
            names.insert(word.to_owned());
            if word.chars().any(char::is_uppercase) {
                names.insert(word.to_lowercase());
            }
        }
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::touched;

    #[test]
    fn every_word_may_be_a_name() {
        let names = touched(["op.drop_column(\"orders\", 'note')", "ALTER TABLE Fills"]).unwrap();
        for name in ["orders", "note", "Fills", "fills"] {
            assert!(names.contains(name), "{name}");
        }
        assert_eq!(touched(["SELECT tablename FROM pg_tables"]), None);
    }
}
