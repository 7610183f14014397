//! Sensitive schemas: a failed migration of one is SEV-2 until it is proved that no data was lost.
//! This is the only list.

/// An area, and the words in names of its tables, columns and revisions.
pub const AREAS: &[(&str, &[&str])] = &[
    (
        "payment",
        &[
            "payment",
            "payments",
            "billing",
            "invoice",
            "invoices",
            "refund",
            "settlement",
            "settlements",
        ],
    ),
    ("audit", &["audit"]),
    ("RBAC", &["rbac", "permission", "permissions", "platform_owners"]),
];

/// The area that a text names, if it names one: a word of a name counts, a part of a word does not.
pub fn area(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    let names = |word: &str| {
        text.match_indices(word).any(|(at, _)| {
            is_edge(text[..at].chars().next_back())
                && is_edge(text[at + word.len()..].chars().next())
        })
    };
    AREAS.iter().find(|(_, words)| words.iter().any(|word| names(word))).map(|(area, _)| *area)
}

#[cfg(test)]
mod tests {
    use super::area;

    #[test]
    fn areas_are_known_by_whole_words_of_names() {
        assert_eq!(area("ALTER TABLE audit_log ADD COLUMN x"), Some("audit"));
        assert_eq!(area("versions/0005_rbac_tables.py"), Some("RBAC"));
        assert_eq!(area("0018_settlements_and_payments.py"), Some("payment"));
        assert_eq!(area("auditorium, prepayments"), None);
    }
}
