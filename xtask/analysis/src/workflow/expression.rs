//! Value of an `if:` for a pull request, as far as that can be known without running: true, false, or
//! not known.

/// The case for which a condition is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Any pull request.
    PullRequest,
    /// One from a fork.
    Fork,
    /// A draft.
    Draft,
    /// An entry of the merge queue.
    MergeGroup,
    /// A pull request for which the needed jobs failed before they set an output.
    NeedFailed,
}

/// A value, for a pull request.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Bool(bool),
    Text(String),
    Number(f64),
    Null,
    /// `github.ref`: `refs/pull/7/merge`, of which only the number is not known.
    PullRef,
    /// An unknown value that is not empty.
    Something,
    /// A name or a number of the repository, and of its fork.
    OwnName,
    ForkName,
    Unknown,
}

/// Whether a condition holds in a case, as far as known.
pub fn holds(condition: &str, case: Case) -> Option<bool> {
    let text = condition.trim();
    let inner = text.strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}"));
    let text = match inner {
        Some(inner) if !inner.contains("}}") => inner,
        // Text around an expression makes a string, and GitHub takes any but the empty one for true.
        _ if text.contains("${{") => return None,
        _ => text,
    };
    let mut parser = Parser { tokens: tokens(text)?, at: 0, case };
    let value = parser.or();
    if parser.at < parser.tokens.len() { None } else { truth(&value) }
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Text(text) => Some(!text.is_empty()),
        Value::Number(number) => Some(*number != 0.0),
        Value::Null => Some(false),
        Value::PullRef | Value::Something | Value::OwnName | Value::ForkName => Some(true),
        Value::Unknown => None,
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Text(String),
    Number(f64),
    Sign(&'static str),
}

const SIGNS: &[&str] =
    &["&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")", "[", "]", ",", "."];

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        if c == '\'' {
            let (literal, after) = literal(&rest[1..])?;
            out.push(Token::Text(literal));
            rest = after;
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            out.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || "_-*".contains(c)));
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            if word.is_empty() {
                return None;
            }
            let number = word.parse().ok().map(Token::Number);
            out.push(number.unwrap_or_else(|| Token::Name(word.to_owned())));
            rest = after;
        }
        rest = rest.trim_start();
    }
    Some(out)
}

/// A text up to its closing quote; two quotes are one in it.
fn literal(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('\'')?;
        out.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                out.push('\'');
                rest = after;
            }
            None => return Some((out, rest)),
        }
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    case: Case,
}

