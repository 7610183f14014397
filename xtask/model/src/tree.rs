//! Tree of Alembic migrations.

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};

use super::supply::Script;
use super::template::{Address, Template, extra_database};

/// The variable from which env.py reads the URL by default.
pub const DEFAULT_URL_ENV: &str = "DATABASE_URL";
/// The section of an ini that configures Alembic where none is named.
pub const DEFAULT_SECTION: &str = "alembic";

/// Number of heads that a tree is meant to have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// One: `alembic upgrade head`.
    #[default]
    Head,
    /// One a base: `alembic upgrade heads`.
    Heads,
}

impl Target {
    /// The argument for Alembic.
    pub fn word(self) -> &'static str {
        match self {
            Target::Head => "head",
            Target::Heads => "heads",
        }
    }
}

/// One Alembic migration tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// The name on the command line and in reports: `console`.
    pub id: String,
    /// The name in step names: `Console`.
    pub label: String,
    /// The database that the gate creates for it: `console_ci`.
    pub database: String,
    /// The folder where Alembic runs, absolute.
    pub cwd: Utf8PathBuf,
    /// The ini as Alembic is given it: relative to `cwd` where it lies below, else absolute.
    pub ini: Utf8PathBuf,
    /// The section of the ini that configures Alembic.
    pub section: String,
    /// The lock file of its Python packages, absolute; `None`: it runs in its project's own Python.
    pub requirements: Option<Utf8PathBuf>,
    /// The variables that its env.py reads.
    pub env: Vec<(String, Template)>,
    /// The URLs of further sections of its ini.
    pub section_urls: Vec<(String, Template)>,
    /// The values that env.py gets as from `alembic -x`.
    pub x_args: Vec<Template>,
    /// The number of heads that it is meant to have.
    pub target: Target,
    /// The SQLAlchemy driver to name in the URL; `None`: the driver of the ini, else the first that
    /// its Python has.
    pub driver: Option<String>,
    /// Why revisions without a way back have none, where the tree's settings say so for all.
    pub irreversible: Option<String>,
    /// Whether models that differ from its migrations are an error.
    pub strict_models: bool,
    /// The driver in the ini's own URL.
    pub ini_driver: Option<String>,
    /// Whether `sqlalchemy.url` is also set in the config: not for our own trees, which run as in
    /// deployment.
    pub sets_config_url: bool,
    /// The id of its recipe; `None`: the plain one.
    pub recipe: Option<&'static str>,
    /// The supplies of its own settings.
    pub scripts: Vec<Script>,
}

impl Tree {
    /// A tree with the defaults of all trees, to be filled in.
    pub fn bare() -> Tree {
        Tree {
            id: String::new(),
            label: String::new(),
            database: String::new(),
            cwd: Utf8PathBuf::new(),
            ini: Utf8PathBuf::new(),
            section: DEFAULT_SECTION.into(),
            requirements: None,
            env: vec![(DEFAULT_URL_ENV.into(), Template::url())],
            section_urls: Vec::new(),
            x_args: Vec::new(),
            target: Target::Head,
            driver: None,
            irreversible: None,
            strict_models: false,
            ini_driver: None,
            sets_config_url: false,
            recipe: None,
            scripts: Vec::new(),
        }
    }

    /// Any other tree, from its ini. Its label is the name of the ini's folder, and it runs there
    /// unless `cwd` names another folder. Fails where the ini cannot be read.
    pub fn plain(ini: &Utf8Path, section: &str, cwd: Option<&Utf8Path>) -> Result<Tree> {
        let ini = canonical(ini)?;
        let folder = ini.parent().context("name an ini file, not the root folder")?.to_owned();
        let cwd = cwd.map(canonical).transpose()?.unwrap_or_else(|| folder.clone());
        let label = folder.file_name().unwrap_or("tree").to_owned();
        Ok(Tree {
            id: label.clone(),
            database: database_name(&label),
            label,
            ini: ini.strip_prefix(&cwd).map(Utf8Path::to_owned).unwrap_or(ini),
            section: section.to_owned(),
            cwd,
            sets_config_url: true,
            ..Tree::bare()
        })
    }

    /// The file of its recipe; the plain one has none to add to.
    pub fn recipe_file(&self) -> Option<String> {
        self.recipe.map(|id| format!("xtask/src/recipes/{id}.rs"))
    }

    /// The ini, absolute.
    pub fn ini_path(&self) -> Utf8PathBuf {
        self.cwd.join(&self.ini)
    }

    /// The gate's arguments for this tree.
    pub fn arguments(&self) -> Vec<String> {
        if !self.sets_config_url {
            return vec![self.id.clone()];
        }
        let ini = self.ini_path();
        let mut words = vec!["--ini".to_owned(), ini.to_string()];
        if self.section != DEFAULT_SECTION {
            words.extend(["--name".to_owned(), self.section.clone()]);
        }
        if ini.parent() != Some(&self.cwd) {
            words.extend(["--cwd".to_owned(), self.cwd.to_string()]);
        }
        words
    }

