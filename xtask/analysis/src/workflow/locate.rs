//! Lines of the values of a YAML file: serde_yaml reads values and keeps no lines.
//!
//! A path is followed by indentation, as block style requires. A value that cannot be followed
//! (flow style, an alias) gets the line of the nearest value around it: a line is always near, and
//! never a guess at another value.

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seg {
    /// The value of a key.
    Key(String),
    /// An item of a sequence, from 0.
    Item(usize),
}

/// The lines of a block: from the column at which its first line begins, to the line before `end`.
#[derive(Clone, Copy)]
struct Block {
    start: usize,
    column: usize,
    end: usize,
}

/// The line of the value at `path`, from 1.
pub fn line(text: &str, path: &[Seg]) -> u32 {
    let lines: Vec<&str> = text.lines().collect();
    let mut block = Block { start: 0, column: 0, end: lines.len() };
    let mut found = 0;
    for seg in path {
        let next = match seg {
            Seg::Key(key) => key_block(&lines, block, key),
            Seg::Item(index) => item_block(&lines, block, *index),
        };
        let Some((line, inner)) = next else { break };
        (found, block) = (line, inner);
    }
    u32::try_from(found + 1).unwrap_or(u32::MAX)
}

/// The first line of the block that holds anything, and the column of its text.
fn first(lines: &[&str], block: Block) -> Option<(usize, usize)> {
    let head = lines.get(block.start)?;
    if let Some(rest) = head.get(block.column..).filter(|rest| is_content(rest)) {
        return Some((block.start, block.column + indent(rest)));
    }
    (block.start + 1..block.end)
        .find(|number| is_content(lines[*number]))
        .map(|number| (number, indent(lines[number])))
}

fn key_block(lines: &[&str], block: Block, key: &str) -> Option<(usize, Block)> {
    let (start, column) = first(lines, block)?;
    let at = (start..block.end).find(|number| {
        let begins = if *number == start { column } else { indent(lines[*number]) };
        let text = lines[*number].get(begins..).unwrap_or_default();
        begins == column && value_column(text, key).is_some()
    })?;
    let after = value_column(lines[at].get(column..)?, key)?;
    let end = (at + 1..block.end)
        .find(|number| {
            let (line, begins) = (lines[*number], indent(lines[*number]));
            // The items of a sequence may have the same indentation as its key.
            let item = begins == column && line.trim_start().starts_with('-');
            is_content(line) && begins <= column && !item
        })
        .unwrap_or(block.end);
    Some((at, Block { start: at, column: column + after, end }))
}

fn item_block(lines: &[&str], block: Block, index: usize) -> Option<(usize, Block)> {
    let (start, column) = first(lines, block)?;
    let is_item = |number: &usize| {
        let begins = if *number == start { column } else { indent(lines[*number]) };
        let text = lines[*number].get(begins..).unwrap_or_default();
        begins == column && (text == "-" || text.starts_with("- "))
    };
    let mut items = (start..block.end).filter(is_item);
    let at = items.nth(index)?;
    let end = items.next().unwrap_or(block.end);
    let rest = lines[at].get(column + 1..)?;
    Some((at, Block { start: at, column: column + 1 + indent(rest), end }))
}

/// The column after `key:`, where a line begins with it.
fn value_column(text: &str, key: &str) -> Option<usize> {
    [key.to_owned(), format!("\"{key}\""), format!("'{key}'")].iter().find_map(|key| {
        let rest = text.strip_prefix(key.as_str())?;
        let blanks = indent(rest);
        let after = rest.get(blanks..)?.strip_prefix(':')?;
        (after.is_empty() || after.starts_with(' ')).then_some(key.len() + blanks + 1)
    })
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn is_content(line: &str) -> bool {
    let text = line.trim();
    !text.is_empty() && !text.starts_with('#') && text != "---"
}

#[cfg(test)]
mod tests {
    use super::{Seg, line};

    const TEXT: &str = "\
# a comment
name: x
on:
  pull_request:
    paths: [a, b]
jobs:
  one:
    steps:
    - uses: a
      with:
        # about the depth
        fetch-depth: 0
    -   name: b
        run: |
          name: not this
          jobs
  \"two\":
    steps:
      -
        run: c
";

    #[track_caller]
    fn check(path: &str, expected: u32) {
        let seg = |word: &str| match word.parse() {
            Ok(index) => Seg::Item(index),
            Err(_) => Seg::Key(word.to_owned()),
        };
        let path: Vec<Seg> = path.split('/').map(seg).collect();
        assert_eq!(line(TEXT, &path), expected);
    }

    #[test]
    fn a_path_is_followed_by_indentation() {
        check("name", 2);
        check("on/pull_request/paths", 5);
        check("jobs/one/steps/0/with/fetch-depth", 12);
        check("jobs/one/steps/1/run", 14);
        check("jobs/two/steps/0/run", 20);
    }

    #[test]
    fn unlocatable_value_has_the_line_around_it() {
        check("on/pull_request/paths/1", 5);
        check("jobs/three", 6);
    }
}
