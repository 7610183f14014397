//! Markup of Markdown that its content cannot end.

use model::redact::redact;
use model::shown::printable;

/// Text to be copied: nothing is cut.
pub(super) fn whole(language: &str, content: &str) -> String {
    let mut longest = 2;
    let mut run = 0;
    for c in content.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let ticks = "`".repeat(longest + 1);
    format!("{ticks}{language}\n{content}\n{ticks}\n\n")
}

/// A code span that its content cannot end.
pub(super) fn span(content: &str) -> String {
    let content = printable(&redact(content)).replace('\n', " ");
    if content.contains('`') {
        format!("`` {} ``", content.replace("``", "` `"))
    } else {
        format!("`{content}`")
    }
}

/// Text that stays text: no markup, no mention, no reference to an issue, no link.
pub(super) fn text(content: &str) -> String {
    let content = printable(content).replace('\n', " ");
    let mut out = String::with_capacity(content.len());
    let mut characters = content.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // An empty comment parts the sign from the word, which alone would be a reference.
            '@' | '#' | ':' if characters.peek().is_some_and(|next| !next.is_whitespace()) => {
                out.push(c);
                out.push_str("<!-- -->");
            }
            c => out.push(c),
        }
    }
    out
}

/// The same, but text between backticks is code.
pub(super) fn prose(content: &str) -> String {
    let parts: Vec<&str> = content.split('`').collect();
    if parts.len().is_multiple_of(2) || content.contains("``") {
        return text(content);
    }
    let part = |(number, part): (usize, &&str)| match number % 2 {
        0 => text(part),
        _ => span(part),
    };
    parts.iter().enumerate().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::{span, text};

    #[test]
    fn text_is_neither_markup_nor_a_mention() {
        assert_eq!(text("seed kris@ admin"), "seed kris@ admin");
        assert_eq!(text("@all #1 <b>*x*|"), "@<!-- -->all #<!-- -->1 &lt;b&gt;\\*x\\*\\|");
        assert_eq!(span("a`b"), "`` a`b ``");
    }
}
