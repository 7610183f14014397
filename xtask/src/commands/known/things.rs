//! What a result depends on, each with what is known of it: whoever changes one changes that.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::{OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::commands::gate::Run;
use crate::drivers::alembic::Description;
use crate::drivers::kept::{Key, stamp};
use crate::drivers::python;
use crate::recipes::prefix::Prefix;
use analysis::prefix::{doubt_in_python, doubt_in_sql, imports_one_of};
use model::used::Used;

/// How far behind the clock a file system's times may be.
const BEHIND: Duration = Duration::from_millis(50);
/// What asks for a file without reading it. The interpreter does not tell of it.
const PROBES: &[&str] = &[
    "os.path",
    ".exists()",
    ".is_file(",
    ".is_dir(",
    "os.stat",
    ".stat()",
    "os.access",
    "isfile(",
];

/// Why nothing can be known.
#[derive(Clone)]
pub(super) struct Untold(pub(super) String);

/// All that a result depends on, beside what names it.
#[derive(Serialize, Deserialize)]
pub(super) struct Things(Vec<Thing>);

/// The beginning of a tree's chain, and the chain.
pub(super) struct Beginning<'a> {
    /// The tree's index.
    pub(super) tree: usize,
    pub(super) graph: &'a Description,
    pub(super) prefix: Prefix,
}

#[derive(Serialize, Deserialize)]
struct Thing {
    path: Utf8PathBuf,
    kind: Kind,
    known: String,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Kind {
    /// What a file holds, or that there is none.
    Contents,
    /// What lies in a folder, by name.
    Names,
    /// What the file system knows of a file or folder.
    Stamp,
    /// The packages of a virtual environment.
    Packages,
}

/// A thing that a run met, by its path.
type Name = (Utf8PathBuf, Kind);

/// What a run met, looked at once for whoever keeps something of it.
#[derive(Default)]
pub(in crate::commands) struct Looks(OnceLock<Result<BTreeMap<Name, Look>, Untold>>);

/// What is known of a thing, and since when it has been so; `None`: that cannot be told.
struct Look {
    known: Option<String>,
    changed: Option<Duration>,
}

impl Looks {
    fn of(&self, run: &Run<'_>) -> Result<&BTreeMap<Name, Look>, Untold> {
        let look = |name: Name| {
            let look = Look::at(&name.0, name.1);
            (name, look)
        };
        let all = || Ok(Things::met(run)?.into_iter().map(look).collect());
        self.0.get_or_init(all).as_ref().map_err(Untold::clone)
    }
}

impl Things {
    /// What a run that began then depended on. Fails where that cannot be told.
    pub(super) fn of(run: &Run<'_>, began: SystemTime, looks: &Looks) -> Result<Things, Untold> {
        Things::known(looks.of(run)?.iter(), began)
    }

    /// What the beginnings of the chains depended on: all but the revisions after them. Fails where
    /// more than that may have made them, or what comes after could tell that they were not run now.
    pub(super) fn of_beginnings(
        run: &Run<'_>,
        began: SystemTime,
        known: &[Beginning<'_>],
        looks: &Looks,
    ) -> Result<Things, Untold> {
        let looks = looks.of(run)?;
        let made = Things::that_made(run, known, looks.keys().cloned().collect())?;
        Things::known(looks.iter().filter(|(name, _)| made.contains(name)), began)
    }

    /// Fails where more may have made the beginnings than what is known of the run.
    pub(super) fn leave_no_doubt(run: &Run<'_>, known: &[Beginning<'_>]) -> Result<(), Untold> {
        Things::that_made(run, known, Things::met(run)?).map(drop)
    }

    /// What of all that was met made the beginnings: all but the revisions after them.
    fn that_made(
        run: &Run<'_>,
        known: &[Beginning<'_>],
        mut things: BTreeSet<Name>,
    ) -> Result<BTreeSet<Name>, Untold> {
        let (mut after, mut folders, mut revisions) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for Beginning { tree, graph, prefix } in known {
            let before: BTreeSet<&Utf8PathBuf> = prefix.revisions.iter().map(|r| &r.file).collect();
            let files = graph.revisions.iter().map(|revision| &revision.file);
            after.extend(files.clone().filter(|file| !before.contains(file)).map(|f| real(f)));
            folders.extend(files.clone().filter_map(|file| Some(real(file.parent()?))));
            folders.extend(run.survey(*tree).iter().flat_map(|s| &s.folders).map(|f| real(f)));
            revisions.extend(files.map(|file| real(file)));
            stays_in_its_database(prefix, &run.trees[*tree].label)?;
        }
        let seen = run.see(|seen| seen.used.files.clone());
        let modules = seen.iter().filter(|file| file.extension() == Some("py"));
        for (file, real) in modules.map(|file| (file, real(file))) {
            // Whatever lies there is left out by name: a module more would not be noticed.
            let beside = real.parent().is_some_and(|folder| folders.contains(folder));
            if beside && !revisions.contains(&real) {
                return Err(Untold(format!("{file} lies among the revisions")));
            }
            if after.contains(&real) {
                continue;
            }
            let text = fs::read_to_string(file).unwrap_or_default();
            let later = after.iter().filter_map(|file| file.file_stem());
            if let Some(doubt) = doubt_in_python(&text).or(imports_one_of(&text, later)) {
                return Err(Untold(format!("nobody knows what {file} comes to (`{doubt}`)")));
            }
        }
        if run.trees.iter().any(|tree| folders.contains(&real(&tree.cwd))) {
            return Err(Untold("revisions lie where modules are imported from".into()));
        }
        things.retain(|(path, kind)| match kind {
            Kind::Names => !folders.contains(&real(path)),
            _ => !after.contains(&real(path)),
        });
        Ok(things)
    }

    fn known<'l>(
        looks: impl Iterator<Item = (&'l Name, &'l Look)>,
        began: SystemTime,
    ) -> Result<Things, Untold> {
        let things = looks.map(|((path, kind), look)| Thing::of(path, *kind, look, began));
        Ok(Things(things.collect::<Result<_, _>>()?))
    }

