//! Target of a tree's Alembic calls: the tree, and the databases that they reach.

use crate::os::process::quote;
use crate::postgres::endpoint::Endpoint;
use model::redact::{hide, redact};
use model::tree::Tree;

/// Target of a tree's Alembic calls.
pub(super) struct CallTarget {
    pub(super) tree: Tree,
    pub(super) endpoint: Endpoint,
    pub(super) driver: String,
    /// The database of the calls that follow, and those beside it.
    pub(super) databases: Vec<String>,
    /// The password in the URL, as it is typed.
    password: Option<String>,
}

impl CallTarget {
    pub(super) fn new(tree: &Tree, endpoint: &Endpoint, driver: String) -> CallTarget {
        CallTarget {
            tree: tree.clone(),
            databases: tree.databases_for(&tree.database),
            endpoint: endpoint.clone(),
            driver,
            password: endpoint.password(),
        }
    }

    pub(super) fn database(&self) -> &str {
        self.databases.first().map_or(&self.tree.database, |database| database)
    }

    /// The URL of a database.
    pub(super) fn url(&self, database: &str) -> String {
        self.endpoint.sqlalchemy_url(&self.driver, database)
    }

    /// A text without the password: a migration may print its environment.
    pub(super) fn without_password(&self, text: &str) -> String {
        redact(&hide(text, self.password.as_deref())).into_owned()
    }

    /// The variables that env.py reads, as a shell takes them, without the password.
    pub(super) fn told(&self) -> String {
        let url = |database: &str| self.url(database);
        let told = self.tree.env_for(&self.endpoint.address(&self.driver, &url), self.database());
        let set = |(name, value): &(&str, String)| {
            format!("{name}={}", quote(&self.without_password(value)))
        };
        told.iter().map(set).collect::<Vec<_>>().join(" ")
    }

    /// The words after `alembic`.
    pub(super) fn argv(&self, op: &str, revision: Option<&str>) -> Vec<String> {
        let url = |database: &str| self.url(database);
        let address = self.endpoint.address(&self.driver, &url);
        let mut argv = self.tree.alembic_options(|x| x.expand(&address, self.database()));
        argv.push(if op == "describe" { "heads" } else { op }.to_owned());
        argv.extend(revision.map(str::to_owned));
        argv
    }

    /// The call as one would type it.
    pub(super) fn typed(&self, op: &str, revision: Option<&str>) -> String {
        let words = self.argv(op, revision);
        let words: Vec<String> =
            words.iter().map(|word| quote(&self.without_password(word))).collect();
        format!("alembic {}", words.join(" "))
    }
}
