//! Version tables: env.py may keep several, in other schemas and in databases beside the tree's.

use std::collections::BTreeSet;

use anyhow::Result;

use super::context::TreeRun;
use crate::postgres::schema::SchemaReader;
use model::start::VersionTable;

impl TreeRun<'_> {
    /// Name and contents of the first version table that does not hold what is expected, else of the
    /// last one.
    pub(super) fn alembic_version(
        &self,
        expected: Option<&[String]>,
    ) -> Result<(String, Vec<String>)> {
        let mut all =
            self.version_tables(&self.context.tree.database, &mut self.reader.borrow_mut())?;
        let differs = all.iter().position(|(_, found)| expected != Some(found.as_slice()));
        let at = differs.unwrap_or(all.len().saturating_sub(1));
        Ok(all.swap_remove(at))
    }

    /// The contents of all version tables of another database and of those beside it.
    pub(super) fn version_at(
        &self,
        database: &str,
        watch: &mut SchemaReader<'_>,
    ) -> Result<Vec<String>> {
        let all = self.version_tables(database, watch)?;
        let together: BTreeSet<String> = all.into_iter().flat_map(|(_, found)| found).collect();
        Ok(together.into_iter().collect())
    }

    /// The names of all version tables: none is given made-up rows.
    pub(super) fn names_of_version_tables(&self) -> BTreeSet<String> {
        self.alembic.names_of_version_tables()
    }

    /// The database that the last call came to, where the tree has several.
    pub(super) fn last_database(&self) -> Option<String> {
        let (beside, _) = self.alembic.version_tables.last()?;
        self.name_of_database(*beside)
    }

    /// One of the tree's databases, where it has several.
    pub(super) fn name_of_database(&self, index: usize) -> Option<String> {
        let mut databases = self.context.tree.databases_for(&self.context.tree.database);
        (databases.len() > 1 && index < databases.len()).then(|| databases.swap_remove(index))
    }

    fn version_tables(
        &self,
        database: &str,
        watch: &mut SchemaReader<'_>,
    ) -> Result<Vec<(String, Vec<String>)>> {
        let databases = self.context.tree.databases_for(database);
        let mut read = |(beside, table): &(usize, VersionTable)| -> Result<(String, Vec<String>)> {
            let name = table.schema.iter().chain([&table.name]).cloned().collect::<Vec<_>>();
            let name = name.join(".");
            let Some(other) = databases.get(*beside).filter(|_| *beside > 0) else {
                return Ok((name, watch.ask(|session| session.alembic_version(table))?));
            };
            let mut session = self.context.session(other)?;
            Ok((format!("{name} of database {other}"), session.alembic_version(table)?))
        };
        let told = &self.alembic.version_tables;
        let usual = [(0, self.alembic.version_table.clone())];
        if told.is_empty() { &usual[..] } else { told }.iter().map(&mut read).collect()
    }
}
