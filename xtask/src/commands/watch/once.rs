//! One run of a watching gate: on what is ready for the revision that was saved, where nothing else
//! has changed, or from the beginning.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use anyhow::{Result, bail};
use camino::{Utf8Path, Utf8PathBuf};

use super::ahead::{Ahead, Beginning, Begun};
use super::warm::Warm;
use crate::commands::gate::Run;
use crate::commands::known::prefix::Prefixes;
use crate::commands::prepare::{Prepared, Ready};
use crate::drivers::alembic::Description;
use crate::drivers::interrupt::Interrupt;
use crate::flags::Gate;
use model::event::{Event, Tell};
use model::graph::Graph;
use model::report::{Postgres, Report};
use model::step::Status;
use model::tree::Tree;

/// What a run is asked for.
pub(super) struct Task<'a> {
    pub(super) flags: &'a Gate,
    pub(super) root: &'a Utf8Path,
    /// All trees, and which of them are gated.
    pub(super) trees: &'a [Tree],
    pub(super) todo: &'a BTreeSet<usize>,
    /// Whether everything is run, whatever is known.
    pub(super) whole: bool,
    pub(super) interrupt: &'a Interrupt,
    pub(super) tell: Tell<'a>,
    /// Is told the graphs that the lints read.
    pub(super) known: &'a (dyn Fn(usize, &Graph) + Sync),
    /// Whether a change of a file would be noticed.
    pub(super) watched: &'a (dyn Fn(&Utf8Path) -> bool + Sync),
}

/// The report of a run, and how to open the databases that it left.
pub(super) type Ran = (Report, Vec<(usize, String)>);