    fn met(run: &Run<'_>) -> Result<BTreeSet<Name>, Untold> {
        let seen = run.seen.lock().unwrap_or_else(PoisonError::into_inner);
        without_doubt(&seen.used)?;
        let mut things: BTreeSet<Name> = BTreeSet::new();
        for tree in run.trees {
            things.insert((tree.ini_path(), Kind::Contents));
            things.insert((tree.requirements.clone(), Kind::Contents));
            for name in ["pyproject.toml", "alembic.ini"] {
                things.insert((tree.cwd.join(name), Kind::Contents));
            }
        }
        let Some(Ok(surveys)) = run.surveys() else {
            return Err(Untold("the trees were not read".into()));
        };
        for (_, survey) in surveys {
            things.extend(survey.folders.iter().map(|folder| (folder.clone(), Kind::Names)));
            let scripts = survey.scripts.iter().map(|script| run.root.join(&script.file));
            things.extend(scripts.map(|script| (script, Kind::Contents)));
        }
        things.extend(seen.used.files.iter().map(|file| (file.clone(), Kind::Contents)));
        things.extend(seen.used.folders.iter().map(|folder| (folder.clone(), Kind::Names)));
        for binaries in &seen.binaries {
            let names = ["postgres", "initdb", "pg_ctl"];
            things.extend(names.map(|name| (binaries.join(name), Kind::Stamp)));
        }
        let path = std::env::var("PATH").unwrap_or_default();
        let folders = path.split(':').filter(|folder| !folder.is_empty());
        things.extend(folders.map(|folder| (folder.into(), Kind::Stamp)));
        for python in &seen.pythons {
            things.extend(of_python(python, run.flags.python.is_none())?);
        }
        Ok(things)
    }

    /// Those that are not as they were.
    pub(super) fn changed(&self) -> impl Iterator<Item = &Utf8Path> {
        let changed =
            |thing: &&Thing| known(&thing.path, thing.kind).as_ref() != Some(&thing.known);
        self.0.iter().filter(changed).map(|thing| thing.path.as_path())
    }

    /// Whether the contents of a file are among them.
    pub(super) fn has(&self, file: &Utf8Path) -> bool {
        self.0.iter().any(|thing| thing.kind == Kind::Contents && thing.path == file)
    }

