//! Faults of env.py around the revisions, and of Alembic's own bookkeeping.

use super::case::{Case, Named, type_name};
use model::code;
use model::transcript::Transcript;

/// Ways to run a statement on a connection.
const RUNS: [&str; 4] = [".execute(", ".exec_driver_sql(", ".scalar(", ".scalars("];

/// A statement on the version table: the one with a column `version_num`.
pub(super) fn not_stored(case: &Case<'_>) -> Option<Named> {
    let writes = ["INSERT", "UPDATE", "DELETE"].iter().any(|verb| case.verb().starts_with(verb));
    let sql = case.said.statement.as_deref().unwrap_or_default();
    let revision = case.said.revision.as_ref()?;
    // 25P02: the revision swallowed the error of a statement of its own.
    let is_own = case.sqlstate.is_empty() || case.sqlstate == "25P02";
    if is_own || !writes || !sql.contains("version_num") {
        return None;
    }
    let id = &revision.id;
    let message = match case.sqlstate {
        "22001" => {
            format!("`{id}` has {} characters, the version column fewer", id.chars().count())
        }
        _ => format!("Alembic cannot store revision {id}"),
    };
    Some((&code::NOT_STORED, format!("{message}: {}", case.headline)))
}

/// `autocommit_block()` asserts that Alembic has a transaction of its own.
pub(super) fn not_committed(case: &Case<'_>) -> Option<Named> {
    let bare = type_name(case.headline) == "AssertionError" && case.headline.message.is_empty();
    let in_alembic = case.headline.raised_in == "alembic.runtime.migration";
    (bare && in_alembic).then(|| {
        let message = "`autocommit_block()` finds no transaction of Alembic's own";
        (&code::NOT_COMMITTED, message.to_owned())
    })
}

/// SQLAlchemy's async engine was given a driver that is not.
pub(super) fn driver_is_not_async(case: &Case<'_>) -> Option<Named> {
    let is_it =
        case.raised("InvalidRequestError") && case.headline.message.contains("is not async");
    is_it.then(|| {
        let message = format!(
            "{}\nhint: `--driver` names an async driver that its Python has: asyncpg, or psycopg",
            case.headline
        );
        (&code::ENV_FAILED, message)
    })
}

/// Flask-Migrate's env.py, which `flask db` runs within the application.
pub(super) fn outside_of_application(case: &Case<'_>) -> Option<Named> {
    let message = &case.headline.message;
    let is_it = case.raised("RuntimeError") && message.contains("outside of application context");
    is_it.then(|| {
        let first = message.lines().next().unwrap_or_default();
        let hint = "write `create_app().app_context().push()` at the top of env.py, with the \
                    application's own factory or its `app`; the README's table 'How env.py gets its \
                    URL' has the rest";
        (&code::ENV_FAILED, format!("RuntimeError: {first}\nhint: {hint}"))
    })
}

/// A file of the checkout is opened to be written, by a log handler for instance.
pub(super) fn not_writable(case: &Case<'_>) -> Option<Named> {
    let message = &case.headline.message;
    let in_checkout = message.contains(case.known.root.as_str());
    let read_only = case.raised("OSError") && message.contains("Read-only file system");
    let denied = case.raised("PermissionError") && in_checkout;
    if read_only || denied { case.is(&code::NOT_WRITABLE) } else { None }
}