/// On what a run begins: its trees, and how far each has come.
type Ground = (Vec<Ready<'static>>, super::warm::Used);

impl Warm {
    /// Forgets what a change of files makes worthless. Each comes with the trees that it concerns.
    pub(super) fn forget(&mut self, changed: &[(Utf8PathBuf, Vec<usize>)]) {
        self.ahead.retain(|ahead| ahead.stands(changed));
    }

    /// A run over some trees, on a server that no run has used.
    pub(super) fn gate(&mut self, task: &Task<'_>) -> Ran {
        let started = std::time::Instant::now();
        self.keep_surveyed();
        let chosen: Vec<usize> = task.todo.iter().copied().collect();
        let trees: Vec<Tree> = chosen.iter().map(|index| task.trees[*index].clone()).collect();
        let surveys = OnceLock::new();
        let scripts = Arc::clone(&self.scripts);
        let run = |prefixes| Run {
            flags: task.flags,
            root: task.root,
            trees: &trees,
            without: &[],
            surveys: Some(&surveys),
            scripts: Some(&scripts),
            in_repository: true,
            alone: false,
            reuse: None,
            prefixes,
            parts: Mutex::default(),
            seen: Mutex::default(),
            interrupt: task.interrupt,
            tell: task.tell,
        };
        let (mut report, opened) = thread::scope(|scope| {
            scope.spawn(|| tell_graphs(&run(None), &chosen, task.known));
            if let Some(ground) = self.ground(task, &chosen) {
                match self.on_known_ground(&run(None), &chosen, ground) {
                    Ok(ran) => return ran,
                    Err(why) => {
                        let again = format!("everything is run again: {why:#}");
                        (task.tell)(Event::Reuse(&again));
                    }
                }
            }
            self.whole(task, &run(Some(Prefixes::taken())), &chosen)
        });
        report.elapsed = started.elapsed();
        // Not before somebody has the answer.
        let surveys = surveys.into_inner().and_then(Result::ok).into_iter().flatten();
        self.surveyed = surveys.map(|(index, survey)| (trees[index].id.clone(), survey)).collect();
        (report, opened)
    }

    /// What is ready for these trees.
    fn ground(&mut self, task: &Task<'_>, chosen: &[usize]) -> Option<Ground> {
        if task.whole {
            return None;
        }
        let ahead = self.ahead.iter_mut().find(|ahead| ahead.has(chosen))?;
        match ahead.spare.take()?.take() {
            Ok(standing) => {
                for begun in ahead.beginning.trees.iter().filter(|b| chosen.contains(&b.index)) {
                    let (label, at) = (&task.trees[begun.index].label, begun.prefix.at.join(", "));
                    (task.tell)(Event::Reuse(&format!("{label} is known up to {at}")));
                }
                let (mut ready, used, idle) =
                    standing.hand_out(&ahead.beginning, chosen, task.interrupt);
                self.idle = idle;
                for ready in &mut ready {
                    ready.did = self.did.get(&chosen[ready.index]).cloned().unwrap_or_default();
                }
                Some((ready, used))
            }
            Err(err) => {
                (task.tell)(Event::Reuse(&format!("a known beginning is of no use: {err:#}")));
                self.ahead.retain(|ahead| !ahead.has(chosen));
                None
            }
        }
    }

    /// Runs what comes after the known beginnings. Fails where that is not all that is to be run.
    fn on_known_ground(&mut self, run: &Run<'_>, chosen: &[usize], ground: Ground) -> Result<Ran> {
        let stay: Vec<(usize, Option<Description>)> = (ground.0.iter())
            .filter(|ready| ready.stays_below)
            .map(|ready| (ready.index, ready.graph().map(|(_, graph)| graph)))
            .collect();
        let ran = self.attempt(run, chosen, |_, _| Ok(ground))?;
        if stay.iter().any(|(index, graph)| run.stairs(*index, graph.as_ref()).is_some()) {
            bail!("there is a stairway now");
        }
        Ok(ran)
    }

    /// Runs everything, and remembers the beginning for the next run.
    fn whole(&mut self, task: &Task<'_>, run: &Run<'_>, chosen: &[usize]) -> Ran {
        let mut described = Vec::new();
        let ran = self.attempt(run, chosen, |warm, run| {
            let used = warm.take_spare()?;
            let ready = warm.ready(run, chosen, &used)?;
            if let Some(prefixes) = &run.prefixes {
                prefixes.invite(run, &ready);
            }
            described.extend(ready.iter().filter_map(Ready::graph));
            Ok((ready, used))
        });
        // Nothing was known, so nothing can come as a surprise.
        let (report, opened) = ran.unwrap_or_default();
        if !report.interrupted {
            match beginning(run, &described, task.watched) {
                Ok(Some(beginning)) => self.remember(beginning, chosen),
                Ok(None) => {}
                Err(why) => (run.tell)(Event::Reuse(&format!("the beginning is not kept: {why}"))),
            }
        }
        (report, opened)
    }

    fn remember(&mut self, mut beginning: Beginning, chosen: &[usize]) {
        for begun in &mut beginning.trees {
            begun.index = chosen[begun.index];
        }
        let trees = beginning.trees.iter().map(|begun| begun.index);
        let trees: Vec<usize> = trees.collect();
        self.ahead.retain(|ahead| !trees.iter().any(|tree| ahead.has(&[*tree])));
        self.ahead.push(Ahead { beginning: Arc::new(beginning), spare: None });
    }

    /// Runs on this ground. Fails where what is known of it does not explain what came of it.
    fn attempt(
        &mut self,
        run: &Run<'_>,
        chosen: &[usize],
        ground: impl FnOnce(&mut Warm, &Run<'_>) -> Result<Ground>,
    ) -> Result<Ran> {
        let (mut described, mut surprise) = (Vec::new(), None);
        let (mut report, _) = run.over(|report| {
            let (trees, used) = ground(self, run)?;
            report.postgres = Some(Postgres {
                version: used.server.version().to_owned(),
                source: used.server.source(),
            });
            described.extend(trees.iter().filter_map(Ready::graph));
            let mut prepared = Prepared { trees, interpreters: Vec::new() };
            // Where nobody climbed, the lints need not be waited for.
            if !prepared.trees.iter().all(|ready| ready.stays_below) {
                run.prepare_elsewhere(&mut prepared, &used.scratch)?;
            }
            let ran = run.run_trees(&used.server, prepared, report);
            surprise = ran.surprise;
            self.before = self.last.replace(used);
            Ok(Vec::new())
        });
        if let Some(surprise) = surprise {
            return Err(surprise);
        }
        for (tree, report) in chosen.iter().zip(&report.trees) {
            if report.steps.iter().all(|step| step.status == Status::Passed) {
                self.did.insert(*tree, report.sql.clone());
            }
        }
        run.add_surveys(&described, &mut report);
        let opened = self.last.as_ref().filter(|_| !report.interrupted).map(|used| {
            let psql = |tree: &Tree| used.server.endpoint().psql(&tree.database);
            chosen.iter().copied().zip(run.trees.iter().map(psql)).collect()
        });
        Ok((report, opened.unwrap_or_default()))
    }
}

fn tell_graphs(run: &Run<'_>, chosen: &[usize], known: &dyn Fn(usize, &Graph)) {
    if let Some(Ok(surveys)) = run.surveys() {
        for (index, survey) in surveys {
            known(chosen[*index], &survey.graph);
        }
    }
}

/// What a run came to right before the heads of its trees, by their index in it. Fails where more
/// than what is watched may have made it.
fn beginning(
    run: &Run<'_>,
    described: &[(usize, Description)],
    watched: &dyn Fn(&Utf8Path) -> bool,
) -> Result<Option<Beginning>, String> {
    let Some(prefixes) = &run.prefixes else { return Ok(None) };
    let Some((data, trees)) = prefixes.copied(run, described)? else { return Ok(None) };
    run.see(|seen| {
        if seen.used.told != seen.used.calls {
            return Err("a call of Alembic did not say what it read".to_owned());
        }
        if let Some(doubt) = seen.used.doubts.first() {
            return Err(format!("the migrations reach further than files ({doubt})"));
        }
        let read = seen.used.files.iter().chain(&seen.used.folders);
        match read.into_iter().find(|file| !watched(file)) {
            Some(file) => Err(format!("{file} is not watched")),
            None => Ok(()),
        }
    })?;
    let graph = |index: usize| described.iter().find(|(known, _)| *known == index);
    let begun = trees.into_iter().filter_map(|(index, prefix)| {
        let graph = graph(index)?.1.clone();
        let climbs = run.stairs(index, Some(&graph)).is_some();
        let new_head = run.is_new_head(index, &graph.heads);
        Some(Begun { index, prefix, graph, climbs, new_head, seen: OnceLock::new() })
    });
    Ok(Some(Beginning { data, trees: begun.collect() }))
}