    /// Adds what a run that began then did not look at, since it depended on it in another way. Fails
    /// where it was touched meanwhile.
    pub(super) fn join(&mut self, others: &Things, began: SystemTime) -> Result<(), Untold> {
        let met: BTreeSet<_> =
            self.0.iter().map(|thing| (thing.path.clone(), thing.kind)).collect();
        let others = others.0.iter().map(|thing| (thing.path.clone(), thing.kind));
        for (path, kind) in others.filter(|other| !met.contains(other)) {
            self.0.push(Thing::of(&path, kind, &Look::at(&path, kind), began)?);
        }
        Ok(())
    }
}

impl Look {
    fn at(path: &Utf8Path, kind: Kind) -> Look {
        let known = known(path, kind);
        // Of what is not there, the folder that it would be in tells when it went.
        let there = path.ancestors().find_map(|path| fs::metadata(path).ok());
        let changed = there.map(|meta| {
            let nanos = u32::try_from(meta.ctime_nsec()).unwrap_or_default();
            Duration::new(u64::try_from(meta.ctime()).unwrap_or_default(), nanos)
        });
        Look { known, changed }
    }
}

impl Thing {
    /// Fails where it was touched since the run began: then nobody knows what the run met.
    fn of(path: &Utf8Path, kind: Kind, look: &Look, began: SystemTime) -> Result<Thing, Untold> {
        let known = look.known.clone().ok_or_else(|| Untold(format!("{path} cannot be read")))?;
        let began = began.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(BEHIND);
        if look.changed.is_none_or(|changed| changed >= began) {
            return Err(Untold(format!("{path} was touched while the gate ran")));
        }
        Ok(Thing { path: path.to_owned(), kind, known })
    }
}

/// Whether what the statements of a beginning left is in the databases of its server.
fn stays_in_its_database(prefix: &Prefix, label: &str) -> Result<(), Untold> {
    let doubt = prefix.statements.iter().find_map(|s| Some((s, doubt_in_sql(&s.sql)?)));
    doubt.map_or(Ok(()), |(statement, doubt)| {
        let revision = statement.revision.as_deref().unwrap_or("Alembic");
        Err(Untold(format!("{label}'s {revision} reaches past its database (`{doubt}`)")))
    })
}

/// The path without links, where there is such a file.
pub(super) fn real(path: &Utf8Path) -> Utf8PathBuf {
    path.canonicalize_utf8().unwrap_or_else(|_| path.to_owned())
}

/// Whether all that was done is known.
fn without_doubt(used: &Used) -> Result<(), Untold> {
    if used.told != used.calls {
        return Err(Untold("a call of Alembic did not say what it read".into()));
    }
    if let Some(doubt) = used.doubts.first() {
        return Err(Untold(format!("the migrations reach further than files ({doubt})")));
    }
    for file in used.files.iter().filter(|file| file.extension() == Some("py")) {
        let text = fs::read_to_string(file).unwrap_or_default();
        if let Some(probe) = PROBES.iter().find(|probe| text.contains(**probe)) {
            return Err(Untold(format!("{file} asks for files without reading them (`{probe}`)")));
        }
    }
    Ok(())
}

/// What an interpreter is, and what stands behind the `python3` on PATH that it was made from.
fn of_python(python: &Utf8Path, from_path: bool) -> Result<Vec<(Utf8PathBuf, Kind)>, Untold> {
    let untold = |what: &str| Untold(format!("nobody knows what {python} imports: {what}"));
    let home = python.parent().and_then(Utf8Path::parent).ok_or_else(|| untold("its place"))?;
    let settings = home.join("pyvenv.cfg");
    let text = fs::read_to_string(&settings).map_err(|_| untold("it has no pyvenv.cfg"))?;
    if text.lines().any(|line| line.replace(' ', "") == "include-system-site-packages=true") {
        return Err(untold("it sees the packages of the system"));
    }
    let mut things = vec![
        (settings, Kind::Contents),
        (python.to_owned(), Kind::Stamp),
        (home.to_owned(), Kind::Packages),
    ];
    if from_path {
        let found = ["python3", "python"].iter().find_map(|name| which::which(name).ok());
        let found = found.and_then(|found| Utf8PathBuf::from_path_buf(found).ok());
        let found = found.ok_or_else(|| untold("there is no python3 on PATH"))?;
        let behind = python::behind(&found)
            .ok_or_else(|| Untold(format!("{found} is a script: nobody knows what it runs")))?;
        things.extend(behind.into_iter().map(|path| (path, Kind::Contents)));
        things.push((found, Kind::Stamp));
    }
    Ok(things)
}

/// What is known of a thing now; `None` where it cannot be read.
fn known(path: &Utf8Path, kind: Kind) -> Option<String> {
    let gone = |err: &std::io::Error| err.kind() == std::io::ErrorKind::NotFound;
    match kind {
        Kind::Contents => match fs::read(path) {
            Ok(bytes) => Some(Key::new("contents").with("", bytes).finish()),
            Err(err) if gone(&err) => Some("none".into()),
            Err(_) => None,
        },
        Kind::Names => {
            let entries = match path.read_dir_utf8() {
                Ok(entries) => entries,
                Err(err) if gone(&err) => return Some("none".into()),
                Err(_) => return None,
            };
            let names = entries.map(|entry| Some(entry.ok()?.file_name().to_owned()));
            let mut names: Vec<String> = names.collect::<Option<_>>()?;
            names.sort();
            Some(names.iter().fold(Key::new("names"), |key, name| key.with("", name)).finish())
        }
        Kind::Stamp => Some(stamp(path).unwrap_or_else(|| "none".into())),
        Kind::Packages => packages(path),
    }
}

/// The files of a virtual environment's packages, as the file system knows them.
fn packages(home: &Utf8Path) -> Option<String> {
    let mut key = Key::new("packages");
    let mut folders = vec![home.join("lib")];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> = folder.read_dir_utf8().ok()?.flatten().collect();
        entries.sort_by(|a, b| a.file_name().cmp(b.file_name()));
        for entry in entries {
            let name = entry.file_name();
            // What a path file adds to the path is not known.
            let adds_a_path = name.ends_with(".pth")
                && fs::read_to_string(entry.path())
                    .map_or(true, |text| text.lines().any(|line| !line.starts_with("import")));
            if adds_a_path || name.ends_with(".egg-link") {
                return None;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && name == "__pycache__" => {}
                Ok(kind) if kind.is_dir() => folders.push(entry.into_path()),
                _ => {
                    let meta = entry.metadata().ok()?;
                    let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
                    let known: Vec<u8> = times
                        .into_iter()
                        .flat_map(i64::to_le_bytes)
                        .chain(meta.len().to_le_bytes())
                        .collect();
                    key = key.with(entry.path().as_str(), known);
                }
            }
        }
    }
    Some(key.finish())
}
