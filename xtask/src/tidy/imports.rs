//! Rules about imports: down only, in no circle, and no command from another.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{CRATES, Source};

/// Which modules a module may import from, beside its own.
const IMPORTS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("analysis", &["model"]),
    ("mutants", &["model"]),
    ("os", &["model"]),
    ("postgres", &["os", "model"]),
    ("alembic", &["postgres", "os", "model"]),
    ("cache", &["postgres", "os", "model"]),
    ("render", &["model"]),
    ("production", &["analysis", "postgres", "os", "model"]),
    ("steps", &["production", "analysis", "cache", "alembic", "postgres", "os", "model"]),
    ("recipes", &["steps", "mutants", "model"]),
    ("lint", &["recipes", "steps", "analysis", "os", "model"]),
    (
        "gate",
        &[
            "lint", "recipes", "steps", "analysis", "cache", "alembic", "postgres", "os", "model",
            "flags",
        ],
    ),
    (
        "remedies",
        &["gate", "lint", "recipes", "steps", "analysis", "postgres", "os", "model", "flags"],
    ),
    (
        "commands",
        &[
            "remedies",
            "gate",
            "lint",
            "recipes",
            "steps",
            "production",
            "analysis",
            "mutants",
            "cache",
            "alembic",
            "postgres",
            "os",
            "model",
            "flags",
            "render",
        ],
    ),
    ("flags", &["recipes", "render", "model"]),
    ("edge", &["render", "os", "model"]),
    ("progress", &[]),
    ("screen", &["commands", "flags", "progress", "render", "spans", "os", "model"]),
    ("spans", &["model"]),
];

/// Imports of a module that lies above.
pub(super) fn upward(sources: &[Source]) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in product(sources).filter(|source| source.module() != "main") {
        let module = source.module();
        let (_, allowed) = IMPORTS.iter().find(|(name, _)| *name == module).unwrap();
        let code = source.code();
        let imported = code.split("crate::").skip(1);
        let imported = imported.map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_'));
        let crates = CRATES.iter().filter(|name| code.contains(&format!("use {name}::")));
        for name in imported.filter_map(|mut words| words.next()).chain(crates.copied()) {
            let own = CRATES.contains(&module.as_str());
            let known = !own && IMPORTS.iter().any(|(module, _)| *module == name);
            if known && name != module && !allowed.contains(&name) {
                wrong.push(format!("{} imports {name}", source.path.display()));
            }
        }
    }
    wrong
}

/// Files that import each other, by way of others or not.
pub(super) fn circles(sources: &[Source]) -> Vec<String> {
    let graph = imports(&product(sources).collect::<Vec<_>>());
    let is_in_circle = |file: &&Vec<String>| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![*file]);
        while let Some(imported) = next.pop().and_then(|file| graph.get(file)) {
            next.extend(imported.iter().filter(|file| seen.insert(*file)));
        }
        seen.contains(file)
    };
    graph.keys().filter(is_in_circle).map(|file| file.join("::")).collect()
}

/// Imports of one command by another: their common parts lie below both.
pub(super) fn between_commands(sources: &[Source]) -> Vec<String> {
    let of = |file: &[String]| file.get(1).filter(|_| file[0] == "commands").cloned();
    let mut wrong = Vec::new();
    for (file, imported) in imports(&product(sources).collect::<Vec<_>>()) {
        let Some(verb) = of(&file) else { continue };
        let others = imported.iter().filter(|other| of(other).is_some_and(|of| of != verb));
        wrong.extend(
            others.map(|other| format!("{} imports {}", file.join("::"), other.join("::"))),
        );
    }
    wrong
}

fn product(sources: &[Source]) -> impl Iterator<Item = &Source> {
    sources.iter().filter(|source| !source.product.is_empty())
}

/// The paths that a path or a tree of `use` stands for, up to what follows it.
fn paths(text: &str) -> Vec<Vec<String>> {
    let word: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if !word.is_empty() {
        let Some(rest) = text[word.len()..].strip_prefix("::") else { return vec![vec![word]] };
        let below = paths(rest);
        let mut found =
            below.into_iter().map(|path| [vec![word.clone()], path].concat()).peekable();
        return if found.peek().is_some() { found.collect() } else { vec![vec![word]] };
    }
    let Some(group) = text.strip_prefix('{') else { return Vec::new() };
    let (mut depth, mut from, mut found) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                found.extend(paths(group[from..at].trim_start()));
                from = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    found
}

/// The files that each file imports, by their paths as modules.
fn imports(sources: &[&Source]) -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
    let modules: BTreeSet<Vec<String>> = sources.iter().map(|source| source.modules()).collect();
    let mut graph = BTreeMap::new();
    for source in sources {
        let (own, code) = (source.modules(), source.code());
        let children = modules.iter().filter(|m| m.len() == own.len() + 1 && m.starts_with(&own));
        let mut roots: Vec<(String, Vec<String>)> =
            children.map(|child| (format!("{}::", child[own.len()]), child.clone())).collect();
        let top = CRATES.iter().filter(|name| own.first().is_some_and(|first| first == *name));
        let above = own[..own.len().saturating_sub(1)].to_vec();
        let two_above = own[..own.len().saturating_sub(2)].to_vec();
        roots.extend([
            ("crate::".into(), top.map(ToString::to_string).collect()),
            ("self::".into(), own.clone()),
            ("super::".into(), above),
            ("super::super::".into(), two_above),
        ]);
        let mut imported = BTreeSet::new();
        for (word, root) in &roots {
            for (at, _) in code.match_indices(word.as_str()) {
                let before = code[..at].chars().next_back().unwrap_or(' ');
                if before.is_alphanumeric() || before == '_' || before == ':' {
                    continue;
                }
                let rest = &code[at + word.len()..];
                let all = rest.starts_with('*').then(Vec::new);
                for path in paths(rest).into_iter().chain(all) {
                    let path = [root.clone(), path].concat();
                    let file = (1..=path.len()).rev().find(|n| modules.contains(&path[..*n]));
                    imported.extend(file.map(|n| path[..n].to_vec()).filter(|file| *file != own));
                }
            }
        }
        graph.insert(own, imported);
    }
    graph
}
