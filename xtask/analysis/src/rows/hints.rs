//! Hints in the text of a condition: the literals in it, and texts that its patterns take.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// The number of repetitions in a pattern without a limit.
const REPEATED: u32 = 2;
/// The longest text that is made for a pattern, in bytes.
const LENGTH_MAX: usize = 1000;
/// The number of parts of a pattern that are processed.
const STEPS_MAX: u32 = 10_000;

/// The texts and numbers in an expression, as Postgres writes it.
pub(super) fn literals(expression: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(at) = rest.find(|c: char| c == '\'' || c == '"' || c.is_ascii_digit()) {
        let before = rest[..at].chars().next_back();
        let text = &rest[at..];
        let length = match text.as_bytes().first() {
            Some(b'\'') => {
                let (value, length) = quoted(text);
                found.push(value);
                length
            }
            // A name in quotes, up to its end.
            Some(b'"') => text[1..].find('"').map_or(text.len(), |end| end + 2),
            _ => {
                let part = |c: char| !(c.is_ascii_digit() || c == '.');
                let length = text.find(part).unwrap_or(text.len());
                // The digits of `numeric(12,2)` and of `col2` are no values; a type's do no harm.
                if !before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                    found.push(text[..length].to_owned());
                }
                length
            }
        };
        rest = &text[length..];
    }
    found
}

/// The value of a text in single quotes, and its length with them.
fn quoted(text: &str) -> (String, usize) {
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        // Two of them are one within the text.
        if c == '\'' && chars.next_if(|(_, next)| *next == '\'').is_none() {
            return (value, at + 1);
        }
        value.push(c);
    }
    (value, text.len())
}

/// Texts that a literal takes, where it is a pattern of `LIKE` or a regular expression.
pub(super) fn matching(literal: &str) -> Vec<String> {
    let mut texts = Vec::new();
    if literal.contains(['%', '_']) {
        texts.push(literal.replace('%', "a").replace('_', "b"));
    }
    if literal.contains(['^', '$', '[', '(', '\\', '*', '+', '.'])
        && let Ok(pattern) = ParserBuilder::new().unicode(false).utf8(false).build().parse(literal)
    {
        let mut bytes = Vec::new();
        instance(&pattern, &mut bytes, &mut { STEPS_MAX });
        texts.extend(String::from_utf8(bytes));
    }
    texts
}

/// The first text that a pattern takes.
fn instance(pattern: &Hir, text: &mut Vec<u8>, steps_left: &mut u32) {
    // The step limit also ends nested repetitions of an empty pattern, whose text never gets
    // longer.
    if text.len() >= LENGTH_MAX || *steps_left == 0 {
        return;
    }
    *steps_left -= 1;
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.extend_from_slice(&literal.0),
        HirKind::Class(Class::Bytes(class)) => {
            // Of a class that begins below the blank (`.`, `[^@]`), a letter where it has one.
            let has =
                |byte: u8| class.ranges().iter().any(|r| r.start() <= byte && byte <= r.end());
            let first = class.ranges().first().map(regex_syntax::hir::ClassBytesRange::start);
            text.extend([b'a', b'A', b'0'].into_iter().find(|b| has(*b)).or(first));
        }
        HirKind::Class(Class::Unicode(class)) => {
            let first = class.ranges().first().map(regex_syntax::hir::ClassUnicodeRange::start);
            text.extend(first.unwrap_or('a').to_string().bytes());
        }
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(u32::MAX);
            for _ in 0..repetition.min.max(REPEATED.min(most)).min(LENGTH_MAX as u32) {
                instance(&repetition.sub, text, steps_left);
            }
        }
        HirKind::Capture(capture) => instance(&capture.sub, text, steps_left),
        HirKind::Concat(parts) => parts.iter().for_each(|part| instance(part, text, steps_left)),
        HirKind::Alternation(parts) => {
            parts.first().into_iter().for_each(|part| instance(part, text, steps_left));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{literals, matching};

    #[test]
    fn texts_and_numbers_are_found_and_names_are_not() {
        let check =
            "((\"Of 3\" > 17.5) AND (col2 = 'it''s 4'::text) AND (b <= ('-1'::integer)::numeric))";
        assert_eq!(literals(check), ["17.5", "it's 4", "-1"]);
        assert_eq!(literals("(a = 'not closed"), ["not closed"]);
        assert_eq!(literals("(a IS NOT NULL)"), Vec::<String>::new());
    }

    #[test]
    fn a_pattern_has_a_text() {
        assert_eq!(matching("%@%.com")[0], "a@a.com");
        assert_eq!(matching(r"^[A-Z]{2}-\d{4}$"), ["AA-0000"]);
        assert_eq!(matching(r"^(buy|sell)(-x)?$"), ["buy-x"]);
        assert_eq!(matching(r"^[^@]+@[^@]+$"), ["aa@aa"]);
        assert_eq!(matching("plain"), Vec::<String>::new());
        assert!(matching("^(a{1000}){1000}$")[0].len() <= 2000);
        assert_eq!(matching("^(((){1000}){1000}){1000}$"), [""]);
    }
}
