//! A `run:` script as its commands, as far as needed to know the use of their exit status.
//!
//! Not a shell: quotes, comments, continued lines, here documents, groups and the operators between
//! commands are understood, and no expansion is made.

/// Operators between two commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// A line's end, or `;`.
    Next,
    /// `&&`.
    And,
    /// `||`.
    Or,
    /// `|`.
    Pipe,
    /// `&`.
    Background,
}

/// A simple command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its words, without their quotes.
    pub words: Vec<String>,
    /// Its first line in the script, from 0.
    pub line: usize,
    /// The operator after it, and those after each group that it ends or lies in.
    pub then: Vec<Then>,
    /// Whether `!` precedes it.
    pub negated: bool,
    /// Whether it decides an `if`, `while` or `until`.
    pub in_condition: bool,
}

/// Splits a script.
pub fn commands(script: &str) -> Vec<Command> {
    let mut reader = Reader { chars: script.chars().collect(), ..Reader::default() };
    reader.read();
    reader.commands
}

#[derive(Default)]
struct Reader {
    chars: Vec<char>,
    at: usize,
    line: usize,
    current: Current,
    commands: Vec<Command>,
    /// The commands read when each open group began.
    groups: Vec<usize>,
    /// The group that has just ended: the next operator decides about its status.
    ended: Option<usize>,
    condition: bool,
    /// The ends of the here documents that begin after this line.
    here: Vec<String>,
}

/// Command that is being read.
#[derive(Default)]
struct Current {
    word: Option<String>,
    words: Vec<String>,
    first_line: usize,
}

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn read(&mut self) {
        while let Some(c) = self.peek(0) {
            self.at += 1;
            match c {
                '\\' if self.peek(0) == Some('\n') => {
                    self.at += 1;
                    self.line += 1;
                }
                '\\' => {
                    let next = self.peek(0).unwrap_or('\\');
                    self.at += 1;
                    self.push(next);
                }
                '\'' | '"' => self.quoted(c),
                '$' | '>' | '<' if self.peek(0) == Some('(') => self.substitution(c),
                '$' if self.peek(0) == Some('{') => self.until_close(),
                '#' if self.current.word.is_none() => self.comment(),
                '\n' => self.end_of_line(),
                ' ' | '\t' => self.end_word(),
                '<' if self.peek(0) == Some('<') => self.here_document(),
                '>' if self.peek(0) == Some('&') => {
                    self.push_all(">&");
                    self.at += 1;
                }
                '&' if self.peek(0) == Some('>') => self.push('&'),
                ';' => self.end_command(Then::Next),
                '(' => self.open(),
                ')' => self.close(),
                '&' | '|' => self.operator(c),
                c => self.push(c),
            }
        }
        self.end_command(Then::Next);
    }

    fn push(&mut self, c: char) {
        if self.current.word.is_none() && self.current.words.is_empty() {
            self.current.first_line = self.line;
        }
        self.current.word.get_or_insert_default().push(c);
    }

    fn push_all(&mut self, text: &str) {
        text.chars().for_each(|c| self.push(c));
    }

    fn quoted(&mut self, quote: char) {
        if self.current.word.is_none() {
            self.current.first_line =
                if self.current.words.is_empty() { self.line } else { self.current.first_line };
            self.current.word = Some(String::new());
        }
        while let Some(c) = self.peek(0) {
            self.at += 1;
            match c {
                c if c == quote => return,
                '\\' if quote == '"' && matches!(self.peek(0), Some('"' | '\\' | '$')) => {
                    let next = self.peek(0).unwrap_or('\\');
                    self.at += 1;
                    self.push(next);
                }
                '\n' => {
                    self.line += 1;
                    self.push(c);
                }
                c => self.push(c),
            }
        }
    }

    /// `$( … )`, `>( … )` and `<( … )`, kept as text.
    fn substitution(&mut self, sign: char) {
        let mut depth = 0;
        self.push(sign);
        while let Some(c) = self.peek(0) {
            self.at += 1;
            self.push(c);
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                '\n' => self.line += 1,
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// `${ … }` and `${{ … }}`, kept as text.
    fn until_close(&mut self) {
        let close = if self.peek(1) == Some('{') { "}}" } else { "}" };
        let mut text = "$".to_owned();
        while let Some(c) = self.peek(0) {
            self.at += 1;
            text.push(c);
            self.line += usize::from(c == '\n');
            if text.ends_with(close) {
                break;
            }
        }
        self.push_all(&text);
    }

    fn comment(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.at += 1;
        }
    }

    fn here_document(&mut self) {
        self.at += 1;
        let mut name = String::new();
        while let Some(c) = self.peek(0).filter(|c| !c.is_whitespace() && !";|&".contains(*c)) {
            self.at += 1;
            name.push(c);
        }
        let name = name.trim_matches(|c| matches!(c, '-' | '<' | '\'' | '"')).to_owned();
        if !name.is_empty() {
            self.here.push(name);
        }
    }

    fn end_of_line(&mut self) {
        self.end_command(Then::Next);
        self.line += 1;
        for name in std::mem::take(&mut self.here) {
            loop {
                let rest: String =
                    self.chars[self.at..].iter().take_while(|c| **c != '\n').collect();
                self.at = (self.at + rest.chars().count() + 1).min(self.chars.len());
                self.line += 1;
                if rest.trim() == name || self.at >= self.chars.len() {
                    break;
                }
            }
        }
    }

    fn end_word(&mut self) {
        let Some(word) = self.current.word.take() else { return };
        match word.as_str() {
            "if" | "while" | "until" | "elif" if self.current.words.is_empty() => {
                if word == "if" || word == "while" || word == "until" {
                    self.groups.push(self.commands.len());
                }
                self.condition = true;
            }
            "then" | "do" | "else" if self.current.words.is_empty() => self.condition = false,
            "{" if self.current.words.is_empty() => self.groups.push(self.commands.len()),
            "}" | "fi" | "done" if self.current.words.is_empty() => self.ended = self.groups.pop(),
            _ => self.current.words.push(word),
        }
    }

    fn open(&mut self) {
        self.end_word();
        self.groups.push(self.commands.len());
    }

    fn close(&mut self) {
        self.end_command(Then::Next);
        self.ended = self.groups.pop();
    }

    fn operator(&mut self, c: char) {
        let double = self.peek(0) == Some(c);
        if double || (c == '|' && self.peek(0) == Some('&')) {
            self.at += 1;
        }
        self.end_command(match (c, double) {
            ('&', true) => Then::And,
            ('&', false) => Then::Background,
            (_, true) => Then::Or,
            (_, false) => Then::Pipe,
        });
    }

    fn end_command(&mut self, then: Then) {
        self.end_word();
        if let Some(start) = self.ended.take() {
            for command in &mut self.commands[start..] {
                command.then.push(then);
            }
        }
        let mut words = std::mem::take(&mut self.current.words);
        let negated = words.first().is_some_and(|word| word == "!");
        if negated {
            words.remove(0);
        }
        if words.is_empty() {
            return;
        }
        let (line, in_condition) = (self.current.first_line, self.condition);
        self.commands.push(Command { words, line, then: vec![then], negated, in_condition });
    }
}

