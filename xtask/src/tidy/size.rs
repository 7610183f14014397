//! Rules about size: short files, short functions, small structs.

use super::source::Source;

/// The longest file, in lines; a longer one gives a reason at its top.
const FILE_LINES: usize = 400;
/// The longest function, in lines; a longer one gives a reason above it.
const FUNCTION_LINES: usize = 60;
/// The most fields of a struct that is not plain data.
const FIELDS: usize = 9;
/// How a reason begins.
const EXCUSE: &str = "Long because";

/// Files that are too long.
pub(super) fn long_files(sources: &[Source]) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in sources {
        let count = source.text.lines().count();
        let mut top = source.text.lines().take_while(|line| line.starts_with("//!"));
        if count > FILE_LINES && !top.any(|line| line.contains(EXCUSE)) {
            wrong.push(format!("{}: {count} lines", source.path.display()));
        }
    }
    wrong
}

/// Functions that are too long.
pub(super) fn long_functions(sources: &[Source]) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in sources {
        let lines: Vec<&str> = source.text.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let text = line.trim_start();
            let words = text.split('(').next().unwrap_or_default();
            let is_function = words.split(' ').rev().skip(1).any(|word| word == "fn");
            if !is_function || text.starts_with("//") {
                continue;
            }
            let indent = &line[..line.len() - text.len()];
            let end = format!("{indent}}}");
            let length = lines[start..].iter().position(|line| **line == end).unwrap_or(0) + 1;
            let excused = lines[..start].iter().rev().take(10).any(|line| line.contains(EXCUSE));
            if length > FUNCTION_LINES && !excused {
                wrong.push(format!("{}:{}: {length} lines", source.path.display(), start + 1));
            }
        }
    }
    wrong
}

/// Structs with too many fields, but for plain data.
pub(super) fn wide_structs(sources: &[Source]) -> Vec<String> {
    let is_data = |before: &str| {
        let attribute = before.rsplit("\n\n").next().unwrap_or_default();
        let derives = ["Serialize", "Deserialize", "Args", "Parser"];
        derives.iter().any(|derive| attribute.contains(derive)) || attribute.contains("Plain data")
    };
    let mut wrong = Vec::new();
    for source in sources.iter().filter(|source| source.module() != "model") {
        for (at, _) in source.product.match_indices("struct ") {
            let Some((head, body)) = source.product[at..].split_once(" {\n") else { continue };
            let body = body.split("\n}").next().unwrap_or_default();
            let fields = body.lines().filter(|line| {
                let name = line.trim_start_matches(' ').split(": ").next().unwrap_or_default();
                let name = name.rsplit(' ').next().unwrap_or_default();
                line.contains(": ")
                    && line.starts_with("    ")
                    && !line.starts_with("     ")
                    && name.chars().all(|c| c.is_alphanumeric() || c == '_')
                    && !line.trim_start().starts_with("//")
            });
            let fields = fields.count();
            if !head.contains([';', '(', '\n'])
                && fields > FIELDS
                && !is_data(&source.product[..at])
            {
                wrong.push(format!("{}: {head}: {fields} fields", source.path.display()));
            }
        }
    }
    wrong
}
