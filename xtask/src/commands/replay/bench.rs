//! Bench on which incidents are replayed: the shared parts, and one replay.

use std::fs;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use camino::{Utf8Path, Utf8PathBuf};
use nix::unistd::User;

use super::pythons::{self, CurrentTree};
use crate::alembic::Description;
use crate::commands::replay::repository::ReplayRepo;
use crate::flags::Gate;
use crate::gate::context::{GateContext, RunSettings};
use crate::gate::ran::RunOutcome;
use crate::gate::setup::PreparedRun;
use crate::os::cache_dir;
use crate::os::copy;
use crate::os::interrupt::{Interrupt, Interrupted};
use crate::os::run_dir::RunDir;
use crate::postgres::cluster;
use crate::recipes;
use crate::remedies;
use analysis::fix;
use analysis::replay as compare;
use model::code;
use model::event::{Event, Tell};
use model::finding::Finding;
use model::incident::{Incident, Options, State};
use model::mutant::{Judged, Mutant};
use model::replay::Replayed;
use model::report::{Report, Verdict};
use model::supply::SupplyChange;
use model::tree::Tree;

/// Workbench of the replays: the parts that all of them share. Dropped from the first field to the
/// last: the sockets before the interpreters, the interpreters before their folder.
pub(super) struct ReplayBench<'a> {
    flags: &'a Gate,
    root: &'a Utf8Path,
    interrupt: &'a Interrupt,
    tell: Tell<'a>,
    /// The user that servers run as, where that is not the caller.
    user: Option<User>,
    trees: Vec<CurrentTree>,
    /// The clusters that `--keep` leaves.
    held: Mutex<Vec<RunningReplay>>,
    stage: PreparedRun,
    _cache: Option<fs::File>,
}

/// A broken tree with its running servers, held until all replays are done.
struct RunningReplay {
    id: String,
    tree: Tree,
    ran: RunOutcome,
    /// The folder that the tree lies in.
    scratch: RunDir,
}

/// Result of one run of a replay.
struct ReplayRun {
    /// The report, with the lints' findings beside those of the steps.
    report: Report,
    /// The lints' findings.
    lints: Vec<Finding>,
}

/// How long remedies of one broken tree are tried.
const REMEDIES: Duration = Duration::from_secs(60);

/// Which of an incident's two runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Broken,
    Fixed,
}