impl Parser {
    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Sign(s)) if *s == sign);
        self.at += usize::from(found);
        found
    }

    fn or(&mut self) -> Value {
        let mut left = self.and();
        while self.take("||") {
            let right = self.and();
            left = match (truth(&left), truth(&right)) {
                (Some(true), _) => left,
                (Some(false), _) => right,
                (None, Some(true)) => Value::Bool(true),
                (None, _) => Value::Unknown,
            };
        }
        left
    }

    fn and(&mut self) -> Value {
        let mut left = self.compare();
        while self.take("&&") {
            let right = self.compare();
            left = match (truth(&left), truth(&right)) {
                (Some(false), _) => left,
                (Some(true), _) => right,
                (None, Some(false)) => Value::Bool(false),
                (None, _) => Value::Unknown,
            };
        }
        left
    }

    fn compare(&mut self) -> Value {
        let left = self.unary();
        for (sign, wanted) in [("==", true), ("!=", false)] {
            if self.take(sign) {
                let right = self.unary();
                return match equal(&left, &right) {
                    Some(equal) => Value::Bool(equal == wanted),
                    None => Value::Unknown,
                };
            }
        }
        if ["<=", ">=", "<", ">"].iter().any(|sign| self.take(sign)) {
            self.unary();
            return Value::Unknown;
        }
        left
    }

    fn unary(&mut self) -> Value {
        if self.take("!") {
            let value = self.unary();
            return truth(&value).map_or(Value::Unknown, |value| Value::Bool(!value));
        }
        if self.take("(") {
            let value = self.or();
            return if self.take(")") { value } else { self.give_up() };
        }
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        match token {
            Some(Token::Text(text)) => Value::Text(text),
            Some(Token::Number(number)) => Value::Number(number),
            Some(Token::Name(name)) => self.named(name),
            _ => self.give_up(),
        }
    }

    /// An expression that cannot be read is unknown, with the rest of the text.
    fn give_up(&mut self) -> Value {
        self.at = self.tokens.len() + 1;
        Value::Unknown
    }

    fn named(&mut self, mut name: String) -> Value {
        loop {
            if self.take(".") {
                let Some(Token::Name(part)) = self.tokens.get(self.at).cloned() else {
                    return self.give_up();
                };
                self.at += 1;
                name = format!("{name}.{part}");
            } else if self.take("[") {
                let part = self.or();
                if !self.take("]") {
                    return self.give_up();
                }
                let part = if let Value::Text(text) = part { text } else { "?".to_owned() };
                name = format!("{name}.{part}");
            } else if self.take("(") {
                return self.call(&name);
            } else {
                return context(&name, self.case);
            }
        }
    }

    fn call(&mut self, name: &str) -> Value {
        let mut arguments = Vec::new();
        while !self.take(")") {
            if self.at >= self.tokens.len() {
                return self.give_up();
            }
            arguments.push(self.or());
            self.take(",");
        }
        match (name.to_ascii_lowercase().as_str(), arguments.as_slice()) {
            ("success", []) if self.case == Case::NeedFailed => Value::Bool(false),
            ("failure", []) if self.case == Case::NeedFailed => Value::Bool(true),
            // A fork's begins with the fork's name.
            ("startswith" | "contains", [Value::ForkName, Value::Text(_)]) => Value::Bool(false),
            ("always" | "success", []) => Value::Bool(true),
            ("failure" | "cancelled", []) => Value::Bool(false),
            ("startswith", [Value::PullRef, Value::Text(start)]) => {
                let pull = "refs/pull/";
                Value::Bool(pull.starts_with(start.as_str()) || start.starts_with(pull))
            }
            ("startswith", [Value::Text(text), Value::Text(start)]) => {
                Value::Bool(text.to_lowercase().starts_with(&start.to_lowercase()))
            }
            ("contains", [Value::Text(text), Value::Text(part)]) => {
                Value::Bool(text.to_lowercase().contains(&part.to_lowercase()))
            }
            _ => Value::Unknown,
        }
    }
}

/// GitHub compares texts without regard to case.
fn equal(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::Unknown, _) | (_, Value::Unknown) => None,
        (Value::Text(a), Value::Text(b)) => Some(a.eq_ignore_ascii_case(b)),
        (Value::PullRef, Value::Text(text)) | (Value::Text(text), Value::PullRef) => {
            if text.starts_with("refs/pull/") { None } else { Some(false) }
        }
        // The text names an unknown repository, but not the fork.
        (Value::ForkName, Value::OwnName | Value::Text(_))
        | (Value::OwnName | Value::Text(_), Value::ForkName) => Some(false),
        (Value::OwnName | Value::ForkName, _) | (_, Value::OwnName | Value::ForkName) => None,
        (Value::Something, Value::Null) | (Value::Null, Value::Something) => Some(false),
        (Value::Something | Value::PullRef, _) | (_, Value::Something | Value::PullRef) => None,
        (a, b) if std::mem::discriminant(a) == std::mem::discriminant(b) => Some(a == b),
        _ => None,
    }
}

/// The value of a context.
fn context(name: &str, case: Case) -> Value {
    let name = name.to_ascii_lowercase();
    let part = name.strip_prefix("github.event.pull_request.");
    match (case, name.as_str(), part) {
        (Case::Draft, _, Some("draft")) | (Case::Fork, _, Some("head.repo.fork")) => {
            Value::Bool(true)
        }
        (Case::NeedFailed, name, _) if name.starts_with("needs.") && name.ends_with(".result") => {
            Value::Text("failure".to_owned())
        }
        (Case::NeedFailed, name, _) if name.starts_with("needs.") && name.contains(".outputs.") => {
            Value::Text(String::new())
        }
        (Case::Fork, _, Some(part)) if OF_THE_FORK.contains(&part) => Value::ForkName,
        (Case::Fork, name, _) if OF_THE_REPOSITORY.contains(&name) => Value::OwnName,
        (Case::MergeGroup, "github.event_name", _) => Value::Text("merge_group".to_owned()),
        (Case::MergeGroup, "github.event.merge_group", _) => Value::Something,
        (Case::MergeGroup, "github.event.pull_request", _) | (Case::MergeGroup, _, Some(_)) => {
            Value::Null
        }
        (Case::MergeGroup, name, _) if name.starts_with("github.ref") => Value::Unknown,
        (_, name, _) => of_a_pull_request(name),
    }
}

