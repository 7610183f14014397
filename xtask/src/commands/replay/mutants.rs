//! `replay --mutants`: faults put into today's green trees, to see that the gate still bites.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use camino::{Utf8Path, Utf8PathBuf};

use super::bench::ReplayBench;
use super::side_by_side;
use crate::flags::{Gate, Replay};
use crate::gate::selection;
use crate::os::interrupt::{Interrupt, Interrupted};
use crate::os::process;
use crate::recipes::{TREES, TreeSpec};
use crate::render;
use model::event::{Event, Tell};
use model::mutant::{Judged, Score};
use mutants::{File, Source};

/// Draws mutants and judges them. Every error is part of the result.
pub fn run(flags: &Gate, args: &Replay, interrupt: &Interrupt, tell: Tell<'_>) -> Score {
    let started = Instant::now();
    process::adopt_orphans();
    let mut score = Score::default();
    let judged = selection::root(flags.which.repository.root.as_deref())
        .and_then(|root| judge(flags, args, &root, &mut score, interrupt, tell));
    if let Err(err) = judged {
        if err.is::<Interrupted>() {
            score.interrupted = true;
        } else {
            score.sick.push(format!("{err:#}"));
        }
    }
    process::end_strays();
    score.elapsed = started.elapsed();
    score
}

fn judge(
    flags: &Gate,
    args: &Replay,
    root: &Utf8Path,
    score: &mut Score,
    interrupt: &Interrupt,
    tell: Tell<'_>,
) -> Result<()> {
    let mutants = mutants::draw(&sources(root)?, args.seed, args.limit.into());
    let deadline = Instant::now() + Duration::from_secs(args.seconds);
    let runs = |tree: &str| mutants.iter().filter(|mutant| mutant.incident.tree == tree).count();
    let bench = ReplayBench::make(flags, root, &runs, interrupt, tell)?;
    let (done, total) = (AtomicUsize::new(0), mutants.len());
    let (judged, sick) = side_by_side(&mutants, Some(deadline), |mutant| {
        let judged = bench.judge(mutant)?;
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        tell(Event::Judged { judged: &judged, done, total });
        Ok(judged)
    });
    score.left = total - judged.len();
    for survivor in judged.iter().filter(|judged| !judged.good()) {
        let path = write_survivor(survivor, args, root)?;
        score.notes.push(format!("written as an incident: {path}"));
    }
    score.judged = judged;
    sick.map_or(Ok(()), Err)
}

fn sources(root: &Utf8Path) -> Result<Vec<Source>> {
    TREES.iter().map(|spec| read(spec, root)).collect()
}

fn read(spec: &TreeSpec, root: &Utf8Path) -> Result<Source> {
    let folder = format!("{}/versions", spec.migrations);
    let context = || format!("cannot read the revisions in `{folder}`");
    let mut files = Vec::new();
    for entry in root.join(&folder).read_dir_utf8().with_context(context)? {
        let entry = entry.with_context(context)?;
        if entry.path().extension() == Some("py") {
            let text = fs::read_to_string(entry.path()).with_context(context)?;
            files.push(File { path: Utf8Path::new(&folder).join(entry.file_name()), text });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Source { tree: spec.mutants, files })
}

fn write_survivor(judged: &Judged, args: &Replay, root: &Utf8Path) -> Result<Utf8PathBuf> {
    let folder = match &args.survivors {
        Some(folder) => folder.clone(),
        None => root.join("target/migration-gate/survivors"),
    };
    fs::create_dir_all(&folder).with_context(|| format!("cannot make `{folder}`"))?;
    let path = folder.join(format!("{}.yaml", judged.mutant.incident.id));
    let text = render::mutants::incident(&judged.mutant.incident);
    fs::write(&path, text).with_context(|| format!("cannot write `{path}`"))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::commands::replay::incidents;
    use model::code;

    #[test]
    fn each_code_has_an_incident_or_a_mutant() {
        let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mutants = mutants::draw(&sources(&root).unwrap(), 1, usize::MAX);
        assert!(mutants.len() > 500, "{} mutants", mutants.len());
        let incidents = incidents::read(&root.join("xtask/incidents")).unwrap();
        let expected = mutants.into_iter().map(|mutant| mutant.incident.expect);
        let expected = expected.chain(incidents.into_iter().map(|incident| incident.expect));
        let codes: BTreeSet<String> =
            expected.flat_map(|expect| [Some(expect.code), expect.lint]).flatten().collect();
        // Workflows belong to no tree: their mutants are planted weaknesses, and
        // `analysis/workflow/tests.rs` demands one of each code.
        let of_workflows = |id: &str| id.starts_with("MG3");
        let lacking = code::ALL.iter().map(|code| code.id);
        let lacking = lacking.filter(|id| !codes.contains(*id) && !of_workflows(id));
        // Of trees that were too large to be read whole; all are now.
        let lacking = lacking.filter(|id| *id != code::NOT_COMPARED.id);
        // Faults of any other tree: `tests/cases` has trees for them.
        let around = [
            &code::NOT_COMMITTED,
            &code::NOT_STORED,
            &code::MODELS_DIFFER,
            &code::NOT_TOLD,
            &code::NOT_WRITABLE,
            &code::SCHEMA_OF_TODAY,
            &code::SECOND_CONNECTION,
        ];
        let around = around.map(|code| code.id);
        let lacking = lacking.filter(|id| !around.contains(id));
        // It takes a base branch that goes on while a change is cut from it: `tests/git` has one.
        let lacking = lacking.filter(|id| *id != code::ID_TAKEN.id);
        assert_eq!(lacking.collect::<Vec<_>>(), Vec::<&str>::new());
    }

    #[test]
    fn draw_has_every_kind_and_every_tree() {
        let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let kinds = |limit| -> BTreeSet<&str> {
            let drawn = mutants::draw(&sources(&root).unwrap(), 1, limit);
            drawn.iter().map(|mutant| mutant.kind).collect()
        };
        let drawn = mutants::draw(&sources(&root).unwrap(), 1, 150);
        assert_eq!(kinds(150), kinds(usize::MAX));
        for spec in TREES {
            let of_tree = drawn.iter().filter(|mutant| mutant.incident.tree == spec.id).count();
            assert!(of_tree > 0, "no mutant of {}", spec.id);
        }
    }
}