impl<'a> ReplayBench<'a> {
    /// Makes the shared parts. `runs` is the number of runs of a tree.
    pub(super) fn make(
        flags: &'a Gate,
        root: &'a Utf8Path,
        runs: &dyn Fn(&str) -> usize,
        interrupt: &'a Interrupt,
        tell: Tell<'a>,
    ) -> Result<ReplayBench<'a>> {
        let cache = cache_dir::hold();
        let user = cluster::server_user()?;
        let (stage, trees) = pythons::start(flags, root, runs, (interrupt, tell))?;
        let held = Mutex::default();
        Ok(ReplayBench { flags, root, interrupt, tell, user, trees, held, stage, _cache: cache })
    }

    /// Runs the gate over the broken tree and over the fixed one. Fails only where the replay was
    /// interrupted; every other error is a difference.
    pub(super) fn replay(&self, incident: &Incident) -> Result<Replayed> {
        let started = Instant::now();
        let mut replayed = Replayed {
            incident: incident.clone(),
            observed: None,
            reproduced: false,
            fixed: false,
            verified: None,
            differences: Vec::new(),
            elapsed: Duration::ZERO,
        };
        match self.gate(incident, Phase::Broken) {
            Ok(ReplayRun { report, .. }) => {
                let (observed, differences) = compare::of_broken(&incident.expect, &report);
                replayed.observed = observed;
                replayed.verified = verified(&report);
                replayed.reproduced = differences.is_empty();
                replayed.differences = differences;
            }
            Err(err) if err.is::<Interrupted>() => return Err(err),
            Err(err) => replayed.differences.push(format!("broken: {err:#}")),
        }
        match self.gate(incident, Phase::Fixed) {
            Ok(ReplayRun { report, .. }) => {
                let why = compare::of_fixed(&report);
                replayed.fixed = why.is_empty();
                replayed.differences.extend(why);
            }
            Err(err) if err.is::<Interrupted>() => return Err(err),
            Err(err) => replayed.differences.push(format!("fixed: {err:#}")),
        }
        replayed.elapsed = started.elapsed();
        Ok(replayed)
    }

    /// Runs the gate over a mutant. Fails only where it was interrupted.
    pub(super) fn judge(&self, mutant: &Mutant) -> Result<Judged> {
        let mut judged = Judged {
            mutant: mutant.clone(),
            by_lint: false,
            caught: false,
            is_red: false,
            verified: None,
            observed: None,
            differences: Vec::new(),
        };
        let expect = &mutant.incident.expect;
        match self.gate(&mutant.incident, Phase::Broken) {
            Ok(ReplayRun { report, lints }) => {
                (judged.observed, judged.differences) = compare::of_broken(expect, &report);
                judged.caught = compare::is_caught(expect, &report);
                judged.is_red = report.verdict() == Verdict::Fail;
                judged.verified = verified(&report);
                let (by_lint, differences) = compare::of_lints(expect, &lints);
                judged.by_lint = by_lint;
                judged.differences.extend(differences);
            }
            Err(err) if err.is::<Interrupted>() => return Err(err),
            Err(err) => judged.differences.push(format!("{err:#}")),
        }
        Ok(judged)
    }

    /// Runs the gate over a copy of the tree, lints and all, on a cluster of its own.
    fn gate(&self, incident: &Incident, phase: Phase) -> Result<ReplayRun> {
        let today = self.today(&incident.tree)?;
        let scratch = RunDir::new(self.user.as_ref())?;
        let root = scratch.path().join("tree");
        self.lay_out(incident, phase, today, &root)?;
        let state = match phase {
            Phase::Broken => &incident.broken,
            Phase::Fixed => &incident.fixed,
        };
        let spec = recipes::spec(&incident.tree).context("the tree of the incident is unknown")?;
        let trees = [spec.at(&root)];
        let id = &incident.id;
        let tell = |event: Event<'_>| {
            if let Event::StepStarted { name, .. } = event {
                let fixed = if phase == Phase::Fixed { " (fixed)" } else { "" };
                (self.tell)(Event::Replaying { id, what: &format!("{id}{fixed}: {name}") });
            }
        };
        let flags = with_options(self.flags, incident.options);
        let surveys = OnceLock::new();
        let run = GateContext {
            setting: RunSettings {
                supplies: SupplyChange { without: &state.without, extra: &[] },
                in_repository: incident.history.is_some(),
                conf: state.conf.as_deref(),
                sql: state.sql.as_deref(),
                rehearses: incident.options.rehearse,
                ..RunSettings::default()
            },
            surveys: Some(&surveys),
            ..GateContext::new(&flags, &root, &trees, self.interrupt, &tell)
        };
        let (mut described, mut ran) = (Vec::new(), None);
        let (mut report, _) = run.over(|report| {
            ran = Some(run.run_one(&today.python, &self.stage, report, &mut described));
            Ok(Vec::new())
        });
        if report.interrupted {
            self.interrupt.check()?;
        }
        let lints = add_lints(&run, &described, state, &mut report)?;
        if phase == Phase::Broken && report.verdict() == Verdict::Fail {
            self.verify(&run, today, &mut report)?;
        }
        if let Some(ran) = ran.filter(|_| self.flags.keep && phase == Phase::Broken) {
            let held = RunningReplay { id: id.clone(), tree: trees[0].clone(), ran, scratch };
            self.held.lock().unwrap_or_else(PoisonError::into_inner).push(held);
        }
        Ok(ReplayRun { report, lints })
    }

    /// Tries remedies of the broken tree.
    fn verify(
        &self,
        run: &GateContext<'_>,
        today: &CurrentTree,
        report: &mut Report,
    ) -> Result<()> {
        let Some(survey) = run.survey(0) else { return Ok(()) };
        let bench = remedies::RemedyBench {
            flags: run.flags,
            root: run.root,
            tree: &run.trees[0],
            python: &today.python,
            stage: &self.stage,
            setting: run.setting,
            interrupt: self.interrupt,
            deadline: Instant::now() + REMEDIES,
        };
        remedies::verify(&bench, report, survey).map(|_| ())
    }

    /// Copies the tree as it stood then, and breaks or fixes the copy.
    fn lay_out(
        &self,
        incident: &Incident,
        phase: Phase,
        today: &CurrentTree,
        root: &Utf8Path,
    ) -> Result<()> {
        fs::create_dir(root).with_context(|| format!("cannot make `{root}`"))?;
        let below = |path: &Utf8Path| -> Result<Utf8PathBuf> {
            let path = path.strip_prefix(self.root);
            path.map(|path| root.join(path)).context("the tree does not lie below the root")
        };
        if let Some(recipe) = today.tree.recipe_file() {
            let text = fs::read_to_string(self.root.join(&recipe)).unwrap_or_default();
            let to = root.join(recipe);
            fs::create_dir_all(to.with_file_name("")).context("cannot make the recipes' folder")?;
            let state = if phase == Phase::Broken { &incident.broken } else { &incident.fixed };
            let text = fix::recipe::without(&text, &state.without);
            fs::write(&to, text).with_context(|| format!("cannot write `{to}`"))?;
        }
        let wanted = |name: &str| !name.starts_with('.') && name != "__pycache__";
        copy::folder(&today.tree.cwd, &below(&today.tree.cwd)?, &wanted, self.interrupt)?;
        let then = compare::up_to(&incident.at, &today.chain);
        if then.is_empty() {
            return Err(anyhow!("`at: {}` names no revision of {}", incident.at, today.tree.label));
        }
        for ((id, _), file) in today.chain.iter().zip(&today.files) {
            if !then.contains(id.as_str()) {
                let file = below(file)?;
                fs::remove_file(&file).with_context(|| format!("cannot leave out `{file}`"))?;
            }
        }
        let past = match &incident.history {
            Some(history) => Some(ReplayRepo::of(root, history, self.interrupt)?),
            None => None,
        };
        copy::edit(&incident.broken.edits, root, self.root).context("broken.edits")?;
        if let (Some(past), Some(history)) = (past, &incident.history) {
            past.commit(history).context("history")?;
        }
        if phase == Phase::Fixed {
            copy::edit(&incident.fixed.edits, root, self.root).context("fixed.edits")?;
        }
        Ok(())
    }

    fn today(&self, id: &str) -> Result<&CurrentTree> {
        self.trees.iter().find(|today| today.tree.id == id).context("the tree was not read")
    }

    /// Leaves the servers that are held, and says how to reach them. Returns their processes.
    pub(super) fn keep(self, notes: &mut Vec<String>) -> Result<Vec<u32>> {
        let mut pids = Vec::new();
        for mut held in self.held.into_inner().unwrap_or_else(PoisonError::into_inner) {
            let trees = [held.tree];
            let run = GateContext {
                setting: RunSettings { holds_servers: true, ..RunSettings::default() },
                ..GateContext::new(self.flags, self.root, &trees, self.interrupt, self.tell)
            };
            let mut report = Report::default();
            held.scratch.keep()?;
            pids.extend(run.keep(&self.stage, &mut held.ran, &mut report)?);
            notes.extend(report.notes.into_iter().map(|note| format!("{}: {note}", held.id)));
        }
        Ok(pids)
    }
}

