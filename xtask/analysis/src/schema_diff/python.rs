//! The line that a downgrade lacks, as Python ready to paste.

use super::difference::{Change, Difference};
use super::{identity, privileges};
use model::schema::{Attributes, attribute, without_public};

/// The line that takes the difference back, where one line can. `made_by` is the statement of the upgrade
/// that made it.
pub fn line(difference: &Difference, made_by: &str) -> Option<String> {
    let (kind, identity) = (difference.object.kind.as_str(), difference.object.identity.as_str());
    match &difference.change {
        Change::LeftBehind(own) => drop(kind, identity, own),
        Change::Missing(own) if kind == "sequence" => Some(create_sequence(identity, own)),
        Change::Missing(own) => create(kind, identity, own).map(|sql| execute(&sql)),
        Change::Renamed { to, .. } => rename_back(kind, identity, to),
        Change::Changed { attribute, expected, found } => {
            let line = change(kind, identity, attribute, expected.as_deref(), found.as_deref())?;
            let is_type = (kind, attribute.as_str()) == ("column", "type");
            let cast = expected.as_deref().zip(found.as_deref()).and_then(cast_of_texts);
            Some(if is_type { with_using(&line, identity, cast, made_by) } else { line })
        }
    }
}

/// The type that texts have to be cast to: Postgres does it by itself to other types of text alone.
fn cast_of_texts<'t>((expected, found): (&'t str, &str)) -> Option<&'t str> {
    let is_text =
        |type_: &str| ["character", "text", "citext"].iter().any(|kind| type_.starts_with(kind));
    (is_text(found) && !is_text(expected)).then_some(expected)
}

/// The change of a type with the `USING` of its counterpart if that names a time zone: without it
/// the session's own would be used. Otherwise with a cast, if one is needed.
fn with_using(line: &str, identity: &str, cast: Option<&str>, made_by: &str) -> String {
    let using = made_by.find(" USING ").map(|at| made_by[at..].trim_end().trim_end_matches(';'));
    let is_zone = |using: &&str| using.contains(" AT TIME ZONE ") && !using.contains('"');
    match using.filter(is_zone) {
        Some(using) => format!("{}{using}\")", line.trim_end_matches("\")")),
        None => match (part(identity), cast, line.strip_suffix("\")")) {
            (Some((_, column)), Some(cast), Some(line)) => {
                format!("{line} USING {column}::{}\")", without_public(cast))
            }
            _ => line.to_owned(),
        },
    }
}

fn rename_back(kind: &str, identity: &str, to: &str) -> Option<String> {
    let name = identity.rsplit('.').next().unwrap_or(identity);
    match kind {
        "table" => {
            let ((now, schema), was) = (place(to), quoted(name));
            Some(format!("op.rename_table({now}, {was}{schema})"))
        }
        "column" => {
            let (table, now) = part(to)?;
            let ((table, schema), now, was) = (place(table), quoted(now), quoted(name));
            Some(format!("op.alter_column({table}, {now}, new_column_name={was}{schema})"))
        }
        "constraint" => {
            let (table, now) = part(to)?;
            Some(execute(&format!("ALTER TABLE {table} RENAME CONSTRAINT {now} TO {name}")))
        }
        "trigger" | "rule" | "policy" => {
            let ((table, now), kind) = (part(to)?, kind.to_uppercase());
            Some(execute(&format!("ALTER {kind} {now} ON {table} RENAME TO {name}")))
        }
        _ => {
            let name = name.split('(').next().unwrap_or(name);
            Some(execute(&format!("ALTER {} {to} RENAME TO {name}", kind.to_uppercase())))
        }
    }
}

/// `op.execute("…")`, with the quotes that the text needs.
fn execute(sql: &str) -> String {
    let sql = without_public(sql.trim().trim_end_matches(';'));
    let escaped = sql.replace('\\', "\\\\");
    if sql.contains('\n') || sql.contains('"') {
        format!("op.execute('''{}''')", escaped.replace("'''", "\\'''"))
    } else {
        format!("op.execute(\"{escaped}\")")
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.trim_matches('"').replace('"', "\\\""))
}

