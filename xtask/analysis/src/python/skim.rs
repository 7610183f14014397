//! The top level of a usual revision file, found without parsing it: some twenty times as fast as a
//! syntax tree, which matters in trees of thousands of revisions.
//!
//! The skimmer accepts only text that it understands for sure: one plain assignment of a plain
//! literal for each requested name. For any other text it returns no result, and the caller parses
//! the file.

use std::ops::Range;

use super::env::{Constant, Value};
use super::literal::{Prefix, unescape};

/// Python itself refuses more nested brackets.
const MAX_BRACKETS: usize = 200;
/// The words that open statements which may bind names in ways that are not followed here.
const UNFOLLOWED: [&str; 12] = [
    "if", "for", "while", "with", "try", "match", "del", "async", "elif", "else", "global", "exec",
];

/// The result.
#[derive(Debug, Default)]
pub struct Skim {
    /// The names asked for that are bound, with the line of the statement.
    pub bound: Vec<(&'static str, Constant, u32)>,
    /// The first line of the docstring.
    pub title: String,
}

/// Finds the values of these names; `None` if that needs a parser.
pub fn skim(text: &str, names: &[&'static str]) -> Option<Skim> {
    let mut skim = Skim::default();
    let mut lines = Lines { bytes: text.as_bytes(), at: 0, line: 1 };
    let mut first = true;
    while let Some(statement) = lines.next()? {
        let source = text.get(statement.bytes.clone())?;
        if source.starts_with([' ', '\t', '\u{c}']) {
            // The body of a block. Indented text after a line that opens no block is not Python.
            if first {
                return None;
            }
            continue;
        }
        let word = identifier(source);
        if first && word_or_quote(source) == '"' {
            skim.title = title(source.trim_end())?;
            first = false;
            continue;
        }
        first = false;
        if let Some(name) = names.iter().find(|name| **name == word) {
            let constant = assigned(source, name.len(), statement.bytes.start, statement.line)?;
            if skim.bound.iter().any(|(known, ..)| known == name) {
                return None;
            }
            skim.bound.push((name, constant, statement.line));
        } else if UNFOLLOWED.contains(&word)
            || (word == "from" && source.contains('*'))
            || mentions(source, names)
        {
            return None;
        }
    }
    Some(skim)
}

/// Whether any of the names occurs in a statement that is not just a string.
fn mentions(source: &str, names: &[&str]) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    names.iter().any(|name| {
        source.match_indices(name).any(|(at, _)| {
            let before = source[..at].chars().next_back();
            let after = source[at + name.len()..].chars().next();
            !before.is_some_and(is_word) && !after.is_some_and(is_word)
        })
    })
}

fn identifier(source: &str) -> &str {
    let end = source.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(source.len());
    &source[..end]
}

fn word_or_quote(source: &str) -> char {
    let after = source.trim_start_matches(['r', 'R', 'u', 'U']);
    if after.starts_with(['"', '\'']) { '"' } else { 'w' }
}

/// The first line of a docstring's text; `None` if the statement is more than one literal.
fn title(source: &str) -> Option<String> {
    let quotes_at = source.find(['"', '\''])?;
    let body = &source[quotes_at..];
    let quote = &body[..1];
    let triple = quote.repeat(3);
    let width = if body.starts_with(&triple) { 3 } else { 1 };
    let prefix = Prefix::of(&source[..quotes_at + width])?;
    let inner = body.get(width..body.len().checked_sub(width)?)?;
    if !body.ends_with(&body[..width]) || inner.contains(&body[..width]) {
        return None;
    }
    let text = unescape(inner, prefix)?;
    Some(text.trim().lines().next().unwrap_or_default().trim().to_owned())
}

/// The value of `name = value` or `name: annotation = value`.
fn assigned(source: &str, name: usize, offset: usize, line: u32) -> Option<Constant> {
    let rest = &source[name..];
    let mut value_at = name + rest.find('=')?;
    let between = source[name..value_at].trim();
    // No `revision == …`, no `revision += …`, and an annotation without strings.
    let annotated = between
        .strip_prefix(':')
        .is_some_and(|kind| kind.chars().all(|c| c.is_alphanumeric() || " _.,[]|\"'".contains(c)));
    if !(between.is_empty() || annotated) {
        return None;
    }
    value_at += 1;
    let mut reader = Literal { source, at: value_at, offset, line };
    reader.skip_blanks(false);
    let constant = reader.value()?;
    reader.skip_blanks(false);
    let rest = source[reader.at..].trim_end();
    // Only a comment may follow, up to the end of the line.
    (rest.is_empty() || rest.starts_with('#')).then_some(constant)
}

/// Reads one plain literal.
struct Literal<'a> {
    source: &'a str,
    at: usize,
    offset: usize,
    line: u32,
}