#[cfg(test)]
mod tests {
    use super::{Then, commands};

    #[track_caller]
    fn check(script: &str, expected: &[(&str, usize, &[Then])]) {
        let found = commands(script);
        let found: Vec<(String, usize, &[Then])> =
            found.iter().map(|c| (c.words.join(" "), c.line, c.then.as_slice())).collect();
        let expected: Vec<(String, usize, &[Then])> = expected
            .iter()
            .map(|(words, line, then)| ((*words).to_owned(), *line, *then))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn shell_commands_and_their_operators_are_read() {
        use Then::{And, Background, Next, Or, Pipe};
        check(
            "a 'b c' && d || true\n",
            &[("a b c", 0, &[And]), ("d", 0, &[Or]), ("true", 0, &[Next])],
        );
        check("# no\na \\\n  b | tee x & # c", &[("a b", 1, &[Pipe]), ("tee x", 2, &[Background])]);
        check("( a\n b ) || c", &[("a", 0, &[Next, Or]), ("b", 1, &[Next, Or]), ("c", 1, &[Next])]);
        check("cat <<'E'\na || b\nE\nc 2>&1", &[("cat", 0, &[Next]), ("c 2>&1", 3, &[Next])]);
        check("a > >(tee b) || c", &[("a > >(tee b)", 0, &[Or]), ("c", 0, &[Next])]);
        check("x=$(a | b) c${{ d || e }}", &[("x=$(a | b) c${{ d || e }}", 0, &[Next])]);
    }

    #[test]
    fn condition_of_an_if_is_marked() {
        let found = commands("if ! a; then\n  b\nfi || c");
        assert!(found[0].in_condition && found[0].negated && !found[1].in_condition);
        assert_eq!(found[1].then, [Then::Next, Then::Or]);
    }

    #[test]
    fn invalid_shell_ends() {
        for text in ["'", "\"", "$(", "${{", "<<", ")))", "}", "fi", "a\\", "<<E\nb"] {
            commands(text);
        }
    }
}