/// A name with the schema that `op` takes as an argument of its own.
fn place(identity: &str) -> (String, String) {
    match identity.rsplit_once('.') {
        Some((schema, name)) => (quoted(name), format!(", schema={}", quoted(schema))),
        None => (quoted(identity), String::new()),
    }
}

/// `table.name`.
fn part(identity: &str) -> Option<(&str, &str)> {
    identity.rsplit_once('.')
}

fn drop(kind: &str, identity: &str, own: &Attributes) -> Option<String> {
    let sql = match kind {
        "table" => {
            let (name, schema) = place(identity);
            return Some(format!("op.drop_table({name}{schema})"));
        }
        "index" => {
            let (name, schema) = place(identity);
            let table = without_public(attribute(own, "of")?);
            let table = place(&table).0;
            return Some(format!("op.drop_index({name}, table_name={table}{schema})"));
        }
        "column" => {
            let (table, name) = part(identity)?;
            let (table, schema) = place(table);
            return Some(format!("op.drop_column({table}, {}{schema})", quoted(name)));
        }
        "constraint" if attribute(own, "definition").is_some() => {
            let (table, name) = part(identity)?;
            let sort = match attribute(own, "definition")?.split(' ').next()? {
                "PRIMARY" => "primary",
                "FOREIGN" => "foreignkey",
                "UNIQUE" => "unique",
                _ => "check",
            };
            let (table, schema) = place(table);
            return Some(format!(
                "op.drop_constraint({}, {table}, type_=\"{sort}\"{schema})",
                quoted(name)
            ));
        }
        "trigger" | "rule" | "policy" => {
            let (table, name) = part(identity)?;
            format!("DROP {} {name} ON {table}", kind.to_uppercase())
        }
        "membership" => {
            let (member, role) = identity.split_once(" in ")?;
            format!("REVOKE {role} FROM {member}")
        }
        "default privileges" => return default_privileges(identity, own, "REVOKE", "FROM"),
        "settings" => return settings(identity),
        "privileges" | "database" | "parameter" => return None,
        "foreign server" => format!("DROP SERVER {identity}"),
        _ => format!("DROP {} {identity}", kind.to_uppercase()),
    };
    Some(execute(&sql))
}

/// Settings are reset as a whole.
fn settings(identity: &str) -> Option<String> {
    let role = identity.strip_prefix("of role ")?;
    let role = role.strip_suffix(" in the database").unwrap_or(role);
    Some(execute(&format!("ALTER ROLE {role} RESET ALL")))
}

fn default_privileges(
    identity: &str,
    own: &Attributes,
    verb: &str,
    preposition: &str,
) -> Option<String> {
    let rest = identity.strip_prefix("of ")?;
    let (role, rest) = rest.split_once(" for ")?;
    let (what, schema) = match rest.split_once(" in schema ") {
        Some((what, schema)) => (what, format!(" IN SCHEMA {schema}")),
        None => (rest, String::new()),
    };
    let granted = privileges::parse(attribute(own, "privileges").unwrap_or_default());
    let of_others = granted.into_iter().filter(|p| p.grantee != role).collect();
    let (grantee, names) = privileges::by_grantee(&of_others).into_iter().next()?;
    let names = names.replace(" WITH GRANT OPTION", "");
    let what = what.to_uppercase();
    Some(execute(&format!(
        "ALTER DEFAULT PRIVILEGES FOR ROLE {role}{schema} {verb} {names} ON {what} {preposition} \
         {grantee}"
    )))
}

/// The lines that make a sequence again; one of a column continues after the existing values.
fn create_sequence(identity: &str, own: &Attributes) -> String {
    let owner = attribute(own, "owned by").filter(|by| !by.starts_with("identity of "));
    let owner = owner.and_then(|by| Some((by, part(by)?)));
    let Some((by, (table, column))) = owner else {
        return execute(&format!("CREATE SEQUENCE {identity}"));
    };
    let create = execute(&format!("CREATE SEQUENCE {identity} OWNED BY {by}"));
    let next = format!("coalesce((SELECT max({column}) FROM {table}), 0) + 1");
    format!("{create}\n{}", execute(&format!("SELECT setval('{identity}', {next}, false)")))
}

