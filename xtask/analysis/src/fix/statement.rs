//! Remedies for one statement of a revision, or of env.py.

use tree_sitter::Node;

use super::text::{before, function, replaced, statement_at, strings, without};
use super::{Candidate, Scene};
use crate::lints::nearest::distance;
use crate::mend;
use crate::python::{Module, descendants, line};
use crate::script::Script;
use crate::sql::immutability;
use model::code::{self, Code};
use model::finding::Finding;

/// Codes whose remedy is that the statement goes.
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

/// How many characters may differ in a name that is misspelt.
const NEAR: usize = 2;
/// How much of a statement is shown.
const SHOWN: usize = 60;

/// A statement of a revision, and what was said of it.
struct At<'a> {
    finding: &'a Finding,
    script: &'a Script,
    module: &'a Module,
    node: Node<'a>,
    /// The SQL that was in flight.
    sql: &'a str,
    /// The SQLSTATE.
    state: &'a str,
}

type Rule = fn(&At<'_>) -> Option<(String, String)>;

/// What may be done about the statement: each gives what it does, and the text of the file with it.
const RULES: &[Rule] = &[
    commented_out_marker,
    unused_import,
    autocommit,
    label,
    predicate,
    replaces_view,
    if_not_exists,
    type_that_is_there,
    same_again,
    renames_earlier_table,
    archives_earlier_table,
    sequence,
    one_connection,
    misspelt,
    another_name,
    label_stays,
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

/// env.py that never commits what it begins.
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

/// Markers of an unfinished merge around nothing.
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

/// An import that is missing and that nothing uses.
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

/// What cannot run inside a transaction (25001).
fn autocommit(at: &At<'_>) -> Option<(String, String)> {
    let edit =
        mend::in_autocommit_block(at.script, line(at.node)).filter(|_| at.state == "25001")?;
    let text = super::text::applied(at.module.source(), &edit)?;
    Some(("put the statement into an autocommit block".to_owned(), text))
}

/// An enum's label that is used in the transaction that adds it (55P04).
fn label(at: &At<'_>) -> Option<(String, String)> {
    let is_it = at.state == "55P04" || at.finding.code == &code::LABEL_TOO_EARLY;
    let adds = strings(at.module.root()).find(|s| at.module.text(*s).contains("ADD VALUE"));
    let adds = adds.filter(|_| is_it)?;
    let edit = mend::in_autocommit_block(at.script, line(adds))?;
    let text = super::text::applied(at.module.source(), &edit)?;
    let what = "add the label in an autocommit block of its own, before it is used";
    Some((what.to_owned(), guarded(&text)))
}

/// `ADD VALUE` that leaves a label alone which is there: no downgrade can take it back.
fn guarded(text: &str) -> String {
    text.replace("ADD VALUE IF NOT EXISTS", "ADD VALUE")
        .replace("ADD VALUE", "ADD VALUE IF NOT EXISTS")
}

/// The predicate of an index without the conditions that are not immutable.
fn predicate(at: &At<'_>) -> Option<(String, String)> {
    if at.finding.code != &code::NOT_IMMUTABLE {
        return None;
    }
    let known = immutability::Known { column: &|_| None, function: &|_| None, is_enum: &|_| false };
    let argument = descendants(at.node).find(|node| {
        let name = node.child_by_field_name("name").map(|name| at.module.text(name));
        node.kind() == "keyword_argument" && name == Some("postgresql_where")
    });
    let told = |left: &str| match left {
        "" => {
            "take out the predicate, which is not immutable: the index has all rows then".to_owned()
        }
        left => format!("leave of the predicate what is immutable: {left}"),
    };
    if let Some(argument) = argument {
        let content = strings(argument).next()?;
        let left = immutability::immutable_part(at.module.text(content), &known)?;
        let text = match left.is_empty() {
            false => replaced(at.module, content.byte_range(), &left)?,
            true => {
                let rest = &at.module.source()[argument.end_byte()..];
                let comma = rest.len() - rest.trim_start_matches([',', ' ', '\n']).len();
                replaced(at.module, argument.start_byte()..argument.end_byte() + comma, "")?
            }
        };
        return Some((told(&left), text));
    }
    let content = strings(at.node).find(|s| at.module.text(*s).contains(" WHERE "))?;
    let (head, condition) = at.module.text(content).split_once(" WHERE ")?;
    let end = if condition.trim_end().ends_with(';') { ";" } else { "" };
    let left = immutability::immutable_part(condition.trim_end().trim_end_matches(';'), &known)?;
    let new =
        if left.is_empty() { format!("{head}{end}") } else { format!("{head} WHERE {left}{end}") };
    Some((told(&left), replaced(at.module, content.byte_range(), &new)?))
}

/// A view that is created again.
fn replaces_view(at: &At<'_>) -> Option<(String, String)> {
    let again = at.sql.trim_start().starts_with("CREATE VIEW") && at.state == "42P07";
    let content = strings(at.node).find(|s| at.module.text(*s).contains("CREATE VIEW"))?;
    let new = at.module.text(content).replacen("CREATE VIEW", "CREATE OR REPLACE VIEW", 1);
    let text = replaced(at.module, content.byte_range(), &new)?;
    again.then(|| ("replace the view that is there".to_owned(), text))
}

/// A label that is there already (42710).
fn if_not_exists(at: &At<'_>) -> Option<(String, String)> {
    let again = at.state == "42710" && at.sql.contains("ADD VALUE") && !at.sql.contains("IF NOT");
    let text = guarded(at.module.source());
    again.then(|| ("add the label only where it is not there".to_owned(), text))
}

/// A table that creates the type of one of its columns, which is there already (42710).
fn type_that_is_there(at: &At<'_>) -> Option<(String, String)> {
    if at.state != "42710" || !at.sql.trim_start().starts_with("CREATE TYPE") {
        return None;
    }
    let name = at.sql.split_whitespace().nth(2)?.trim_matches('"').to_owned();
    let types = descendants(at.node).filter(|node| node.kind() == "call");
    let call = types.filter(|call| {
        let function = call.child_by_field_name("function").map(|f| at.module.text(f));
        function.is_some_and(|f| f == "Enum" || f.ends_with(".Enum") || f.ends_with("ENUM"))
            && strings(*call).any(|s| at.module.text(s) == name)
    });
    let call = call.last()?;
    let arguments = call.child_by_field_name("arguments")?;
    let inside = at.module.text(arguments).trim_start_matches('(').trim_end_matches([')', ',']);
    let new = format!("postgresql.ENUM({inside}, create_type=False)");
    let text = replaced(at.module, call.byte_range(), &new)?;
    let import = "from sqlalchemy.dialects import postgresql";
    let text = match text.contains(import) {
        true => text,
        false => text.replacen(
            "import sqlalchemy as sa\n",
            &format!("import sqlalchemy as sa\n{import}\n"),
            1,
        ),
    };
    Some((format!("use the type {name} that is there: `create_type=False`"), text))
}

/// What is created again to the letter, by the same revision or an earlier one.
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

/// A table that an earlier revision made, and this one replaces (failure mode F): it steps aside, with
/// all that it has, and comes back.
fn renames_earlier_table(at: &At<'_>) -> Option<(String, String)> {
    let table = creates_again(at)?;
    let aside = format!("{table}_earlier");
    let rename = format!("op.rename_table(\"{table}\", \"{aside}\")");
    let text = before(at.module, at.node, &rename)?;
    let module = Module::parse(text.as_bytes()).ok()?;
    let body = function(&module, "downgrade")?.child_by_field_name("body")?;
    let (end, indent) = (body.end_byte(), " ".repeat(body.start_position().column));
    let back = format!("\n{indent}op.rename_table(\"{aside}\", \"{table}\")");
    let what = format!("rename the earlier table {table} to {aside}, and back in the downgrade");
    Some((what, replaced(&module, end..end, &back)?))
}

/// The table that is created although it is there.
fn creates_again<'a>(at: &At<'a>) -> Option<&'a str> {
    let creates = at.module.text(at.node).starts_with("op.create_table(");
    let is_again = at.finding.code == &code::TABLE_TWICE && creates;
    strings(at.node).next().filter(|_| is_again).map(|name| at.module.text(name))
}

