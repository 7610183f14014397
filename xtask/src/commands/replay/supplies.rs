//! `replay --supplies`: the revisions that need each supply of the recipes.
//!
//! A tree goes up its chain once, with all that it is supplied. Before each revision, every supply in
//! turn is taken out of a copy of the database: a revision whose upgrade fails there needs it.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use camino::Utf8Path;

use crate::alembic::{Alembic, Description, Limits};
use crate::flags::Gate;
use crate::gate::context::GateContext;
use crate::gate::selection;
use crate::gate::setup::{Environment, PreparedRun, Servers};
use crate::os::interrupt::{Interrupt, Interrupted};
use crate::os::process;
use crate::postgres::server::Server;
use crate::postgres::session::{Session, identifier};
use crate::recipes;
use crate::steps::supplies::Supplies;
use model::event::{Event, Tell};
use model::replay::{SupplyUse, SupplyUses};
use model::supply::{Role, Row, SupplyChange};
use model::tree::Tree;

/// Tries the supplies of the monorepo's trees. An error is part of the result.
pub fn run(flags: &Gate, interrupt: &Interrupt, tell: Tell<'_>) -> SupplyUses {
    let started = Instant::now();
    process::adopt_orphans();
    let mut uses = SupplyUses::default();
    let root = selection::root(flags.which.repository.root.as_deref());
    if let Err(err) = root.and_then(|root| all(flags, &root, &mut uses, interrupt, tell)) {
        match err.is::<Interrupted>() {
            true => uses.interrupted = true,
            false => uses.sick.push(format!("{err:#}")),
        }
    }
    process::end_strays();
    uses.elapsed = started.elapsed();
    uses
}

fn all(
    flags: &Gate,
    root: &Utf8Path,
    uses: &mut SupplyUses,
    interrupt: &Interrupt,
    tell: Tell<'_>,
) -> Result<()> {
    let trees = recipes::trees(root);
    let run = GateContext::new(flags, root, &trees, interrupt, tell);
    let indexes: Vec<usize> = (0..trees.len()).collect();
    let (programs, pythons) = (run.programs()?, run.find_pythons(&indexes)?);
    let stage = run.set_up(&indexes, programs, pythons, Some(1))?;
    for (index, tree) in trees.iter().enumerate() {
        let supplies = recipes::supplies(tree, SupplyChange::default());
        let python = stage.python(index).context("the tree has no interpreter")?;
        let Servers::Own(factory) = &stage.servers else { bail!("the server was given") };
        let hosted = factory.start(None, (None, false), interrupt, tell)?;
        let endpoint = hosted.server.endpoint();
        let mut alembic = stage.alembic(Environment::Here, (python, tree), endpoint, interrupt)?;
        let graph = run.read_tree(tree, &mut alembic)?.map_err(|said| {
            let why = said.headline().map(ToString::to_string).unwrap_or_default();
            anyhow::anyhow!("cannot read the revisions of {}: {why}", tree.label)
        })?;
        let mut climb =
            SupplyTrial { run: &run, stage: &stage, tree, server: &hosted.server, alembic };
        uses.supplies.extend(climb.uses(&supplies, &graph)?);
        climb.stage.give_back(Environment::Here, python, climb.alembic);
    }
    Ok(())
}

/// A tree on its way up, with a supply left out.
struct SupplyTrial<'a> {
    run: &'a GateContext<'a>,
    stage: &'a PreparedRun,
    tree: &'a Tree,
    server: &'a Server,
    alembic: Alembic,
}

/// A supply, as it is taken out.
#[derive(Clone, Copy)]
enum RemovedSupply<'a> {
    Role(&'a Role),
    Row(&'a Row),
}

impl SupplyTrial<'_> {
    fn uses(&mut self, supplies: &Supplies, graph: &Description) -> Result<Vec<SupplyUse>> {
        let (tree, ladder) = (self.tree, self.tree.database.clone());
        let (interrupt, trial) = (self.run.interrupt, format!("{ladder}_without"));
        self.server.copy_all(tree, &ladder, None, interrupt)?;
        let mut present: Vec<(RemovedSupply<'_>, SupplyUse)> = Vec::new();
        let used = |name: &str| SupplyUse {
            tree: tree.id.clone(),
            label: tree.label.clone(),
            name: name.to_owned(),
            needed_by: Vec::new(),
        };
        for role in &supplies.roles {
            self.server.supply_role(role, &ladder, self.run.timeout(), interrupt)?;
            present.push((RemovedSupply::Role(role), used(role.name)));
        }
        for revision in graph.revisions.iter().rev().map(|revision| &revision.revision) {
            for (out, used) in &mut present {
                let label = &tree.label;
                let what = format!("{label}: {revision} without {}", used.name);
                (self.run.tell)(Event::Replaying { id: label, what: &what });
                self.server.copy_all(tree, &trial, Some(&ladder), interrupt)?;
                self.take(*out, &trial, true)?;
                if self.upgrade(revision, &trial)?.is_some() {
                    used.needed_by.push(revision.clone());
                }
                self.server.drop_all(tree, &trial, interrupt)?;
                self.take(*out, &trial, false)?;
            }
            if let Some(why) = self.upgrade(revision, &ladder)? {
                bail!("{} fails at {revision} with all that is supplied: {why}", tree.label);
            }
            for (_, row) in supplies.rows.iter().filter(|(at, _)| at.as_ref() == Some(revision)) {
                Session::open(self.server.endpoint(), &ladder, interrupt)?.execute(row.insert)?;
                present.push((RemovedSupply::Row(row), used(row.name)));
            }
        }
        Ok(present.into_iter().map(|(_, used)| used).collect())
    }

    /// Takes a supply out of a copy, or restores the state that all databases share.
    fn take(&self, what: RemovedSupply<'_>, trial: &str, out: bool) -> Result<()> {
        let endpoint = self.server.endpoint();
        let maintenance = endpoint.maintenance_database();
        let (database, sql) = match (what, out) {
            (RemovedSupply::Row(_), false) => return Ok(()),
            (RemovedSupply::Row(row), true) => {
                let from = row.exists.strip_prefix("SELECT 1 ").with_context(|| {
                    format!(
                        "cannot take out the {}: its `exists` is no `SELECT 1 FROM …`",
                        row.name
                    )
                })?;
                // References to the row are not checked.
                (trial, format!("SET session_replication_role = replica; DELETE {from}"))
            }
            (RemovedSupply::Role(role), out) => {
                let (name, aside) =
                    (identifier(role.name), identifier(&format!("{} taken out", role.name)));
                let (from, to) = if out { (name, aside) } else { (aside, name) };
                (maintenance, format!("ALTER ROLE {from} RENAME TO {to}"))
            }
        };
        Session::open(endpoint, database, self.run.interrupt)?.execute(&sql)
    }

    /// Takes a database up to a revision; why that failed.
    fn upgrade(&mut self, revision: &str, database: &str) -> Result<Option<String>> {
        let limits = Limits::of(self.run.timeout());
        self.alembic.use_database(database);
        let (said, _) = self.alembic.upgrade(revision, false, &limits)?;
        let why = || said.headline().map_or("it did not end".to_owned(), ToString::to_string);
        Ok((!said.ok()).then(why))
    }
}