/// The statement that makes an object again, where the server's own rendering is one.
fn create(kind: &str, identity: &str, own: &Attributes) -> Option<String> {
    let definition = attribute(own, "definition");
    match kind {
        "index" | "trigger" | "rule" | "function" | "procedure" | "statistics" => {
            definition.map(str::to_owned)
        }
        "view" => Some(format!("CREATE VIEW {identity} AS\n{}", definition?)),
        "materialized view" => Some(format!(
            "CREATE MATERIALIZED VIEW {identity} AS\n{}",
            definition?.trim_end_matches(';')
        )),
        "constraint" => {
            let (table, name) = part(identity)?;
            Some(format!("ALTER TABLE {table} ADD CONSTRAINT {name} {}", definition?))
        }
        "column" => Some(add_column(identity, own)?),
        "type" => {
            if let Some(labels) = attribute(own, "enum") {
                let labels: Vec<String> = labels.split(", ").map(literal).collect();
                return Some(format!("CREATE TYPE {identity} AS ENUM ({})", labels.join(", ")));
            }
            Some(format!("CREATE TYPE {identity} AS ({})", attribute(own, "composite")?))
        }
        "domain" => Some(format!("CREATE DOMAIN {identity} AS {}", attribute(own, "type")?)),
        "schema" | "extension" => Some(format!("CREATE {} {identity}", kind.to_uppercase())),
        "role" => Some(format!(
            "CREATE ROLE {identity} {}",
            attribute(own, "attributes").unwrap_or_default().replace(',', "")
        )),
        "membership" => {
            let (member, role) = identity.split_once(" in ")?;
            Some(format!("GRANT {role} TO {member}"))
        }
        "policy" => Some(policy(identity, own)?),
        _ => None,
    }
}

fn add_column(identity: &str, own: &Attributes) -> Option<String> {
    let (table, name) = part(identity)?;
    let mut sql = format!("ALTER TABLE {table} ADD COLUMN {name} {}", attribute(own, "type")?);
    if let Some(collation) = attribute(own, "collation") {
        sql += &format!(" COLLATE {collation}");
    }
    if let Some(default) = attribute(own, "default") {
        sql += &format!(" DEFAULT {default}");
    }
    for name in ["generated", "identity", "nullability"] {
        if let Some(clause) = attribute(own, name) {
            sql += &format!(" {clause}");
        }
    }
    Some(sql)
}