/// The same where the two have names in common: only the rows step aside.
fn archives_earlier_table(at: &At<'_>) -> Option<(String, String)> {
    let table = creates_again(at)?;
    let copy = format!("op.execute(\"CREATE TABLE {table}_archive AS SELECT * FROM {table}\")");
    let indent = " ".repeat(at.node.start_position().column);
    let text = before(at.module, at.node, &format!("{copy}\n{indent}op.drop_table(\"{table}\")"))?;
    let what = format!(
        "let {table} take the place of the earlier table, whose rows go to {table}_archive"
    );
    Some((what, text))
}

/// Rows with ids of their own, which the sequence does not know of (23505).
fn sequence(at: &At<'_>) -> Option<(String, String)> {
    let detail = at.finding.transcript.as_deref()?.headline()?.detail.as_deref()?;
    let (_, column) = detail.split_once("Key (")?;
    let column = column.split(')').next()?;
    let table = at.sql.trim_start().strip_prefix("INSERT INTO ")?;
    let table = table.split([' ', '(']).next()?;
    let set = format!(
        "op.execute(\"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), \
         (SELECT max({column}) FROM {table}))\")"
    );
    let text = before(at.module, at.node, &set)?;
    let what = format!("move the sequence of {table}.{column} behind the rows that are there");
    (at.state == "23505").then_some((what, text))
}

