//! Removal of passwords from printed texts.

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
        // A template of a URL is printed in messages, and users copy it from there.
        let is_template = &after[colon + 1..host] == "{password}";
        out.push_str(if is_template { "{password}" } else { "***" });
        rest = &after[host..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Replaces every occurrence of a known password by `***`. A password of fewer than four characters
/// is not replaced: that would hide nothing and spoil the text.
pub fn hide(text: &str, password: Option<&str>) -> String {
    match password.filter(|password| password.chars().count() >= 4) {
        Some(password) => text.replace(password, "***"),
        None => text.to_owned(),
    }
}

/// Values of the caller's that no report may hold, in each spelling in which one may be met.
#[derive(Clone, Debug, Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Values of fewer than four characters are left out: replacing them would hide nothing and
    /// spoil the text.
    pub fn of(values: impl IntoIterator<Item = String>) -> Secrets {
        let long = values.into_iter().filter(|value| value.chars().count() >= 4);
        let mut all: Vec<String> = long.flat_map(|value| spellings(&value)).collect();
        // The longest first: replacing a value that is part of another would leave the rest of the
        // longer one.
        all.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
        all.dedup();
        Secrets(all)
    }

    /// A text without these values, and without the passwords of URLs.
    pub fn hide(&self, text: &str) -> String {
        let hidden = self.0.iter().fold(Cow::Borrowed(text), |text, secret| {
            if text.contains(secret.as_str()) { text.replace(secret, "***").into() } else { text }
        });
        redact(&hidden).into_owned()
    }
}

/// A value as it is given, in a URL, in an ini, in SQL, in Python and in JSON.
fn spellings(value: &str) -> Vec<String> {
    let encoded = |upper: bool, keeps: &str| -> String {
        let byte = |b: &u8| match char::from(*b) {
            c if c.is_ascii_alphanumeric() || keeps.contains(c) => c.to_string(),
            _ if upper => format!("%{b:02X}"),
            _ => format!("%{b:02x}"),
        };
        value.as_bytes().iter().map(byte).collect()
    };
    let mut all = vec![value.to_owned(), value.replace(' ', "+")];
    for keeps in ["-._~", "-._~/", "-._~!$&'()*+,;=", "-._~!$&'()*+,;=:@/?"] {
        all.extend([encoded(true, keeps), encoded(false, keeps)]);
    }
    for quote in ["'", "\"", "`"] {
        all.push(value.replace(quote, &quote.repeat(2)));
        all.push(value.replace('\\', "\\\\").replace(quote, &format!("\\{quote}")));
    }
    // An ini and a statement with parameters double each percent sign.
    let doubled: Vec<String> = all.iter().map(|spelling| spelling.replace('%', "%%")).collect();
    all.extend(doubled);
    all
}

#[cfg(test)]
mod tests {
    use super::{Secrets, hide, redact};

    #[test]
    fn secret_is_hidden_in_each_spelling() {
        let secrets = Secrets::of(["p@s's 1%\"w\\".to_owned(), "abc".to_owned()]);
        for text in [
            "p@s's 1%\"w\\",
            "p%40s%27s%201%25%22w%5C",
            "p%40s%27s%201%25%22w%5c",
            "p%%40s%%27s%%201%%25%%22w%%5C",
            "p@s''s 1%\"w\\",
            "p@s's 1%%\"w\\",
            "p@s\\'s 1%\"w\\\\",
            "p@s's 1%\\\"w\\\\",
        ] {
            assert_eq!(secrets.hide(&format!("it is <{text}>")), "it is <***>", "{text}");
        }
        assert_eq!(secrets.hide("abc postgresql://u:x@h"), "abc postgresql://u:***@h");
    }

    #[test]
    fn known_password_is_hidden_everywhere() {
        assert_eq!(hide("it is s3cret!", Some("s3cret")), "it is ***!");
        assert_eq!(hide("a postgres b", Some("pos")), "a postgres b");
        assert_eq!(hide("a", None), "a");
    }

    #[track_caller]
    fn check(input: &str, expected: &str) {
        assert_eq!(redact(input), expected);
    }

    #[test]
    fn passwords_in_urls_are_hidden_and_other_text_kept() {
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
