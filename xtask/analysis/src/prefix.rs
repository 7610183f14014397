//! Whether what stands above the beginning of a chain could tell that the beginning was not run now:
//! what in its SQL and its Python reaches past the database and the files that are known.
//!
//! Words alone are looked at, wherever they stand, and each of them is enough: what is doubted
//! wrongly is run again, and nothing else.

/// What reaches past the databases of the server, or does not outlive a server that stops at once.
const FAR: &[&str] = &[
    "dblink",
    "postgres_fdw",
    "program",
    "pg_read_file",
    "pg_read_binary_file",
    "pg_ls_dir",
    "pg_stat_file",
    "lo_import",
    "lo_export",
    "tablespace",
    "subscription",
    "plpython3u",
    "plperlu",
    "unlogged",
];
/// What belongs to a connection: the revisions after it meet it on the same one.
const OF_CONNECTION: &[&str] = &[
    "set_config",
    "pg_advisory_lock",
    "pg_advisory_lock_shared",
    "pg_try_advisory_lock",
    "pg_try_advisory_lock_shared",
    "temp",
    "temporary",
    "pg_temp",
];
/// The same, where a statement begins with it.
const BEGINS: &[&str] =
    &["set", "reset", "discard", "prepare", "declare", "listen", "load", "copy"];
/// After `SET`: what lasts for its transaction alone.
const OF_TRANSACTION: &[&str] = &["local", "constraints", "transaction"];
/// Two words that reach past the database.
const PAIRS: &[(&str, &str)] = &[
    ("alter", "system"),
    ("create", "database"),
    ("alter", "database"),
    ("drop", "database"),
    ("language", "c"),
];
/// Python that finds what it runs or reads while it runs.
const FOUND_LATE: &[&str] = &[
    "__import__",
    "importlib",
    "import_module",
    "runpy",
    "exec(",
    "eval(",
    "listdir(",
    "scandir(",
    "iterdir(",
    "walk(",
    "glob(",
    "rglob(",
    "putenv(",
];

/// The word of a statement of the beginning that leaves a doubt.
pub fn doubt_in_sql(sql: &str) -> Option<String> {
    let sql = sql.to_ascii_lowercase();
    let words = words(&sql);
    let next = |at: usize| words.get(at + 1).map_or("", |word| word.text);
    words.iter().enumerate().find_map(|(at, word)| {
        let text = word.text;
        if FAR.contains(&text) || OF_CONNECTION.contains(&text) || text.starts_with("dblink_") {
            return Some(text.to_owned());
        }
        let lasts = text != "set" || !OF_TRANSACTION.contains(&next(at));
        if word.begins && BEGINS.contains(&text) && lasts {
            return Some(format!("{text} {}", next(at)));
        }
        let pair = (text, next(at));
        PAIRS.contains(&pair).then(|| format!("{} {}", pair.0, pair.1))
    })
}

/// What in a Python file leaves a doubt: what it runs or reads is found while it runs, or it leaves
/// something to the revisions after it in their common process.
pub fn doubt_in_python(text: &str) -> Option<&str> {
    let late = FOUND_LATE.iter().find(|word| stands_in(text, word)).copied();
    late.or_else(|| {
        text.lines().map(str::trim).find(|line| {
            let sets = |rest: &str| {
                let after = rest.split_once(']').map(|(_, after)| after.trim_start());
                after.is_some_and(|after| after.starts_with('=') && !after.starts_with("=="))
            };
            line.starts_with("global ")
                || line.split_once("environ[").is_some_and(|(_, rest)| sets(rest))
        })
    })
}

/// The line that imports one of these modules, by the last part of their names.
pub fn imports_one_of<'t, 'm>(
    text: &'t str,
    mut modules: impl Iterator<Item = &'m str>,
) -> Option<&'t str> {
    let lines = text.lines().map(str::trim);
    let imports: Vec<&str> =
        lines.filter(|line| line.starts_with("import ") || line.starts_with("from ")).collect();
    modules.find_map(|module| imports.iter().find(|line| stands_in(line, module)).copied())
}