fn policy(identity: &str, own: &Attributes) -> Option<String> {
    let (table, name) = part(identity)?;
    let mut sql = format!(
        "CREATE POLICY {name} ON {table} AS {} FOR {} TO {}",
        attribute(own, "sort")?,
        attribute(own, "command")?,
        attribute(own, "roles")?
    );
    if let Some(using) = attribute(own, "using") {
        sql += &format!(" USING ({using})");
    }
    if let Some(check) = attribute(own, "with check") {
        sql += &format!(" WITH CHECK ({check})");
    }
    Some(sql)
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn change(
    kind: &str,
    identity: &str,
    name: &str,
    expected: Option<&str>,
    found: Option<&str>,
) -> Option<String> {
    let upper = kind.to_uppercase();
    match (kind, name) {
        (_, "privileges") => grants(kind, identity, expected, found),
        (_, "comment") => {
            let text = expected.map_or("NULL".into(), literal);
            let on = match part(identity) {
                Some((table, name))
                    if ["constraint", "trigger", "policy", "rule"].contains(&kind) =>
                {
                    format!("{upper} {name} ON {table}")
                }
                _ => format!("{upper} {identity}"),
            };
            Some(execute(&format!("COMMENT ON {on} IS {text}")))
        }
        (_, "owner") => Some(execute(&format!("ALTER {upper} {identity} OWNER TO {}", expected?))),
        ("column", _) => alter_column(identity, name, expected),
        ("function" | "procedure", "definition") => expected.map(execute),
        ("view", "definition") => {
            Some(execute(&format!("CREATE OR REPLACE VIEW {identity} AS\n{}", expected?)))
        }
        ("table", "row level security") => {
            let verb = if expected.is_some() { "ENABLE" } else { "DISABLE" };
            Some(execute(&format!("ALTER TABLE {identity} {verb} ROW LEVEL SECURITY")))
        }
        ("table", "row level security of the owner") => {
            let verb = if expected.is_some() { "FORCE" } else { "NO FORCE" };
            Some(execute(&format!("ALTER TABLE {identity} {verb} ROW LEVEL SECURITY")))
        }
        ("trigger", "state") => {
            let (table, name) = part(identity)?;
            let verb = match expected? {
                "ENABLED" => "ENABLE",
                "DISABLED" => "DISABLE",
                "ENABLED REPLICA" => "ENABLE REPLICA",
                _ => "ENABLE ALWAYS",
            };
            Some(execute(&format!("ALTER TABLE {table} {verb} TRIGGER {name}")))
        }
        ("role", "attributes") => {
            Some(execute(&format!("ALTER ROLE {identity} {}", expected?.replace(',', ""))))
        }
        ("constraint", "definition") => {
            let (table, name) = part(identity)?;
            Some(execute(&format!(
                "ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {}",
                expected?
            )))
        }
        ("index", "definition") => Some(execute(&format!("DROP INDEX {identity};\n{}", expected?))),
        _ => None,
    }
}

fn alter_column(identity: &str, name: &str, expected: Option<&str>) -> Option<String> {
    let (table, column) = part(identity)?;
    let alter =
        |what: &str| Some(execute(&format!("ALTER TABLE {table} ALTER COLUMN {column} {what}")));
    let (short, schema) = place(table);
    let op = |argument: &str| {
        Some(format!("op.alter_column({short}, {}, {argument}{schema})", quoted(column)))
    };
    match (name, expected) {
        ("nullability", Some(_)) => op("nullable=False"),
        ("nullability", None) => op("nullable=True"),
        ("default", Some(text)) => {
            let text = without_public(text);
            op(&format!("server_default=sa.text({})", quoted_expression(&text)))
        }
        ("default", None) => op("server_default=None"),
        ("type", Some(text)) => alter(&format!("TYPE {text}")),
        ("statistics target", text) => alter(&format!("SET STATISTICS {}", text.unwrap_or("-1"))),
        ("storage", text) => alter(&format!("SET STORAGE {}", text.unwrap_or("EXTENDED"))),
        ("compression", text) => alter(&format!("SET COMPRESSION {}", text.unwrap_or("DEFAULT"))),
        ("identity", None) => alter("DROP IDENTITY"),
        ("identity", Some(text)) => Some(execute(&identity::again(table, column, text))),
        _ => None,
    }
}

/// A Python text for an SQL expression, which is full of single quotes.
fn quoted_expression(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Grants the lost privileges and revokes the remaining ones.
fn grants(
    kind: &str,
    identity: &str,
    expected: Option<&str>,
    found: Option<&str>,
) -> Option<String> {
    let was = privileges::parse(expected.unwrap_or_default());
    let now = privileges::parse(found.unwrap_or_default());
    let on = match kind {
        "table" | "view" | "materialized view" | "foreign table" => format!("TABLE {identity}"),
        "aggregate" => format!("FUNCTION {identity}"),
        "column" => format!("TABLE {}", part(identity)?.0),
        "privileges" => identity.strip_prefix("on ")?.to_owned(),
        "default privileges" | "parameter" | "database" => return None,
        _ => format!("{} {identity}", kind.to_uppercase()),
    };
    let column = match kind {
        "column" => format!(" ({})", part(identity)?.1),
        _ => String::new(),
    };
    let mut lines = Vec::new();
    for (only, verb, preposition) in [(&was - &now, "GRANT", "TO"), (&now - &was, "REVOKE", "FROM")]
    {
        for (grantee, names) in privileges::by_grantee(&only) {
            let plain = names.replace(" WITH GRANT OPTION", "");
            let grantable = verb == "GRANT" && plain != names;
            let suffix = if grantable { " WITH GRANT OPTION" } else { "" };
            let names: Vec<String> =
                plain.split(", ").map(|name| format!("{name}{column}")).collect();
            let names = names.join(", ");
            lines.push(execute(&format!("{verb} {names} ON {on} {preposition} {grantee}{suffix}")));
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}
