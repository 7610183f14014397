//! Remedies that write a statement in another way.

use super::at::At;
use super::text::{before, function, replaced, strings};
use crate::distance::distance;
use crate::edit;
use crate::python::{Module, descendants, line};
use crate::sql::immutability;
use model::code;

/// The largest number of wrong characters in a misspelt name.
const NEAR: usize = 2;

/// Moves a statement that cannot run inside a transaction (25001) into an autocommit block.
pub(super) fn autocommit(at: &At<'_>) -> Option<(String, String)> {
    let edit =
        edit::in_autocommit_block(at.script, line(at.node)).filter(|_| at.state == "25001")?;
    let text = super::text::applied(at.module.source(), &edit)?;
    Some(("put the statement into an autocommit block".to_owned(), text))
}

/// An enum's label that is used in the transaction that adds it (55P04).
pub(super) fn label(at: &At<'_>) -> Option<(String, String)> {
    let is_it = at.state == "55P04" || at.finding.code == &code::LABEL_TOO_EARLY;
    let adds = strings(at.module.root()).find(|s| at.module.text(*s).contains("ADD VALUE"));
    let adds = adds.filter(|_| is_it)?;
    let edit = edit::in_autocommit_block(at.script, line(adds))?;
    let text = super::text::applied(at.module.source(), &edit)?;
    let what = "add the label in an autocommit block of its own, before it is used";
    Some((what.to_owned(), guarded(&text)))
}

/// `ADD VALUE` that skips an existing label: no downgrade can remove a label.
pub(super) fn guarded(text: &str) -> String {
    text.replace("ADD VALUE IF NOT EXISTS", "ADD VALUE")
        .replace("ADD VALUE", "ADD VALUE IF NOT EXISTS")
}

/// The predicate of an index without the conditions that are not immutable.
pub(super) fn predicate(at: &At<'_>) -> Option<(String, String)> {
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
pub(super) fn replaces_view(at: &At<'_>) -> Option<(String, String)> {
    let again = at.sql.trim_start().starts_with("CREATE VIEW") && at.state == "42P07";
    let content = strings(at.node).find(|s| at.module.text(*s).contains("CREATE VIEW"))?;
    let new = at.module.text(content).replacen("CREATE VIEW", "CREATE OR REPLACE VIEW", 1);
    let text = replaced(at.module, content.byte_range(), &new)?;
    again.then(|| ("replace the view that is there".to_owned(), text))
}

/// A label that exists already (42710).
pub(super) fn if_not_exists(at: &At<'_>) -> Option<(String, String)> {
    let again = at.state == "42710" && at.sql.contains("ADD VALUE") && !at.sql.contains("IF NOT");
    let text = guarded(at.module.source());
    again.then(|| ("add the label only where it is not there".to_owned(), text))
}

/// A table that creates the type of one of its columns although the type exists (42710).
pub(super) fn type_that_is_there(at: &At<'_>) -> Option<(String, String)> {
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

/// A table that an earlier revision made, and this one replaces (failure mode F): the upgrade
/// renames the old table with its contents, and the downgrade restores its name.
pub(super) fn renames_earlier_table(at: &At<'_>) -> Option<(String, String)> {
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

/// The table that is created although it exists.
fn creates_again<'a>(at: &At<'a>) -> Option<&'a str> {
    let creates = at.module.text(at.node).starts_with("op.create_table(");
    // A table that a rename gave the name is no earlier version of this one.
    let is_again =
        at.finding.code == &code::TABLE_TWICE && at.finding.own_steps.is_empty() && creates;
    strings(at.node).next().filter(|_| is_again).map(|name| at.module.text(name))
}

/// The same where the two have names in common: only the rows step aside.
pub(super) fn archives_earlier_table(at: &At<'_>) -> Option<(String, String)> {
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
pub(super) fn sequence(at: &At<'_>) -> Option<(String, String)> {
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
pub(super) fn one_connection(at: &At<'_>) -> Option<(String, String)> {
    let codes = [&code::TIMED_OUT, &code::LOCKED];
    let second = "op.get_bind().engine.connect()";
    let source = at.module.source();
    let is_it = codes.contains(&at.finding.code) && source.contains(second);
    is_it.then(|| {
        ("use the migration's own connection".to_owned(), source.replace(second, "op.get_bind()"))
    })
}

/// A name that is nearly one of the upgrade's.
pub(super) fn misspelt(at: &At<'_>) -> Option<(String, String)> {
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
pub(super) fn another_name(at: &At<'_>) -> Option<(String, String)> {
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