/// A word of SQL.
struct Word<'a> {
    text: &'a str,
    /// Whether a statement may begin with it, in the text itself or in a string of it.
    begins: bool,
}

fn words(sql: &str) -> Vec<Word<'_>> {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let opens = ["begin", "then", "else", "loop", "do"];
    let (mut words, mut begins, mut rest) = (Vec::<Word<'_>>::new(), true, sql);
    while let Some(start) = rest.find(part) {
        begins |= rest[..start].contains([';', '\'', '$', '/', '-']);
        let word = &rest[start..];
        let end = word.find(|c| !part(c)).unwrap_or(word.len());
        words.push(Word { text: &word[..end], begins });
        begins = opens.contains(&&word[..end]);
        rest = &word[end..];
    }
    words
}

/// Whether it stands there with nothing before it that would make another name of it.
fn stands_in(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::{doubt_in_python, doubt_in_sql, imports_one_of};

    #[track_caller]
    fn sql(text: &str, expected: Option<&str>) {
        assert_eq!(doubt_in_sql(text).as_deref(), expected, "{text}");
    }

    #[test]
    fn what_stays_in_the_database_is_no_doubt() {
        sql("UPDATE orders SET note = 'x' WHERE note IS NULL", None);
        sql("ALTER TABLE orders ALTER COLUMN status SET DEFAULT 'draft'", None);
        sql("SET LOCAL lock_timeout = '2s'", None);
        sql("SET CONSTRAINTS ALL DEFERRED", None);
        sql("CREATE ROLE reader NOLOGIN; GRANT SELECT ON orders TO reader", None);
        sql(
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path = '' AS $$SELECT 1$$",
            None,
        );
        sql("CREATE TABLE templates (loaded int, programs int)", None);
    }

    #[test]
    fn what_reaches_further_is() {
        sql("SET ROLE owner", Some("set role"));
        sql("SELECT 1;\n  set search_path = x", Some("set search_path"));
        sql("DO $$BEGIN SET search_path = x; END$$", Some("set search_path"));
        sql("DO $$BEGIN EXECUTE 'RESET ALL'; END$$", Some("reset all"));
        sql("SELECT set_config('search_path', 'x', false)", Some("set_config"));
        sql("CREATE TEMP TABLE t (i int)", Some("temp"));
        sql("COPY t FROM '/etc/passwd'", Some("copy t"));
        sql("SELECT dblink_exec('dbname=x', 'y')", Some("dblink_exec"));
        sql("ALTER SYSTEM SET work_mem = '1MB'", Some("alter system"));
        sql("CREATE UNLOGGED TABLE t (i int)", Some("unlogged"));
        sql("/* why */ SET ROLE owner", Some("set role"));
    }

    #[test]
    fn python_that_finds_its_way_while_it_runs_is_doubted() {
        assert_eq!(doubt_in_python("url = os.environ['URL']\nx = os.environ.get('y')\n"), None);
        assert_eq!(doubt_in_python("retrieval(1)\nscan_glob = 2\n"), None);
        assert_eq!(doubt_in_python("os.environ['X'] == 'y'\n"), None);
        assert_eq!(doubt_in_python("  os.environ['X'] = 'y'\n"), Some("os.environ['X'] = 'y'"));
        assert_eq!(doubt_in_python("import importlib\n"), Some("importlib"));
        let line = "from versions.d4_x import NAME";
        assert_eq!(imports_one_of(&format!("x = 1\n{line}\n"), ["d4_x"].into_iter()), Some(line));
        assert_eq!(imports_one_of("from beside import d4\n# d4_x\n", ["d4_x"].into_iter()), None);
        assert_eq!(doubt_in_python("def f():\n    global n\n"), Some("global n"));
        assert_eq!(doubt_in_python("exec(open('x').read())\n"), Some("exec("));
    }
}
