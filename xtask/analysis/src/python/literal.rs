//! Literals and source encodings, by the letter of the Python reference.

use super::unreadable::{Unreadable, line_at};

/// Prefix before a string's quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Prefix {
    raw: bool,
    /// Whether it makes bytes.
    pub(super) bytes: bool,
    formatted: bool,
}

impl Prefix {
    /// The prefix of a string, from its text up to and with the opening quotes.
    pub(super) fn of(start: &str) -> Option<Prefix> {
        let letters = start.trim_end_matches(['"', '\'']);
        let mut prefix = Prefix::default();
        for letter in letters.chars() {
            match letter.to_ascii_lowercase() {
                'r' => prefix.raw = true,
                'b' => prefix.bytes = true,
                'f' => prefix.formatted = true,
                'u' => {}
                // `t"…"` makes a template, which is no string.
                _ => return None,
            }
        }
        Some(prefix)
    }
}

/// The text of a piece of a literal; `None` if it is not Unicode text (a lone surrogate), not a
/// valid escape, or a character by name.
pub(super) fn unescape(piece: &str, prefix: Prefix) -> Option<String> {
    let mut text = String::with_capacity(piece.len());
    let mut rest = piece.chars().peekable();
    while let Some(char) = rest.next() {
        match char {
            '\r' if rest.peek() == Some(&'\n') => {}
            '{' | '}' if prefix.formatted && rest.peek() == Some(&char) => {
                rest.next();
                text.push(char);
            }
            '\\' if !prefix.raw => escape(&mut rest, &mut text)?,
            _ => text.push(char),
        }
    }
    Some(text)
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn escape(rest: &mut Chars<'_>, text: &mut String) -> Option<()> {
    let Some(char) = rest.next() else {
        text.push('\\');
        return Some(());
    };
    let plain = match char {
        '\n' => return Some(()),
        '\r' => {
            rest.next_if_eq(&'\n');
            return Some(());
        }
        '\\' | '\'' | '"' => char,
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        'x' => coded(rest, 2)?,
        'u' => coded(rest, 4)?,
        'U' => coded(rest, 8)?,
        'N' => return None,
        '0'..='7' => {
            let mut code = char.to_digit(8)?;
            for _ in 0..2 {
                let Some(digit) = rest.peek().and_then(|next| next.to_digit(8)) else { break };
                rest.next();
                code = code * 8 + digit;
            }
            char::from_u32(code)?
        }
        other => {
            text.push('\\');
            other
        }
    };
    text.push(plain);
    Some(())
}

fn coded(rest: &mut Chars<'_>, digits: u32) -> Option<char> {
    let mut code = 0_u32;
    for _ in 0..digits {
        code = code.checked_mul(16)?.checked_add(rest.next()?.to_digit(16)?)?;
    }
    char::from_u32(code)
}

/// The value of an integer literal, where it fits.
pub(super) fn integer(text: &str) -> Option<i64> {
    let plain = text.replace('_', "").to_ascii_lowercase();
    let (digits, radix) = match plain.get(..2) {
        Some("0x") => (&plain[2..], 16),
        Some("0o") => (&plain[2..], 8),
        Some("0b") => (&plain[2..], 2),
        _ => (plain.as_str(), 10),
    };
    i64::from_str_radix(digits, radix).ok()
}

/// The text of a source file, and whether a byte order mark stood before it.
pub(super) fn decode_source(bytes: &[u8]) -> Result<(String, bool), Unreadable> {
    let (body, bom) = match bytes.strip_prefix(b"\xEF\xBB\xBF") {
        Some(body) => (body, true),
        None => (bytes, false),
    };
    let text = match std::str::from_utf8(body) {
        Ok(text) if text.is_ascii() => text.to_owned(),
        utf8 => {
            let encoding = declared_encoding(body).unwrap_or_else(|| "utf-8".into());
            match (encoding.as_str(), utf8) {
                ("utf-8" | "utf8", Ok(text)) => text.to_owned(),
                ("utf-8" | "utf8", Err(err)) => {
                    return Err(Unreadable::NotInEncoding(line_at(body, err.valid_up_to())));
                }
                ("latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" | "l1", _) => {
                    body.iter().map(|byte| char::from(*byte)).collect()
                }
                ("ascii" | "us-ascii", _) => {
                    let at = body.iter().position(|byte| !byte.is_ascii()).unwrap_or(0);
                    return Err(Unreadable::NotInEncoding(line_at(body, at)));
                }
                _ => return Err(Unreadable::UnknownEncoding(encoding)),
            }
        }
    };
    Ok((lone_carriage_returns_to_newlines(text), bom))
}

/// Python reads `\r` as the end of a line. The length and the offsets stay the same.
fn lone_carriage_returns_to_newlines(text: String) -> String {
    if !text.contains('\r') {
        return text;
    }
    let mut chars = text.chars().peekable();
    let mut out = String::with_capacity(text.len());
    while let Some(char) = chars.next() {
        let lone = char == '\r' && chars.peek() != Some(&'\n');
        out.push(if lone { '\n' } else { char });
    }
    out
}

/// The encoding that a comment on one of the first two lines names (PEP 263).
fn declared_encoding(body: &[u8]) -> Option<String> {
    for line in body.split(|byte| *byte == b'\n').take(2) {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_start_matches([' ', '\t', '\u{c}']);
        if !line.starts_with('#') {
            // A first line that is code ends the search.
            if !line.trim().is_empty() {
                return None;
            }
            continue;
        }
        let after = line.find("coding").map(|at| &line[at + "coding".len()..]);
        let Some(after) = after.and_then(|text| text.strip_prefix([':', '='])) else { continue };
        let name = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
        let name: String = after.trim_start().chars().take_while(name).collect();
        return Some(name.to_ascii_lowercase().replace('_', "-"));
    }
    None
}
