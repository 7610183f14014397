//! Options of a tree in its own ini: the section `[migration-gate]`, and the database URLs of its other
//! sections.

use std::collections::BTreeMap;

use super::ini::Ini;
use model::files::Texts;
use model::template::Template;

/// The section with the options of an `--ini` tree.
const SECTION: &str = "migration-gate";
/// The options: those of the command line, with `_` for `-`, and some of the ini alone.
const KNOWN: [&str; 12] = [
    "before",
    "cwd",
    "driver",
    "irreversible",
    "name",
    "postgres",
    "root",
    "set_env",
    "strict_models",
    "target",
    "url_env",
    "x",
];
/// The prefix of `before.REVISION`.
const BEFORE: &str = "before.";
/// The option that SQLAlchemy takes a URL from.
const URL: &str = "sqlalchemy.url";

/// The options that an ini gives: each with its values, one a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options(BTreeMap<String, Vec<String>>);

impl Options {
    /// Reads the section `[migration-gate]` of an ini and `[tool.migration-gate]` of a
    /// `pyproject.toml`; the ini wins. `Err` names the option that is unknown or cannot be read.
    pub fn read(texts: &Texts) -> Result<Options, String> {
        let mut options = BTreeMap::new();
        if let Some((folder, text)) = &texts.pyproject {
            options.extend(of_toml(text, folder.as_str())?);
        }
        if let Some((folder, text)) = &texts.ini {
            options.extend(of_ini(text, folder.as_str())?);
        }
        let is_known = |key: &str| KNOWN.contains(&key) || key.starts_with(BEFORE);
        match options.keys().find(|key| !is_known(key)) {
            Some(key) => {
                Err(format!("`[{SECTION}]` has no option `{key}`; it has {}", KNOWN.join(", ")))
            }
            None => Ok(Options(options)),
        }
    }

    /// All values of an option.
    pub fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The supply files, each with the revision that needs it; `None`: the first.
    pub fn before(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        let before = self.0.iter().filter_map(|(key, files)| match key.strip_prefix(BEFORE) {
            None if key == "before" => Some((None, files)),
            revision => Some((Some(revision?), files)),
        });
        before.flat_map(|(revision, files)| files.iter().map(move |file| (revision, file.as_str())))
    }

    /// The one value of an option. `Err` for several values, and for an option without any.
    pub fn one(&self, name: &str) -> Result<Option<&str>, String> {
        match self.0.get(name).map(Vec::as_slice) {
            None => Ok(None),
            Some([value]) => Ok(Some(value)),
            Some([]) => Err(format!("`[{SECTION}]` has no value for `{name}`")),
            Some(_) => {
                Err(format!("`[{SECTION}]` has several values for `{name}`, which takes one"))
            }
        }
    }
}

fn of_ini(text: &str, here: &str) -> Result<BTreeMap<String, Vec<String>>, String> {
    let ini = Ini::parse(text);
    let value = |name: &str| {
        let value =
            ini.get(SECTION, name, &[("here", here)]).map_err(|err| format!("the ini's {err}"))?;
        let lines = value.unwrap_or_default();
        let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
        Ok((name.to_owned(), lines.map(str::to_owned).collect()))
    };
    ini.options(SECTION).map(value).collect()
}

fn of_toml(text: &str, here: &str) -> Result<BTreeMap<String, Vec<String>>, String> {
    // The reader of the settings reports invalid TOML.
    let whole = text.parse::<toml::Table>().unwrap_or_default();
    let table =
        whole.get("tool").and_then(|tool| tool.get(SECTION)).and_then(toml::Value::as_table);
    let text = |value: &toml::Value| match value {
        toml::Value::String(text) => Some(text.replace("%(here)s", here)),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    };
    let values = |name: &str, value: &toml::Value| -> Result<(String, Vec<String>), String> {
        let values = match value {
            toml::Value::Array(list) => list.iter().map(text).collect(),
            value => text(value).map(|text| vec![text]),
        };
        let no_text = || {
            format!(
                "`{name}` in `[tool.{SECTION}]` is neither a text, a number or a flag, nor a list of those"
            )
        };
        Ok((name.to_owned(), values.ok_or_else(no_text)?))
    };
    let mut options = BTreeMap::new();
    for (name, value) in table.into_iter().flatten() {
        match value.as_table().filter(|_| name == "before") {
            // In the table `before`, a revision's number is a key of its own.
            Some(each) => {
                for (revision, value) in each {
                    options.extend([values(&format!("{BEFORE}{revision}"), value)?]);
                }
            }
            None => options.extend([values(name, value)?]),
        }
    }
    Ok(options)
}

/// The databases of an ini.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Urls {
    /// The driver that the URL of the main section names.
    pub driver: Option<String>,
    /// The other sections that have a URL, each with its replacement: a database of its own for
    /// each section that `databases` lists, as in Alembic's multidb template, else the tree's own.
    pub sections: Vec<(String, Template)>,
}

