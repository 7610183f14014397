//! End of a run: servers are stopped, or left as `--keep` asks, with the commands to go on by hand.

use anyhow::Result;
use camino::Utf8Path;

use super::context::GateContext;
use super::ran::RunOutcome;
use super::setup::{PreparedRun, Servers};
use crate::os::process::{quote, quote_all};
use crate::postgres::hosted::Hosted;
use crate::postgres::server::Server;
use model::report::Report;
use model::tree::Tree;

impl GateContext<'_> {
    /// The commands that run an Alembic call again.
    pub(super) fn by_hand(
        &self,
        tree: &Tree,
        python: &Utf8Path,
        told: &str,
        command: &str,
    ) -> Vec<String> {
        let cwd = tree.cwd.strip_prefix(self.root).unwrap_or(&tree.cwd);
        let at = if cwd == "" { String::new() } else { format!("cd {} && ", quote(cwd.as_str())) };
        let python = quote(python.as_str());
        if self.flags.keep {
            return vec![format!("{at}{told} {python} -m {command}")];
        }
        let names: Vec<&str> = tree.env.iter().map(|(name, _)| name.as_str()).collect();
        let which = self.flags.which.words(std::slice::from_ref(&tree.id));
        let which = quote_all(which.into_iter().chain(self.flags.env_py.words()));
        vec![
            format!("{} {which} --keep   # prints {}", model::called::gate(), names.join(", ")),
            format!("{at}{}=… {python} -m {command}", names.join("=… ")),
        ]
    }

    /// Stops the servers of the run, or leaves the databases and says how to reach and remove them.
    pub fn tear_down(
        &self,
        stage: &PreparedRun,
        ran: &mut RunOutcome,
        report: &mut Report,
    ) -> Result<Vec<u32>> {
        let keep = self.flags.keep && !report.interrupted;
        if let (Servers::External(server), false) = (&stage.servers, keep)
            && let Server::External(given) = &**server
        {
            let left = given.clean_up();
            report.notes.extend(left.into_iter().map(|what| format!("left on the server: {what}")));
        }
        if !keep {
            ran.trees.iter_mut().for_each(|tree| tree.left.hosted.clear());
            return Ok(Vec::new());
        }
        self.keep(stage, ran, report)
    }

    /// Leaves the databases, and says how to reach and how to remove them.
    pub fn keep(
        &self,
        stage: &PreparedRun,
        ran: &mut RunOutcome,
        report: &mut Report,
    ) -> Result<Vec<u32>> {
        let mut lines = vec!["kept, as --keep asks:".to_owned()];
        let (mut removals, mut pids) = (Vec::new(), Vec::new());
        for tree_ran in &mut ran.trees {
            let tree = &self.trees[tree_ran.index];
            if let Some(told) = tree_ran.started.as_ref().map(|started| &started.told) {
                let own = tree_ran.left.hosted.last().map(|hosted| &hosted.server);
                let server = match (&stage.servers, own) {
                    (Servers::External(server), _) => Some(&**server),
                    (Servers::Own(_), own) => own,
                };
                if let Some(server) = server {
                    let databases = tree.databases_for(&tree.database).into_iter();
                    lines.extend(databases.map(|d| format!("  {}", server.endpoint().psql(&d))));
                    lines.push(format!("  {told}"));
                    if tree.wants_host() && own.is_some() {
                        let psql = server.endpoint().psql(&tree.database);
                        lines.push(format!(
                            "  its password is not shown; to set another: {psql} \
                             -c \"ALTER ROLE postgres PASSWORD '…'\""
                        ));
                    }
                }
            }
            for Hosted { server, mut scratch } in tree_ran.left.hosted.drain(..) {
                if let Server::Local(cluster) = server {
                    scratch.keep()?;
                    if let Some(command) = stage.way_into_network(cluster.pid()) {
                        lines.push(format!("  its host is in a network of its own: {command}"));
                    }
                    removals.push(cluster.removal());
                    pids.push(cluster.pid());
                    cluster.keep();
                }
            }
        }
        if let Servers::External(server) = &stage.servers
            && let Server::External(given) = &**server
        {
            given.keep();
            lines.push("to remove it all, run the gate again without --keep".to_owned());
        } else {
            lines.push(format!("to remove it all:\n  {}", removals.join("; ")));
        }
        report.notes.push(lines.join("\n"));
        Ok(pids)
    }
}
