//! The recipes as text: supplies added to them.

use super::candidate::Lookup;

/// A supply as a recipe writes it: a constant, and the lines that use it.
#[derive(Clone, Debug)]
pub struct Line {
    /// `Role` or `Row`.
    kind: &'static str,
    /// The name of the supply.
    supply: String,
    /// The name of the constant.
    name: String,
    /// The constant.
    constant: String,
    /// The calls of the recipe.
    calls: String,
    /// Whether the calls are put before all others, rather than right before the head.
    first: bool,
}

/// The SQL that creates a role as the recipes do.
pub fn create(role: &str) -> String {
    let (name, text) = (quoted(role, '"'), quoted(role, '\''));
    format!(
        "DO $$ BEGIN\n    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {text}) THEN\n        \
         CREATE ROLE {name} NOLOGIN;\n    END IF;\nEND $$;"
    )
}

fn quoted(name: &str, quote: char) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_plain =
        quote == '"' && name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit());
    match is_plain {
        true => name.to_owned(),
        false => format!("{quote}{}{quote}", name.replace(quote, &format!("{quote}{quote}"))),
    }
}

/// A role that a recipe creates first of all.
pub fn role(role: &str, required_by: &str) -> Line {
    let name = constant_name(role);
    let constant = format!(
        "/// A role of production that {required_by} needs.\npub const {name}: Role = Role {{\n    \
         name: {role:?},\n    required_by: \"{required_by}+\",\n    create: {},\n}};\n",
        literal(&create(role))
    );
    let calls = format!("    steps.create_role(&{name})?;\n");
    Line { kind: "Role", supply: role.to_owned(), name, constant, calls, first: true }
}

/// A row that a recipe inserts after a revision.
pub fn row(lookup: &Lookup, required_by: &str, insert: &str, exists: &str) -> Line {
    let Lookup { table, conditions, after } = lookup;
    let values = conditions.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(" ");
    let name = constant_name(&format!("{table} {values}"));
    let constant = format!(
        "/// A row of production that {required_by} looks up.\npub const {name}: Row = Row {{\n    \
         name: {:?},\n    required_by: \"{required_by}\",\n    insert: {},\n    exists: {},\n}};\n",
        row_name(lookup),
        literal(insert),
        literal(exists)
    );
    let calls =
        format!("    steps.upgrade({after:?}, \"pre-seed\")?;\n    steps.seed(&{name})?;\n");
    Line { kind: "Row", supply: row_name(lookup), name, constant, calls, first: false }
}

/// How the step of a row names it.
pub fn row_name(lookup: &Lookup) -> String {
    let Lookup { table, conditions, .. } = lookup;
    let values: Vec<&str> = conditions.iter().map(|(_, value)| value.as_str()).collect();
    format!("{table} row {}", values.join(" ")).trim_end().to_owned()
}

/// The text of a recipe with a supply: its constant right before the recipe, unless the text has
/// it, and its calls in the recipe.
pub fn added(text: &str, recipe: &str, line: &Line) -> Option<String> {
    let head = text.lines().find(|line| line.starts_with(&format!("pub fn {recipe}(")))?;
    let at = text.find(head)?;
    let docs = text[..at].trim_end_matches('\n').rfind("\n\n").map_or(at, |at| at + 2);
    let body = at + head.len() + 1;
    let calls = match line.first {
        true => body,
        false => body + text[body..].find("    steps.round_trip()")?,
    };
    let known = constant_of(text, &line.supply);
    let (name, constant) = match &known {
        Some(name) => (name, String::new()),
        None => (&line.name, format!("{}\n", line.constant)),
    };
    // A call that the recipe has already is not added again.
    let calls_of = line.calls.replace(&format!("&{}", line.name), &format!("&{name}"));
    let calls_of = match calls_of.split_once('\n') {
        Some((first, rest)) if text[..calls].ends_with(&format!("{first}\n")) => rest.to_owned(),
        _ => calls_of,
    };
    let out =
        format!("{}{constant}{}{calls_of}{}", &text[..docs], &text[docs..calls], &text[calls..]);
    Some(imported(&out, line.kind))
}

/// A recipe that does not use some of its supplies, by their names.
pub fn without(text: &str, names: &[String]) -> String {
    let constants: Vec<String> = names.iter().filter_map(|name| constant_of(text, name)).collect();
    let uses = |line: &&str| {
        constants.iter().any(|constant| {
            line.trim_start().starts_with("steps.") && line.contains(&format!("(&{constant})?;"))
        })
    };
    text.split_inclusive('\n').filter(|line| !uses(line)).collect()
}

/// The constant that holds the supply of a name.
fn constant_of(text: &str, name: &str) -> Option<String> {
    let (before, _) = text.split_once(&format!("name: {name:?},"))?;
    let (_, constant) = before.rsplit_once("pub const ")?;
    Some(constant.split(':').next()?.to_owned())
}

/// The text with the kind of supply imported.
fn imported(text: &str, kind: &str) -> String {
    let other = if kind == "Row" { "Role" } else { "Row" };
    text.replace(&format!("use model::supply::{other};"), "use model::supply::{Role, Row};")
}

fn constant_name(words: &str) -> String {
    let legal = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = words.chars().map(legal).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("SUPPLY_{name}") } else { name }
}

/// A text as Rust, its lines as they are.
fn literal(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    if text.contains('\n') { format!("\"\\\n{text}\"") } else { format!("\"{text}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONSOLE: &str = include_str!("../../../src/recipes/console.rs");
    const RAPTOR: &str = include_str!("../../../src/recipes/raptor.rs");

    #[test]
    fn supplies_are_added_where_the_recipe_needs_them() {
        let with_role = added(CONSOLE, "console", &role("billing_ro", "0045")).unwrap();
        assert!(with_role.contains("use model::supply::{Role, Row};"));
        assert!(
            with_role.contains(
                "-> Result<()> {\n    steps.create_role(&BILLING_RO)?;\n    steps.upgrade("
            )
        );
        assert!(with_role.contains("CREATE ROLE billing_ro NOLOGIN;"));
        let lookup = Lookup {
            table: "accounts".to_owned(),
            conditions: vec![("name".to_owned(), "a \"b\"".to_owned())],
            after: "0030".to_owned(),
        };
        let line = row(&lookup, "0031", "INSERT INTO accounts", "SELECT 1");
        let with_row = added(RAPTOR, "raptor", &line).unwrap();
        let calls = "    steps.upgrade(\"0030\", \"pre-seed\")?;\n    steps.seed(&ACCOUNTS_A__B_)?;\n    steps.round_trip()";
        assert!(with_row.contains(calls), "{with_row}");
        assert!(with_row.contains("name: \"accounts row a \\\"b\\\"\","), "{with_row}");
        // A constant that exists is only used.
        let bare = RAPTOR.replace("    steps.create_role(&RAPTOR_APP)?;\n", "");
        assert_eq!(added(&bare, "raptor", &role("raptor_app", "0002")).unwrap(), RAPTOR);
    }

    #[test]
    fn a_role_of_any_name_is_quoted() {
        assert!(
            create("Ops'")
                .contains("rolname = 'Ops''') THEN\n        CREATE ROLE \"Ops'\" NOLOGIN")
        );
    }
}
