//! Takes passwords out of what is printed.

use std::borrow::Cow;

/// Replaces the password of every `scheme://user:password@` in `text` by `***`.
///
/// A password that holds a raw `@` or `/` is taken out to the last `@` before white space or a
/// quote, so that no part of it is left.
pub fn redact(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>'))
            .unwrap_or(after.len());
        rest = after;
        let Some(host) = after[..end].rfind('@') else { continue };
        let Some(colon) = after[..host].find(':') else { continue };
        // `http://host/a:b@c` has no password: its first colon lies in the path.
        if after[..colon].contains('/') || after[..colon].contains('?') {
            continue;
        }
        out.push_str(&after[..=colon]);
        out.push_str("***");
        rest = &after[host..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Replaces a password that is known by `***` wherever it stands. One of fewer than four characters
/// hides nothing and would spoil the text.
pub fn hide(text: &str, password: Option<&str>) -> String {
    match password.filter(|password| password.chars().count() >= 4) {
        Some(password) => text.replace(password, "***"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{hide, redact};

    #[test]
    fn a_known_password_goes_wherever_it_stands() {
        assert_eq!(hide("it is s3cret!", Some("s3cret")), "it is ***!");
        assert_eq!(hide("a postgres b", Some("pos")), "a postgres b");
        assert_eq!(hide("a", None), "a");
    }

    #[track_caller]
    fn check(input: &str, expected: &str) {
        assert_eq!(redact(input), expected);
    }

    #[test]
    fn passwords_go_and_the_rest_stays() {
        check("no url", "no url");
        check("postgresql://u:s3cret@h/db", "postgresql://u:***@h/db");
        check(
            "'postgres://u:p@ss/w@h:5432/db' and a://b:c@d",
            "'postgres://u:***@h:5432/db' and a://b:***@d",
        );
        check("http://127.0.0.1:80/a", "http://127.0.0.1:80/a");
        check("postgresql://u@h/db", "postgresql://u@h/db");
        check("postgresql+psycopg2://:pw@h", "postgresql+psycopg2://:***@h");
    }
}