/// A second connection, which waits for the first.
fn one_connection(at: &At<'_>) -> Option<(String, String)> {
    let codes = [&code::TIMED_OUT, &code::LOCKED];
    let second = "op.get_bind().engine.connect()";
    let source = at.module.source();
    let is_it = codes.contains(&at.finding.code) && source.contains(second);
    is_it.then(|| {
        ("use the migration's own connection".to_owned(), source.replace(second, "op.get_bind()"))
    })
}

/// A downgrade that raises: what comes after it is run, or the schema says what it lacks.
fn raise_goes(at: &At<'_>) -> Option<(String, String)> {
    let raises = at.node.kind() == "raise_statement" && RAISES.contains(&at.finding.code);
    let text = without(at.module, at.node)?;
    raises.then(|| ("let the downgrade do its work instead of raising".to_owned(), text))
}

/// A name that is nearly one of the upgrade's.
fn misspelt(at: &At<'_>) -> Option<(String, String)> {
    let message = &at.finding.transcript.as_deref()?.headline()?.message;
    let name = message.split('"').nth(1).filter(|_| message.contains("does not exist"))?;
    let literal = strings(at.node).find(|s| at.module.text(*s) == name)?;
    let made = strings(function(at.module, "upgrade")?).map(|s| at.module.text(s));
    let near = made.filter(|made| *made != name && distance(made, name) <= NEAR);
    let meant = near.min_by_key(|made| distance(made, name))?;
    let text = replaced(at.module, literal.byte_range(), meant)?;
    Some((format!("write {meant} for {name}"), text))
}

/// An index that has the name of another one (42P07), everywhere in the revision under a new name.
fn another_name(at: &At<'_>) -> Option<(String, String)> {
    let statement = at.module.text(at.node);
    let name = at.module.text(strings(at.node).next()?);
    if at.state != "42P07" || !statement.starts_with("op.create_index(") {
        return None;
    }
    let mut places: Vec<_> =
        strings(at.module.root()).filter(|s| at.module.text(*s) == name).collect();
    places.sort_by_key(|place| std::cmp::Reverse(place.start_byte()));
    let mut text = at.module.source().to_owned();
    for place in places {
        text.insert_str(place.end_byte(), "_2");
    }
    Some((format!("call the index {name}_2: {name} is another one"), text))
}

/// An enum's label that the downgrade cannot take back.
fn label_stays(at: &At<'_>) -> Option<(String, String)> {
    let message = &at.finding.message;
    let (_, rest) =
        message.split_once("changed: type ").filter(|_| message.contains(": enum was "))?;
    let name = rest.split(':').next()?;
    let upgrade = function(at.module, "upgrade")?;
    let start = upgrade.start_byte();
    let keeps = format!("# migration-gate: keeps type {name}, Postgres cannot take a label back\n");
    let text = replaced(at.module, start..start, &keeps)?;
    at.module
        .source()
        .contains("ADD VALUE")
        .then(|| (format!("say that the label of {name} stays"), text))
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

/// A statement of the downgrade that drops what the upgrade does not name, or changes a supplied row.
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

/// What must not be there at all, or takes back what is not there.
fn goes(at: &At<'_>) -> Option<(String, String)> {
    let statement = at.module.text(at.node);
    let sql = at.sql.trim_start();
    let not_there = ["42P01", "42703", "42704"].contains(&at.state)
        && (statement.starts_with("op.drop_")
            || sql.starts_with("DROP ")
            || sql.contains(" DROP "));
    let text = without(at.module, at.node)?;
    // Where a process ended says why only where it is told to.
    let ends = at.finding.code != &code::PROCESS_ENDED
        || ["xit", "kill", "abort"].iter().any(|word| statement.contains(word));
    let nameless = statement.starts_with("op.drop_constraint(None");
    let goes = (GOES.contains(&at.finding.code) && ends) || not_there || nameless;
    goes.then(|| (format!("take out `{}`", shown(statement)), text))
}

/// A query whose result nobody uses.
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

/// The beginning of a statement, in one line.
fn shown(statement: &str) -> String {
    let line = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}
