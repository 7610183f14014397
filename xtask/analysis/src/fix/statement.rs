//! Remedies for one statement of a revision, or of env.py.

use tree_sitter::Node;

use super::at::At;
use super::candidate::{Candidate, Scene};
use super::nameless;
use super::rewrite;
use super::text::{function, is_last_raise, replaced, shown, statement_at, without};
use crate::python::{Module, descendants, line};
use crate::script::Script;
use model::code::{self, Code};

/// Codes whose remedy is to delete the statement.
const GOES: &[&Code] = &[
    &code::PROCESS_ENDED,
    &code::CONNECTION_ENDED,
    &code::ASKS,
    &code::ENDS_TRANSACTION,
    &code::NAMELESS_DROP,
    &code::DROPS_OTHERS,
    &code::DROPPED_NOT_THERE,
];
/// Codes of a downgrade that raises on purpose.
const RAISES: &[&Code] = &[&code::IRREVERSIBLE, &code::RAISING_DOWNGRADE, &code::DOWNGRADE_FAILED];

type Rule = fn(&At<'_>) -> Option<(String, String)>;

/// Rules for a failed statement: each returns its action, and the changed text of the file.
const RULES: &[Rule] = &[
    commented_out_marker,
    unused_import,
    rewrite::autocommit,
    rewrite::label,
    rewrite::predicate,
    rewrite::replaces_view,
    rewrite::if_not_exists,
    rewrite::type_that_is_there,
    nameless::as_postgres_does,
    same_again,
    rewrite::renames_earlier_table,
    rewrite::archives_earlier_table,
    rewrite::sequence,
    rewrite::one_connection,
    rewrite::misspelt,
    rewrite::another_name,
    raise_goes,
    goes,
    exit_goes,
    drop_of_others_goes,
    query_goes,
];

pub(super) fn candidates(scene: &Scene<'_>) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    found.extend(commits(scene));
    found.extend(no_downgrade(scene));
    let finding = scene.finding;
    let said = finding.transcript.as_deref();
    let place = finding.place.as_ref();
    let is_it = |script: &&Script| match (place, &finding.revision) {
        (Some(place), _) => script.file == place.file,
        (None, revision) => Some(&script.revision.text) == revision.as_ref(),
    };
    let Some(script) = scene.scripts.iter().find(is_it) else { return found };
    let module = &script.module;
    let number = place.and_then(|place| place.line);
    let node = number.and_then(|number| statement_at(module, number)).unwrap_or(module.root());
    let sql = said.and_then(|said| said.statement.as_deref()).unwrap_or_default();
    let state = said.and_then(|said| said.sqlstate()).unwrap_or_default();
    let at = At { finding, script, module, node, sql, state };
    for (what, text) in RULES.iter().filter_map(|rule| rule(&at)) {
        found.push(Candidate::of_file(what, &script.file, text));
    }
    found
}

/// env.py that never commits the transaction that it begins.
fn commits(scene: &Scene<'_>) -> Option<Candidate> {
    let place =
        scene.finding.place.as_ref().filter(|_| {
            [&code::NOT_COMMITTED, &code::NOT_AS_ASKED].contains(&scene.finding.code)
        })?;
    let text = (scene.read)(&place.file)?;
    let module = Module::parse(text.as_bytes()).ok()?;
    let configured = descendants(module.root()).filter(|node| {
        node.kind() == "keyword_argument"
            && node
                .child_by_field_name("name")
                .is_some_and(|name| module.text(name) == "connection")
    });
    let connection = configured.last()?.child_by_field_name("value")?;
    let begins = descendants(module.root()).filter(|node| {
        node.kind() == "with_statement"
            && module.text(*node).contains("run_migrations")
            && module.text(*node).contains("begin_transaction")
            && !module.text(*node).contains("configure(")
    });
    let runs = begins.last()?;
    let (end, indent) = (runs.end_byte(), " ".repeat(runs.start_position().column));
    let commit = format!("\n{indent}{}.commit()", module.text(connection));
    let text = replaced(&module, end..end, &commit)?;
    Some(Candidate::of_file("commit in env.py what the migrations did", &place.file, text))
}

/// A revision without `downgrade()` gets one, which the schema then fills.
fn no_downgrade(scene: &Scene<'_>) -> Option<Candidate> {
    let finding = scene.finding;
    let id = finding.revision.as_ref()?;
    let script = scene.scripts.iter().find(|script| script.revision.text == *id)?;
    let codes = [&code::NO_DOWNGRADE, &code::DOWNGRADE_FAILED, &code::MIGRATION_FAILED];
    if !codes.contains(&finding.code) || function(&script.module, "downgrade").is_some() {
        return None;
    }
    let end = script.module.source().len();
    let new = "\n\ndef downgrade() -> None:\n    pass\n";
    let text = replaced(&script.module, end..end, new)?;
    Some(Candidate::of_file("write a `downgrade()`", &script.file, text))
}

/// A lone marker of a merge, without its counterparts.
fn commented_out_marker(at: &At<'_>) -> Option<(String, String)> {
    let is_marker =
        |line: &&str| ["<<<<<<< ", ">>>>>>> "].iter().any(|mark| line.starts_with(mark));
    let source = at.module.source();
    if source.lines().filter(is_marker).count() != 1 || source.lines().any(|line| line == "=======")
    {
        return None;
    }
    let lines = source.split_inclusive('\n').filter(|line| !is_marker(line));
    Some(("take out the conflict marker".to_owned(), lines.collect()))
}

/// A missing import that no code uses.
fn unused_import(at: &At<'_>) -> Option<(String, String)> {
    let codes = [&code::MISSING_PACKAGE, &code::IMPORTS_APPLICATION];
    let row = usize::try_from(at.finding.place.as_ref()?.line?).ok()?.checked_sub(1)?;
    let import = descendants(at.module.root()).find(|node| {
        ["import_statement", "import_from_statement"].contains(&node.kind())
            && node.start_position().row == row
    });
    let import = import.filter(|_| codes.contains(&at.finding.code))?;
    let mut cursor = import.walk();
    let bound = import.children_by_field_name("name", &mut cursor).filter_map(|name| {
        let name = name.child_by_field_name("alias").unwrap_or(name);
        at.module.text(name).split('.').next()
    });
    let bound: Vec<&str> = bound.collect();
    let is_used = descendants(at.module.root()).any(|node| {
        node.kind() == "identifier"
            && !import.byte_range().contains(&node.start_byte())
            && bound.contains(&at.module.text(node))
    });
    let text = replaced(at.module, import.byte_range(), "")?;
    (!is_used).then(|| ("take out the import, which nothing uses".to_owned(), text))
}

/// Deletes a statement that the same or an earlier revision has to the letter.
fn same_again(at: &At<'_>) -> Option<(String, String)> {
    if !["42P07", "42710", "42701"].contains(&at.state) {
        return None;
    }
    let own = at.module.text(at.node);
    let same =
        |node: &Node<'_>| node.kind() == "expression_statement" && at.module.text(*node) == own;
    let function = descendants(at.module.root()).filter(same).take_while(|n| *n != at.node);
    let text = without(at.module, at.node)?;
    let what = "take out the second of two equal statements";
    function.count().ge(&1).then(|| (what.to_owned(), text))
}

/// A downgrade that raises before it has done its work.
fn raise_goes(at: &At<'_>) -> Option<(String, String)> {
    let raises = at.node.kind() == "raise_statement"
        && RAISES.contains(&at.finding.code)
        // If the downgrade runs no statement, its author intended no way back.
        && !is_last_raise(at.module, line(at.node));
    let text = without(at.module, at.node)?;
    raises.then(|| ("let the downgrade do its work instead of raising".to_owned(), text))
}

/// A call that ends the process, wherever in the revision it is.
fn exit_goes(at: &At<'_>) -> Option<(String, String)> {
    let ended = at.finding.code == &code::PROCESS_ENDED && at.node.kind() == "module";
    let exits = descendants(at.module.root()).find(|node| {
        node.kind() == "expression_statement" && at.module.text(*node).contains("exit(")
    });
    let exits = exits.filter(|_| ended)?;
    let text = without(at.module, exits)?;
    Some((format!("take out `{}`", shown(at.module.text(exits))), text))
}

/// A statement of the downgrade that drops an object that the upgrade does not name, or changes a
/// supplied row.
fn drop_of_others_goes(at: &At<'_>) -> Option<(String, String)> {
    let made = function(at.module, "upgrade").map(|upgrade| at.module.text(upgrade))?;
    let is_strange = |text: &str| {
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        let others =
            |word: &str| at.finding.message.contains(&format!("{word} ")) && !made.contains(word);
        match at.finding.code {
            lost if lost == &code::SUPPLY_LOST => {
                text.contains("UPDATE ") || text.contains("DELETE ")
            }
            lost if lost == &code::NOT_RESTORED => {
                text.to_lowercase().contains("drop")
                    && words.filter(|word| word.len() > 2).any(others)
            }
            _ => false,
        }
    };
    let body = function(at.module, "downgrade")?.child_by_field_name("body")?;
    let mut cursor = body.walk();
    let mut statements = body.named_children(&mut cursor);
    let strange = statements.find(|node| is_strange(at.module.text(*node)))?;
    let text = without(at.module, strange)?;
    Some((format!("take out `{}`", shown(at.module.text(strange))), text))
}

/// Deletes a statement that must not exist, or that reverses the creation of a missing object.
fn goes(at: &At<'_>) -> Option<(String, String)> {
    let statement = at.module.text(at.node);
    let sql = at.sql.trim_start();
    let not_there = ["42P01", "42703", "42704"].contains(&at.state)
        && (statement.starts_with("op.drop_")
            || sql.starts_with("DROP ")
            || sql.contains(" DROP "));
    let text = without(at.module, at.node)?;
    // A statement explains the end of its process only if it contains such a word.
    let ends = at.finding.code != &code::PROCESS_ENDED
        || ["xit", "kill", "abort"].iter().any(|word| statement.contains(word));
    let nameless = statement.starts_with("op.drop_constraint(None");
    let goes = (GOES.contains(&at.finding.code) && ends) || not_there || nameless;
    goes.then(|| (format!("take out `{}`", shown(statement)), text))
}

/// Deletes a query whose result is not used.
fn query_goes(at: &At<'_>) -> Option<(String, String)> {
    let statement = at.module.text(at.node);
    let query = |sql: &str| {
        let words: Vec<String> = sql.split_whitespace().take(2).map(str::to_uppercase).collect();
        matches!(
            words.iter().map(String::as_str).collect::<Vec<_>>()[..],
            ["SELECT", _] | ["SET", "LOCAL"]
        )
    };
    let mut parts = at.sql.split(';').filter(|sql| !sql.trim().is_empty()).peekable();
    let alone = statement.starts_with("op.execute(") && parts.peek().is_some() && parts.all(query);
    let text = without(at.module, at.node)?;
    alone.then(|| ("take out the query, whose result nothing uses".to_owned(), text))
}