/// The actions of the remedy that turned the gate green.
fn verified(report: &Report) -> Option<Vec<String>> {
    report.findings.iter().find_map(|finding| Some(finding.fix.as_ref()?.what.clone()))
}

/// Adds the lints' findings to the report, as the gate does, and returns it.
fn add_lints(
    run: &GateContext<'_>,
    described: &[(usize, Description)],
    state: &State,
    report: &mut Report,
) -> Result<Vec<Finding>> {
    let surveyed = match run.surveys() {
        Some(Ok(surveyed)) => surveyed.as_slice(),
        Some(Err(err)) => return Err(anyhow!("cannot lint: {err:#}")),
        None => &[],
    };
    let lints = surveyed.iter().flat_map(|(_, survey)| survey.findings.clone()).collect();
    run.add_lints(surveyed, described, report);
    if state.sql.is_some() {
        // No recipe has the objects that the server was given by SQL, so the lints miss them.
        let supply = |code| [&code::MISSING_ROLE, &code::MISSING_ROW].contains(&code);
        report.findings.retain(|found| found.step.is_some() || !supply(found.code));
    }
    Ok(lints)
}

/// The gate's own options, less those that an incident asks for.
fn with_options(flags: &Gate, options: Options) -> Gate {
    let mut flags = flags.clone();
    flags.timeout = options.timeout.unwrap_or(flags.timeout);
    flags.stairway |= options.stairway;
    flags
}