    /// Alembic's arguments that choose the configuration; `text` gives the written form of a
    /// template.
    pub fn alembic_options(&self, text: impl Fn(&Template) -> String) -> Vec<String> {
        let mut words = vec!["-c".to_owned(), self.ini.to_string()];
        if self.section != DEFAULT_SECTION {
            words.extend(["-n".to_owned(), self.section.clone()]);
        }
        words.extend(self.x_args.iter().flat_map(|argument| ["-x".to_owned(), text(argument)]));
        words
    }

    /// The driver to name in the URL, of those that its Python has; `None`: its Python has none.
    pub fn choose_driver(&self, installed: &[String]) -> Option<String> {
        let of_ini = self.ini_driver.as_ref().filter(|driver| installed.contains(driver));
        self.driver.as_ref().or(of_ini).or(installed.first()).cloned()
    }

    /// The variables that env.py reads, for a call on this database.
    pub fn env_for(&self, address: &Address<'_>, database: &str) -> Vec<(&str, String)> {
        expand(&self.env, address, database)
    }

    /// The URLs of the ini's further sections, for a call on this database.
    pub fn section_urls_for(&self, address: &Address<'_>, database: &str) -> Vec<(&str, String)> {
        expand(&self.section_urls, address, database)
    }

    /// The databases of a call on this one: itself, and the further ones of its templates.
    pub fn databases_for(&self, database: &str) -> Vec<String> {
        let templates = self.env.iter().chain(&self.section_urls).map(|(_, template)| template);
        let templates = templates.chain(&self.x_args);
        let mut databases = vec![database.to_owned()];
        for name in templates.flat_map(Template::extras) {
            let name = extra_database(database, name);
            if !databases.contains(&name) {
                databases.push(name);
            }
        }
        databases
    }

    /// Whether its env.py wants a host and a port, and cannot take a socket.
    pub fn wants_host(&self) -> bool {
        let templates = self.env.iter().map(|(_, template)| template);
        templates.chain(&self.x_args).any(Template::wants_host)
    }

    /// The folder of the ini, absolute if outside `cwd`.
    pub fn ini_folder(&self) -> &Utf8Path {
        self.ini.parent().unwrap_or(&self.cwd)
    }
}

fn expand<'t>(
    templates: &'t [(String, Template)],
    address: &Address<'_>,
    database: &str,
) -> Vec<(&'t str, String)> {
    let pairs = templates.iter();
    pairs.map(|(name, template)| (name.as_str(), template.expand(address, database))).collect()
}

fn canonical(path: &Utf8Path) -> Result<Utf8PathBuf> {
    path.canonicalize_utf8().with_context(|| format!("cannot read `{path}`"))
}

/// A database name in lower-case letters, digits and `_`, within Postgres's 63 bytes.
fn database_name(label: &str) -> String {
    let plain: String = label
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
        .take(60)
        .collect();
    format!("{plain}_ci")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn driver_is_named_else_of_ini_else_first_installed() {
        let (named, ini) = (Some("asyncpg".to_owned()), Some("psycopg".to_owned()));
        let tree = |driver: &Option<String>| Tree {
            driver: driver.clone(),
            ini_driver: ini.clone(),
            ..Tree::bare()
        };
        let installed =
            |drivers: &[&str]| drivers.iter().map(|d| (*d).to_owned()).collect::<Vec<_>>();
        let chosen = |driver, drivers| tree(driver).choose_driver(&installed(drivers));
        assert_eq!(chosen(&named, &["psycopg2"]), named);
        assert_eq!(chosen(&None, &["psycopg2", "psycopg"]), ini);
        assert_eq!(chosen(&None, &["psycopg2"]).as_deref(), Some("psycopg2"));
        assert_eq!(chosen(&None, &[]), None);
    }

    #[test]
    fn a_copy_has_copies_of_the_further_databases_beside_it() {
        let template = |text: &str| Template::parse(text).unwrap_or_else(|_| Template::url());
        let env = [("A", "{url:main}"), ("B", "{database:stats}"), ("C", "{database:main}")];
        let env = env.map(|(name, text)| (name.to_owned(), template(text))).to_vec();
        let tree = Tree { env, ..Tree::bare() };
        assert_eq!(tree.databases_for("x"), ["x", "x_main", "x_stats"]);
        assert_eq!(tree.databases_for("y"), ["y", "y_main", "y_stats"]);
    }

    #[test]
    fn a_database_name_needs_no_quotes() {
        assert_eq!(database_name("Müller Söhne"), "m_ller_s_hne_ci");
        assert_eq!(database_name(&"x".repeat(100)).len(), 63);
    }
}
