//! One Alembic migration tree, and the two that the monorepo holds.

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};

/// The section of an ini that configures Alembic where none is named.
pub const DEFAULT_SECTION: &str = "alembic";

/// Which recipe a tree is run by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipeName {
    /// Two-phase upgrade around the seed row.
    Console,
    /// Role bootstrap, then the round trip.
    Raptor,
    /// Nothing supplied: any other tree.
    Plain,
}

impl RecipeName {
    /// The file that it is written in; none is written for a tree that needs nothing.
    pub fn file(self) -> Option<&'static str> {
        match self {
            RecipeName::Console => Some("xtask/src/recipes/console.rs"),
            RecipeName::Raptor => Some("xtask/src/recipes/raptor.rs"),
            RecipeName::Plain => None,
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
    /// The lock file that names what its Python needs, absolute.
    pub requirements: Utf8PathBuf,
    /// The environment variable through which its env.py takes the URL.
    pub url_env: String,
    /// The SQLAlchemy driver to name in the URL; `None`: the first that its Python has.
    pub driver: Option<String>,
    /// Whether `sqlalchemy.url` is set in the config as well: not for our own trees, which run
    /// as deployment runs them.
    pub sets_config_url: bool,
    /// What it needs, in order.
    pub recipe: RecipeName,
}

impl Tree {
    /// The Console tree of the monorepo at `root` (contract, 'Words').
    pub fn console(root: &Utf8Path) -> Tree {
        Tree {
            id: "console".into(),
            label: "Console".into(),
            database: "console_ci".into(),
            cwd: root.join("console"),
            ini: "migrations/alembic.ini".into(),
            section: DEFAULT_SECTION.into(),
            requirements: root.join("console/requirements.txt"),
            url_env: "DATABASE_URL".into(),
            driver: None,
            sets_config_url: false,
            recipe: RecipeName::Console,
        }
    }

    /// The Raptor tree of the monorepo at `root` (contract, 'Words').
    pub fn raptor(root: &Utf8Path) -> Tree {
        Tree {
            id: "raptor".into(),
            label: "Raptor".into(),
            database: "raptor_ci".into(),
            cwd: root.join("backend_v2"),
            ini: "alembic.ini".into(),
            section: DEFAULT_SECTION.into(),
            requirements: root.join("backend_v2/requirements.txt"),
            url_env: "DATABASE_URL".into(),
            driver: None,
            sets_config_url: false,
            recipe: RecipeName::Raptor,
        }
    }

    /// Any other tree, from its ini. Its label is the name of the ini's folder, and it runs there
    /// unless `cwd` says otherwise; without an interpreter of its own it runs in Console's
    /// environment. Fails where the ini cannot be read.
    pub fn plain(
        root: &Utf8Path,
        ini: &Utf8Path,
        section: &str,
        cwd: Option<&Utf8Path>,
    ) -> Result<Tree> {
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
            requirements: root.join("console/requirements.txt"),
            url_env: "DATABASE_URL".into(),
            driver: None,
            sets_config_url: true,
            recipe: RecipeName::Plain,
        })
    }

    /// The ini, absolute.
    pub fn ini_path(&self) -> Utf8PathBuf {
        self.cwd.join(&self.ini)
    }

    /// The words with which Alembic is told what configures it.
    pub fn alembic_options(&self) -> Vec<String> {
        let mut words = vec!["-c".to_owned(), self.ini.to_string()];
        if self.section != DEFAULT_SECTION {
            words.extend(["-n".to_owned(), self.section.clone()]);
        }
        words
    }

    /// The folder that the ini lies in, absolute where it is not below `cwd`.
    pub fn ini_folder(&self) -> &Utf8Path {
        self.ini.parent().unwrap_or(&self.cwd)
    }
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
    use super::database_name;

    #[test]
    fn a_database_name_needs_no_quotes() {
        assert_eq!(database_name("Müller Söhne"), "m_ller_s_hne_ci");
        assert_eq!(database_name(&"x".repeat(100)).len(), 63);
    }
}