/// Contexts that name the repository of a pull request's branch.
const OF_THE_FORK: [&str; 6] = [
    "head.label",
    "head.repo.full_name",
    "head.repo.id",
    "head.repo.owner.login",
    "head.user.login",
    "head.repo.owner.id",
];
/// Contexts that name the repository of the workflow.
const OF_THE_REPOSITORY: [&str; 6] = [
    "github.repository",
    "github.repository_id",
    "github.repository_owner",
    "github.event.repository.full_name",
    "github.event.pull_request.base.repo.full_name",
    "github.event.pull_request.base.repo.id",
];

/// The value of a context for a pull request.
fn of_a_pull_request(name: &str) -> Value {
    match name {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        "github.event_name" => Value::Text("pull_request".to_owned()),
        "github.ref" => Value::PullRef,
        // `7/merge`: no branch has that name.
        "github.ref_name" => Value::PullRef,
        "github.ref_type" => Value::Text("branch".to_owned()),
        "github.event.pull_request" | "github.event.pull_request.number" => Value::Something,
        "github.event.schedule" | "github.event.head_commit" | "github.event.merge_group" => {
            Value::Null
        }
        _ => Value::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::{Case, holds};

    #[test]
    fn known_contexts_are_evaluated() {
        for (condition, expected) in [
            ("false", Some(false)),
            ("${{ false }}", Some(false)),
            ("github.event_name == 'push'", Some(false)),
            ("github.event_name == 'pull_request' && needs.a.outputs.b == 'true'", None),
            ("${{ !cancelled() && needs.a.outputs.b != 'false' }}", None),
            ("always() && false", Some(false)),
            ("github.ref == 'refs/heads/main'", Some(false)),
            ("startsWith(github.ref, 'refs/tags/')", Some(false)),
            ("github.ref_name == 'main' || github.event.pull_request", Some(true)),
            ("github.event_name != 'pull_request'", Some(false)),
            ("github['event_name'] == 'Pull_Request'", Some(true)),
            ("contains(github.event.pull_request.labels.*.name, 'x')", None),
            ("${{ a }} && ${{ b }}", None),
            ("(", None),
            ("a.", None),
            ("f(", None),
            ("'it''s' == 'it''s'", Some(true)),
            ("§", None),
            ("", None),
        ] {
            assert_eq!(holds(condition, Case::PullRequest), expected, "{condition}");
        }
    }

    #[test]
    fn contexts_of_forks_drafts_and_the_queue() {
        let same = "github.event.pull_request.head.repo.full_name == github.repository";
        for (case, condition, expected) in [
            (Case::Fork, same, Some(false)),
            (Case::PullRequest, same, None),
            (Case::Fork, "!github.event.pull_request.head.repo.fork", Some(false)),
            (Case::Fork, "github.repository == 'acme/shop'", None),
            (Case::Draft, "!cancelled() && github.event.pull_request.draft == false", Some(false)),
            (Case::Fork, "startsWith(github.event.pull_request.head.label, 'acme:')", Some(false)),
            (Case::NeedFailed, "!cancelled() && needs.a.result == 'success'", Some(false)),
            (Case::NeedFailed, "!cancelled() && needs.a.outputs.b == 'true'", Some(false)),
            (Case::NeedFailed, "!cancelled() && needs.a.outputs.b != 'false'", Some(true)),
            (Case::NeedFailed, "!failure()", Some(false)),
            (Case::NeedFailed, "always() && contains(needs.*.result, 'success')", Some(false)),
            (Case::MergeGroup, "github.event_name == 'pull_request'", Some(false)),
            (Case::MergeGroup, "github.event_name != 'push'", Some(true)),
            (Case::MergeGroup, "github.event.pull_request.number > 0", None),
        ] {
            assert_eq!(holds(condition, case), expected, "{condition}");
        }
    }
}