/// Reads the database URLs of an ini whose main section is `section`.
pub fn urls(texts: &Texts, section: &str) -> Urls {
    let Some((folder, text)) = &texts.ini else { return Urls::default() };
    let (ini, here) = (Ini::parse(text), folder.as_str());
    let get = |section: &str, name: &str| ini.get(section, name, &[("here", here)]).ok().flatten();
    let databases = get(section, "databases").unwrap_or_default();
    let databases: Vec<&str> = databases.split(',').map(str::trim).collect();
    let has_url = |other: &&str| {
        ![section, "DEFAULT"].contains(other) && ini.options(other).any(|option| option == URL)
    };
    let url_of = |other: &str| {
        let of_its_own = databases.contains(&other).then(|| format!("{{url:{other}}}"));
        let template = of_its_own.and_then(|text| Template::parse(&text).ok());
        (other.to_owned(), template.unwrap_or_else(Template::url))
    };
    let url = get(section, URL).or_else(|| get(databases[0], URL)).unwrap_or_default();
    let dialect = url.split_once("://").map_or("", |(dialect, _)| dialect);
    let driver = dialect.split_once('+').map(|(_, driver)| driver.to_owned());
    Urls { driver, sections: ini.sections().filter(has_url).map(url_of).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(ini: &str, toml: &str) -> Texts {
        Texts { ini: Some(("/h".into(), ini.into())), pyproject: Some(("/h".into(), toml.into())) }
    }

    #[track_caller]
    fn check(ini: &str, toml: &str, name: &str, expected: Result<&[&str], &str>) {
        let found = Options::read(&texts(ini, toml)).map(|options| options.all(name).to_vec());
        let expected = expected.map(|values| values.iter().map(|v| (*v).to_owned()).collect());
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn options_of_both_files_are_read_a_value_a_line() {
        let ini = "[migration-gate]\nset_env =\n  A={url}\n  B={host}\n";
        check(ini, "", "set_env", Ok(&["A={url}", "B={host}"]));
        check("[migration-gate]\nroot = %(here)s/..\n", "", "root", Ok(&["/h/.."]));
        let toml = "[tool.migration-gate]\nx = [\"a=1\", \"b=2\"]\ndriver = \"psycopg\"\n";
        check("", toml, "x", Ok(&["a=1", "b=2"]));
        check("[migration-gate]\ndriver = asyncpg\n", toml, "driver", Ok(&["asyncpg"]));
        check("", "", "driver", Ok(&[]));
    }

    #[test]
    fn files_are_supplied_before_a_revision_or_before_all() {
        let ini = "[migration-gate]\nbefore =\n  a.sql\n  b.sql\nbefore.0016 = c.sql\n";
        let toml = "[tool.migration-gate.before]\n0016 = \"c.sql\"\nab12 = [\"d.sql\"]\n";
        let of = |ini, toml| {
            let options = Options::read(&texts(ini, toml)).unwrap_or_default();
            options.before().map(|(at, file)| format!("{at:?} {file}")).collect::<Vec<_>>()
        };
        assert_eq!(of(ini, ""), ["None a.sql", "None b.sql", "Some(\"0016\") c.sql"]);
        assert_eq!(of("", toml), ["Some(\"0016\") c.sql", "Some(\"ab12\") d.sql"]);
    }

    #[test]
    fn unknown_option_is_an_error() {
        let known = "before, cwd, driver, irreversible, name, postgres, root, set_env, strict_models, target, url_env, x";
        let unknown = format!("`[migration-gate]` has no option `set-env`; it has {known}");
        check("[migration-gate]\nset-env = A=b\n", "", "x", Err(&unknown));
        let number = "`x` in `[tool.migration-gate]` is neither a text, a number or a flag, nor a list of those";
        check("", "[tool.migration-gate]\nx = 1.5\n", "x", Err(number));
        check("", "[tool.migration-gate]\npostgres = 17\n", "postgres", Ok(&["17"]));
        let several = Options::read(&texts("[migration-gate]\ndriver =\n  a\n  b\n", ""));
        assert!(several.is_ok_and(|several| several.one("driver").is_err()));
        let empty = Options::read(&texts("[migration-gate]\nirreversible =\n", ""));
        assert!(empty.is_ok_and(|empty| empty.one("irreversible").is_err()));
    }

    #[test]
    fn each_section_with_a_url_gets_one_of_the_gates() {
        let ini = "[alembic]\ndatabases = one, two\n[one]\nsqlalchemy.url = postgresql+psycopg://u@h/d\n\
                   [two]\nsqlalchemy.url = x\n[dev]\nsqlalchemy.url = y\n[loggers]\nkeys = root\n";
        let urls = urls(&texts(ini, ""), "alembic");
        let named = |text: &str| Template::parse(text).unwrap_or_else(|_| Template::url());
        let expected = [("dev", "{url}"), ("one", "{url:one}"), ("two", "{url:two}")];
        assert_eq!(urls.driver.as_deref(), Some("psycopg"));
        assert_eq!(urls.sections, expected.map(|(name, text)| (name.to_owned(), named(text))));
    }
}
