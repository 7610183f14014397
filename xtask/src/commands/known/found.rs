//! A known beginning that a run found: what its server can be started on, and what it then stands for.

use anyhow::{Context, Result, bail};

use super::prefix::{Listed, discard};
use super::told::Told;
use crate::commands::gate::Run;
use crate::commands::prepare::Ready;
use crate::drivers::postgres::cluster::Cluster;
use crate::drivers::postgres::resting::Resting;
use crate::drivers::postgres::session::Session;
use crate::drivers::postgres::snapshot::Watch;
use crate::drivers::postgres::{Server, aside};
use crate::recipes::prefix::Prefix;
use model::event::{Event, timed};
use model::tree::Tree;

/// What a server can be started on.
pub(in crate::commands) struct Found {
    pub(super) data: Resting,
    pub(super) listed: Listed,
    pub(super) told: Told,
    pub(super) trees: Vec<(usize, Prefix)>,
}

impl Found {
    /// The data folder.
    pub(in crate::commands) fn data(&self) -> &Resting {
        &self.data
    }

    /// Fails unless these programs made it and each database stands where it must.
    pub(in crate::commands) fn check(&self, run: &Run<'_>, cluster: &Cluster) -> Result<()> {
        let binaries = run.see(|seen| seen.binaries.last().cloned());
        if binaries != self.listed.binaries {
            bail!("another Postgres made it");
        }
        for (index, prefix) in self.trees.iter().filter(|(index, _)| !run.is_known(*index)) {
            let database = &run.trees[*index].database;
            let mut session = Session::open(&cluster.endpoint, database, run.interrupt)?;
            if session.alembic_version(&prefix.table)? != prefix.at {
                bail!("{database} does not stand at {}", prefix.at.join(", "));
            }
        }
        Ok(())
    }

    /// Copies the database of a tree whose new head comes right after what is known: on the copy it is
    /// tried with rows. Whether it was.
    pub(in crate::commands) fn copy_ahead(
        &self,
        run: &Run<'_>,
        index: usize,
        (server, watch): (&Server, &mut Watch<'_>),
    ) -> bool {
        let Some((_, prefix)) = self.trees.iter().find(|(known, _)| *known == index) else {
            return false;
        };
        let Some(survey) = run.survey(index) else { return false };
        let [head] = survey.graph.heads.as_slice() else { return false };
        let head = &survey.graph.revisions[*head];
        let mut parents = head.down_revision.clone();
        parents.sort();
        if !head.new || parents != prefix.at || run.stairs(index, None).is_some() {
            return false;
        }
        // A role cannot be dropped while a copy needs it.
        let script = survey.scripts.iter().find(|script| script.file == head.file);
        if script.is_none_or(|script| aside::changes_roles(script.module.source())) {
            return false;
        }
        let Tree { label, database, .. } = &run.trees[index];
        let aside = aside::database(database);
        let copy = || server.copy_watched(&aside, (watch, database), run.interrupt);
        timed(run.tell, label, "copying the database", copy).is_ok()
    }

    /// Gives each tree its beginning. Fails where one is not the beginning of its chain.
    pub(in crate::commands) fn hand_out(
        self,
        run: &Run<'_>,
        ready: &mut [Ready<'_>],
    ) -> Result<()> {
        for (index, prefix) in self.trees.into_iter().filter(|(index, _)| !run.is_known(*index)) {
            let tree = ready.iter_mut().find(|ready| ready.index == index);
            let tree = tree.context("a tree cannot be run")?;
            let (_, graph) = tree.graph().context("Alembic cannot read the revisions")?;
            if !prefix.begins(&graph) {
                bail!("the chain begins in another way");
            }
            let (label, at) = (&run.trees[index].label, prefix.at.join(", "));
            (run.tell)(Event::Reuse(&format!("{label} is known up to {at}")));
            if let Ok((alembic, _)) = &mut tree.alembic {
                alembic.version_table.clone_from(&prefix.table);
            }
            tree.prefix = Some(prefix);
        }
        let Told { files, folders, apart, .. } = self.told;
        run.see(|seen| {
            seen.used.files.extend(files);
            seen.used.folders.extend(folders);
            seen.is_mixed |= !apart;
        });
        if let Some(prefixes) = &run.prefixes {
            let stands_on = (self.listed.proved, self.listed.data);
            prefixes.stands_on(stands_on);
        }
        Ok(())
    }

    /// Forgets what turned out to be of no use.
    pub(in crate::commands) fn discard(&self, run: &Run<'_>) {
        if let Some(cache) = &run.reuse {
            discard(cache, &self.listed.data);
        }
    }
}