/// What to do where env.py, or what it imports, complains of a setting before any statement runs.
pub fn not_told(said: &Transcript) -> Option<String> {
    let headline = said.headline()?;
    let wants =
        ["KeyError", "ValidationError", "UndefinedValueError", "EnvError", "ImproperlyConfigured"];
    let in_alembic = headline.raised_in.starts_with("alembic.");
    if said.revision.is_some() || !said.statements.is_empty() || in_alembic {
        return None;
    }
    if !wants.contains(&type_name(headline)) {
        return None;
    }
    let missing = missing_fields(&headline.message);
    if !missing.is_empty() {
        let each = missing.iter().map(|name| format!("--set-env {name}=VALUE"));
        let each = each.collect::<Vec<_>>().join(" ");
        return Some(format!(
            "{headline}\nhint: tell it with `{each}`, each name after the settings' own prefix; what \
             belongs to the database is made of {{host}}, {{database}} and the like"
        ));
    }
    let name = headline.message.trim().trim_matches(['\'', '"']);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = if !name.is_empty() && name.chars().all(is_word) { name } else { "NAME" };
    let source = said.frames.last().and_then(|frame| frame.source.as_deref()).unwrap_or_default();
    let of_x = source.contains("get_x_argument") || name.chars().any(|c| c.is_ascii_lowercase());
    let hint = match of_x {
        true => format!(
            "`-x {name}=VALUE`, where it is an argument of `alembic -x`, else `--set-env {name}=TEMPLATE`"
        ),
        false => format!("`--set-env {name}=TEMPLATE`, such as `--set-env {name}={{url}}`"),
    };
    Some(format!("{headline}\nhint: tell it with {hint}"))
}

/// The variables of the fields that pydantic misses: it names each in a line above the one that says so.
fn missing_fields(message: &str) -> Vec<String> {
    let lines = message.lines().zip(message.lines().skip(1));
    let missing = lines.filter(|(_, said)| said.trim_start().starts_with("Field required"));
    missing.map(|(field, _)| field.trim().replace('.', "__").to_uppercase()).collect()
}

/// The line of env.py, from 1, that begins a transaction before `context.configure()` and the text of
/// the line; `None`: it commits what it began.
pub fn uncommitted(env_py: &str) -> Option<(u32, &str)> {
    let mut begun = None;
    for (line, number) in env_py.lines().zip(1..) {
        let code = line.split('#').next().unwrap_or_default();
        if code.contains(".configure(") {
            if begun.is_some() {
                return begun;
            }
        } else if code.contains(".commit()") || code.trim_start().starts_with("def ") {
            begun = None;
        } else if RUNS.iter().any(|call| code.contains(call)) && begun.is_none() {
            begun = Some((number, line));
        }
    }
    None
}

/// The line of `revision = …`, from 1.
pub fn line_of_revision(text: &str) -> Option<u32> {
    let is_it = |line: &str| {
        let rest = line.strip_prefix("revision").map(str::trim_start);
        rest.is_some_and(|rest| rest.starts_with(['=', ':']))
    };
    text.lines().zip(1..).find(|(line, _)| is_it(line)).map(|(_, number)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(env_py: &str, expected: Option<u32>) {
        assert_eq!(uncommitted(env_py).map(|(line, _)| line), expected, "{env_py}");
    }

    #[test]
    fn a_statement_before_configure_that_nobody_commits_is_found() {
        let (set, configure) = ("    c.execute(text('SET x'))\n", "    context.configure(c)\n");
        check(&format!("def run():\n{set}{configure}"), Some(2));
        check(&format!("{set}    c.commit()\n{configure}"), None);
        check(&format!("{configure}{set}"), None);
        check(&format!("    # c.execute(text('SET x'))\n{configure}"), None);
        check(&format!("def other():\n{set}\ndef run():\n{configure}"), None);
    }

    #[test]
    fn the_line_of_a_revision_is_found() {
        assert_eq!(line_of_revision("\"\"\"x\"\"\"\nrevision: str = 'a'\n"), Some(2));
        assert_eq!(line_of_revision("revisions = 1\nrevision='a'\n"), Some(2));
        assert_eq!(line_of_revision("down_revision = None\n"), None);
    }

    #[test]
    fn pydantic_names_the_fields_that_it_misses() {
        let said = "2 validation errors for Settings\nsecret_key\n  Field required [type=missing, \
                    input_value={}, input_type=dict]\n    For further information visit x\n\
                    database.host\n  Field required [type=missing]\nport\n  Input should be a number";
        assert_eq!(missing_fields(said), ["SECRET_KEY", "DATABASE__HOST"]);
        assert!(missing_fields("secret_key").is_empty());
    }
}