impl Literal<'_> {
    fn peek(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self, lines_too: bool) {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' => {}
                b'\n' if lines_too => self.line += 1,
                _ => return,
            }
            self.at += 1;
        }
    }

    fn value(&mut self) -> Option<Constant> {
        let (start, line) = (self.at, self.line);
        let value = match self.peek()? {
            b'"' | b'\'' => return self.string(),
            b'N' if identifier(&self.source[self.at..]) == "None" => {
                self.at += 4;
                Value::None
            }
            b'(' => Value::Tuple(self.elements(b')')?),
            b'[' => Value::List(self.elements(b']')?),
            _ => return None,
        };
        Some(Constant { value, line, bytes: self.range(start) })
    }

    fn range(&self, start: usize) -> Range<usize> {
        self.offset + start..self.offset + self.at
    }

    fn string(&mut self) -> Option<Constant> {
        let start = self.at;
        let quote = char::from(self.peek()?);
        let body = &self.source[self.at + 1..];
        let end = body.find(quote)?;
        let text = &body[..end];
        // Escapes, continued lines, and possible triple quotes are for the parser.
        if text.contains(['\\', '\n']) || (text.is_empty() && body[end + 1..].starts_with(quote)) {
            return None;
        }
        self.at += end + 2;
        let value = Value::Str(text.to_owned());
        Some(Constant { value, line: self.line, bytes: self.range(start) })
    }

    /// The strings between brackets. One in parentheses without a comma is no tuple: not read.
    fn elements(&mut self, close: u8) -> Option<Vec<Constant>> {
        self.at += 1;
        let mut elements = Vec::new();
        let mut commas = 0;
        loop {
            self.skip_blanks(true);
            if self.peek()? == close {
                self.at += 1;
                let tuple = elements.is_empty() || commas > 0 || close == b']';
                return tuple.then_some(elements);
            }
            if elements.len() > commas {
                return None;
            }
            elements.push(self.string()?);
            self.skip_blanks(true);
            if self.peek()? == b',' {
                self.at += 1;
                commas += 1;
            }
        }
    }
}

/// A logical line.
struct Statement {
    bytes: Range<usize>,
    line: u32,
}

/// Cuts a text into logical lines, without the empty ones and those that are comments.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
}

impl Lines<'_> {
    /// The next one. The outer `None`: the text is broken.
    #[expect(clippy::option_option, reason = "broken and at the end are two things")]
    fn next(&mut self) -> Option<Option<Statement>> {
        loop {
            let (start, line) = (self.at, self.line);
            if start >= self.bytes.len() {
                return Some(None);
            }
            let is_code = self.skip_line()?;
            if is_code {
                let end = self.at;
                return Some(Some(Statement { bytes: start..end, line }));
            }
        }
    }

    /// Goes to the end of a logical line, and returns whether the line has code.
    fn skip_line(&mut self) -> Option<bool> {
        let (mut depth, mut is_code) = (0_usize, false);
        while let Some(byte) = self.bytes.get(self.at).copied() {
            self.at += 1;
            match byte {
                b'\n' => {
                    self.line += 1;
                    if depth == 0 {
                        return Some(is_code);
                    }
                }
                b' ' | b'\t' | b'\r' | 0xC => {}
                b'#' => {
                    let rest = &self.bytes[self.at..];
                    self.at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                }
                b'\\' => self.skip_newline()?,
                b'"' | b'\'' => {
                    is_code = true;
                    self.skip_string(byte)?;
                }
                b'(' | b'[' | b'{' => {
                    is_code = true;
                    depth += 1;
                    if depth > MAX_BRACKETS {
                        return None;
                    }
                }
                b')' | b']' | b'}' => depth = depth.checked_sub(1)?,
                _ => is_code = true,
            }
        }
        (depth == 0).then_some(is_code)
    }

    /// After a backslash: only the end of a line may follow.
    fn skip_newline(&mut self) -> Option<()> {
        if self.bytes.get(self.at) == Some(&b'\r') {
            self.at += 1;
        }
        (self.bytes.get(self.at) == Some(&b'\n')).then(|| {
            self.at += 1;
            self.line += 1;
        })
    }

    /// After an opening quote: goes past the closing one. A backslash covers the quote after it
    /// even in a raw string; prefixes therefore do not matter.
    fn skip_string(&mut self, quote: u8) -> Option<()> {
        let triple = self.bytes.get(self.at..self.at + 2) == Some(&[quote, quote]);
        if !triple && self.bytes.get(self.at) == Some(&quote) {
            self.at += 1;
            return Some(());
        }
        self.at += if triple { 2 } else { 0 };
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            match byte {
                b'\\' => {
                    if self.bytes.get(self.at) == Some(&b'\n') {
                        self.line += 1;
                    }
                    self.at += 1;
                }
                b'\n' => {
                    if !triple {
                        return None;
                    }
                    self.line += 1;
                }
                byte if byte == quote => {
                    if !triple {
                        return Some(());
                    }
                    if self.bytes.get(self.at..self.at + 2) == Some(&[quote, quote]) {
                        self.at += 2;
                        return Some(());
                    }
                }
                _ => {}
            }
        }
    }
}
