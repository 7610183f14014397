//! Faults of env.py around the revisions, and of Alembic's own bookkeeping.

use super::case::{Case, Named, type_name};
use model::code;
use model::transcript::{Exception, Transcript};

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

/// The hint for an error about a setting that env.py or one of its imports raises before any
/// statement runs. The error is recognised by the type of the exception, or by a name, an argument
/// or a `None` in the message. Any other exception is a fault of env.py.
pub fn not_told(said: &Transcript) -> Option<String> {
    const WANTS: [&str; 6] = [
        "KeyError",
        "ValidationError",
        "UndefinedValueError",
        "EnvError",
        "EnvNotSetError",
        "ImproperlyConfigured",
    ];
    let headline = said.headline()?;
    let in_alembic = headline.raised_in.starts_with("alembic.");
    let is_early = said.revisions.is_empty() && said.statements.is_empty() && !in_alembic;
    let message = &headline.message;
    let is_none = message.contains("NoneType") || message.contains("got None");
    let wants = WANTS.contains(&type_name(headline));
    let names = named_setting(message).is_some_and(|name| name.contains('_'));
    let is_setting = wants || is_none || names || message.contains("-x ") || is_option(headline);
    (is_early && is_setting && !said.frames.is_empty())
        .then(|| format!("{headline}\nhint: {}", hint_for(said, message)))
}

/// configparser's message for a value that is not text, such as that of a missing variable.
fn is_option(headline: &Exception) -> bool {
    type_name(headline) == "TypeError" && headline.message.contains("option values must be strings")
}

/// The first word of a message that is written as a variable.
fn named_setting(message: &str) -> Option<&str> {
    let is_name = |word: &&str| {
        word.len() > 2
            && word.starts_with(|c: char| c.is_ascii_uppercase())
            && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    message.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).find(is_name)
}

/// The option that gives env.py the missing setting.
fn hint_for(said: &Transcript, message: &str) -> String {
    let missing = missing_fields(message);
    if !missing.is_empty() {
        let each = missing.iter().map(|name| format!("\n  --set-env {name}=VALUE"));
        return format!(
            "tell it these, each name after the settings' own prefix; a VALUE that belongs to the database is \
             made of {{host}}, {{port}}, {{user}}, {{password}}, {{database}}:{}",
            each.collect::<String>()
        );
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let whole = message.trim().trim_matches(['\'', '"']);
    let name = match whole.chars().all(is_word) && !whole.is_empty() {
        true => Some(whole),
        false => named_setting(message),
    };
    let source = said.frames.last().and_then(|frame| frame.source.as_deref()).unwrap_or_default();
    let of_x = source.contains("get_x_argument")
        || message.contains("-x ")
        || name.is_some_and(|name| name.chars().any(|c| c.is_ascii_lowercase()));
    let made_of = "a value, or one made of {url}, {host}, {port}, {user}, {password}, {database}";
    let shown = name.unwrap_or("NAME");
    match (of_x, name) {
        (true, _) => format!(
            "tell it with `-x {shown}=VALUE`, where it is an argument of `alembic -x`, else with \
             `--set-env {shown}=VALUE`: {made_of}"
        ),
        (false, Some(_)) => format!("tell it with `--set-env {shown}=VALUE`: {made_of}"),
        (false, None) => format!(
            "where it lacks a setting, tell it with `--set-env NAME=VALUE`: {made_of}; where it takes the \
             URL apart, or wants a host in it, with `--set-env \
             'DATABASE_URL=postgresql://{{user}}:{{password}}@{{host}}:{{port}}/{{database}}'`"
        ),
    }
}

/// The variables of the fields that pydantic misses: it names each field in the line above `Field
/// required`.
fn missing_fields(message: &str) -> Vec<String> {
    let lines = message.lines().zip(message.lines().skip(1));
    let missing = lines.filter(|(_, said)| said.trim_start().starts_with("Field required"));
    missing.map(|(field, _)| field.trim().replace('.', "__").to_uppercase()).collect()
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
