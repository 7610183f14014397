//! A walk over the tokens of one SQL statement.
//!
//! DDL is read by hand over sqlparser's tokens: the gate needs only the head of a statement, and
//! sqlparser refuses many heads that Postgres accepts (policies, default privileges, `ATTACH
//! PARTITION`). No function here fails; text that does not fit gives `None`.

use sqlparser::tokenizer::Token;

use crate::effect::cut;

/// A position in the tokens of a statement, blanks and comments left out.
#[derive(Clone, Copy)]
pub struct Cursor<'t> {
    tokens: &'t [Token],
    at: usize,
}

impl<'t> Cursor<'t> {
    /// The start of a statement.
    pub fn new(tokens: &'t [Token]) -> Cursor<'t> {
        Cursor { tokens, at: 0 }
    }

    /// The rest.
    pub fn rest(&self) -> &'t [Token] {
        self.tokens.get(self.at..).unwrap_or_default()
    }

    /// Whether everything has been read.
    pub fn at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// The next token.
    pub fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.at)
    }

    /// Reads any token.
    pub fn next(&mut self) -> Option<&'t Token> {
        let token = self.tokens.get(self.at);
        self.at += 1;
        token
    }

    /// Whether the next words are these, without quotes and in any case.
    pub fn sees(&self, words: &[&str]) -> bool {
        words
            .iter()
            .enumerate()
            .all(|(i, word)| self.tokens.get(self.at + i).is_some_and(|token| is_word(token, word)))
    }

    /// Reads these words, if they are next.
    pub fn eat(&mut self, words: &[&str]) -> bool {
        let found = self.sees(words);
        if found {
            self.at += words.len();
        }
        found
    }

    /// Reads one of these words, if one is next.
    pub fn eat_any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.eat(&[word]))
    }

    /// Reads this token, if it is next.
    pub fn eat_token(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        if found {
            self.at += 1;
        }
        found
    }

    /// Moves to just after these words, at this depth of parentheses; if they do not occur, stays
    /// and returns false.
    pub fn seek(&mut self, words: &[&str]) -> bool {
        let start = self.at;
        while !self.at_end() {
            if self.eat(words) {
                return true;
            }
            self.skip_one();
        }
        self.at = start;
        false
    }

    /// Reads one token, or all of a parenthesis.
    pub fn skip_one(&mut self) {
        if self.parenthesis().is_none() {
            self.at += 1;
        }
    }

    /// Reads a parenthesis and returns its contents.
    pub fn parenthesis(&mut self) -> Option<&'t [Token]> {
        if self.peek() != Some(&Token::LParen) {
            return None;
        }
        let start = self.at + 1;
        let mut depth = 0_usize;
        while let Some(token) = self.next() {
            match token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return self.tokens.get(start..self.at - 1);
            }
        }
        Some(self.tokens.get(start..).unwrap_or_default())
    }

    /// Reads one identifier.
    pub fn identifier(&mut self) -> Option<String> {
        match self.peek() {
            Some(Token::Word(word)) => {
                self.at += 1;
                Some(match word.quote_style {
                    Some(_) => cut(&word.value).to_owned(),
                    None => cut(&word.value.to_lowercase()).to_owned(),
                })
            }
            _ => None,
        }
    }

    /// Reads a name with its qualifiers. `public.` is left out: it is where names go by themselves.
    pub fn name(&mut self) -> Option<String> {
        let mut name = self.identifier()?;
        while self.eat_token(&Token::Period) {
            let part = self.identifier()?;
            name = if name == "public" { part } else { format!("{name}.{part}") };
        }
        Some(name)
    }

    /// Reads a string literal.
    pub fn string(&mut self) -> Option<&'t str> {
        let text = self.peek().and_then(string_of)?;
        self.at += 1;
        Some(text)
    }

    /// `IF EXISTS`.
    pub fn if_exists(&mut self) -> bool {
        self.eat(&["IF", "EXISTS"])
    }

    /// `IF NOT EXISTS`.
    pub fn if_not_exists(&mut self) -> bool {
        self.eat(&["IF", "NOT", "EXISTS"])
    }

    /// Whether a statement's tail has `CASCADE`.
    pub fn cascades(&self) -> bool {
        self.rest().iter().any(|token| is_word(token, "CASCADE"))
    }
}

/// Splits at the commas of this depth.
pub fn split_commas(tokens: &[Token]) -> Vec<&[Token]> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_i64, 0);
    for (i, token) in tokens.iter().enumerate() {
        match token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth -= 1,
            Token::Comma if depth == 0 => {
                parts.push(&tokens[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    if start < tokens.len() {
        parts.push(&tokens[start..]);
    }
    parts
}

/// Whether a token is this word, without quotes and in any case.
pub fn is_word(token: &Token, expected: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none()
        && word.value.eq_ignore_ascii_case(expected))
}

/// The text of a string literal.
pub fn string_of(token: &Token) -> Option<&str> {
    match token {
        Token::SingleQuotedString(text)
        | Token::EscapedStringLiteral(text)
        | Token::UnicodeStringLiteral(text)
        | Token::NationalStringLiteral(text) => Some(text),
        Token::DollarQuotedString(quoted) => Some(&quoted.value),
        _ => None,
    }
}

/// The tokens as text again.
pub fn text_of(tokens: &[Token]) -> String {
    let mut text = String::new();
    for token in tokens {
        let tight = matches!(token, Token::Period | Token::Comma | Token::RParen | Token::LParen)
            || matches!(token, Token::DoubleColon)
            || text.ends_with(['.', '(', ':'])
            || text.is_empty();
        if !tight {
            text.push(' ');
        }
        text.push_str(&token.to_string());
    }
    text
}
