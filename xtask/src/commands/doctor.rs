//! `cargo xtask migration-gate doctor`: programs on this machine, missing ones with the command
//! that installs them, and the folders that the gate keeps here.

use std::path::Path;

use anyhow::Result;
use camino::{Utf8Path, Utf8PathBuf};
use rustix::process::{Resource, getrlimit};

use crate::alembic::python::{self, Search};
use crate::flags::Doctor;
use crate::gate::selection;
use crate::os::cache_dir;
use crate::os::git::Git;
use crate::os::interrupt::Interrupt;
use crate::os::manifest;
use crate::os::packages::{self, MissingProgram};
use crate::os::run_dir::{self, RunDirState};
use crate::os::sandbox::Sandbox;
use crate::os::store;
use crate::postgres::MAJOR;
use crate::postgres::binaries::{self, Places, PostgresFolder};
use crate::postgres::cluster;
use crate::postgres::provision::{self, NpmPackage};
use crate::production;
use crate::recipes;
use analysis::production::Sizes;
use model::checkup::{Check, Checkup, Health, Thing};

/// A run of both trees holds this many bytes of data folder and leaves room beside it.
const ROOM: u64 = 500_000_000;
/// A server with its clients opens a few hundred files.
const FILES: u64 = 1024;

/// The commands that allow namespaces.
const ALLOW: &str = "as a user: sysctl -w kernel.unprivileged_userns_clone=1 \
    kernel.apparmor_restrict_unprivileged_userns=0 user.max_user_namespaces=10000 (those that exist); in a \
    container: --security-opt seccomp=unconfined --security-opt systempaths=unconfined, as root \
    --cap-add SYS_ADMIN";

/// Looks, and cleans where that is asked for. Fails where it is interrupted or has no root.
pub fn run(args: &Doctor, interrupt: &Interrupt) -> Result<Checkup> {
    // Without trees, the rest can be looked at all the same.
    let found = selection::root(args.repository.root.as_deref());
    let has_trees = found.is_ok();
    let root = match found {
        Err(err) if args.repository.root.is_some() => return Err(err),
        found => found.or_else(|_| Utf8Path::new(".").canonicalize_utf8())?,
    };
    let mut checkup = Checkup { cleaned: args.clean, verbose: args.verbose, ..Checkup::default() };
    let offer = provision::look(interrupt);
    checkup.checks.push(postgres(&offer, interrupt)?);
    checkup.checks.extend(python(&root, interrupt));
    interrupt.check()?;
    checkup.checks.push(npm(&offer));
    checkup.checks.push(git(&root, interrupt));
    checkup.checks.extend([server_user(), isolation(interrupt)]);
    checkup.checks.extend([temporary(), memory(), disk(), files()]);
    checkup.checks.extend(has_trees.then(|| sizes(&root)));
    things(&mut checkup);
    Ok(checkup)
}

/// The sizes of production beside each tree's revisions.
fn sizes(root: &Utf8Path) -> Check {
    let name = "production.csv";
    let wrong: Vec<(String, Utf8PathBuf)> = recipes::TREES
        .iter()
        .filter_map(|tree| {
            let file = Utf8Path::new(tree.migrations).join(name);
            let read = std::fs::read_to_string(root.join(&file)).ok();
            let why = match read.map(|text| Sizes::read(&text)) {
                None => "is missing".to_owned(),
                Some(Err(line)) => format!("cannot be read in line {line}"),
                Some(Ok(sizes)) if sizes.is_old(production::today()) => {
                    format!("is of {}: older than 90 days", sizes.on)
                }
                Some(Ok(_)) => return None,
            };
            Some((format!("{file} {why}"), file))
        })
        .collect();
    let Some((_, file)) = wrong.first() else {
        return ok(name, "the sizes of the tables in production are known");
    };
    let fix = format!("psql \"$PRODUCTION\" -qAtf xtask/src/production/tables.sql > {file}");
    let found = "missing or old: how long others wait is unknown".to_owned();
    let details = wrong.into_iter().map(|(told, _)| told).collect();
    Check { details, ..bad(name, Health::Weak, found, fix) }
}

fn ok(name: &'static str, found: impl Into<String>) -> Check {
    Check { name, health: Health::Ok, found: found.into(), details: Vec::new(), fix: None }
}

fn bad(name: &'static str, health: Health, found: String, fix: String) -> Check {
    Check { name, health, found, details: Vec::new(), fix: Some(fix) }
}

fn postgres(offer: &NpmPackage, interrupt: &Interrupt) -> Result<Check> {
    let name = "Postgres 15";
    // The URL that the gate takes from its environment.
    let named = std::env::var("MIGRATION_GATE_POSTGRES_BIN").ok().map(Utf8PathBuf::from);
    let looked = binaries::look(&Places::of_this_machine(named.as_deref()), true, interrupt)?;
    let there = looked.iter().find_map(|looked| match &looked.found {
        PostgresFolder::Fifteen(version) => Some(format!("{version} at {}", looked.dir)),
        _ => None,
    });
    let npm = matches!(&offer.npm, Some((_, Ok(_))));
    let mut check = match (there, &offer.installed, offer.package) {
        (Some(there), _, _) => ok(name, there),
        (None, Some(folder), _) => ok(name, format!("installed by the gate at {folder}")),
        (None, None, Some(package)) if npm => {
            ok(name, format!("none yet; the gate installs {package} by itself"))
        }
        (None, None, _) => {
            let command = packages::install_command(MissingProgram::Postgres);
            bad(name, Health::Missing, "none".into(), command)
        }
    };
    check.details = looked.iter().map(ToString::to_string).collect();
    check.details.push(match (&offer.installed, offer.package) {
        (Some(folder), _) => format!("found what npm provided at {folder}"),
        (None, Some(package)) => format!("nothing installed from npm's {package}"),
        (None, None) => format!("npm has no Postgres {MAJOR} for this machine"),
    });
    Ok(check)
}

fn python(root: &Utf8Path, interrupt: &Interrupt) -> Vec<Check> {
    let environments = cache_dir::folder().unwrap_or_default().join(cache_dir::PYTHON);
    let search = Search {
        root,
        named: None,
        environments: &environments,
        interrupt,
        notice: &|_: &str| {},
        base: std::cell::OnceCell::new(),
        kept: None,
    };
    let lock_files: Vec<_> = recipes::trees(root)
        .into_iter()
        .filter_map(|tree| tree.requirements)
        .filter(|lock| lock.is_file())
        .collect();
    let name = "Python";
    let install = || packages::install_command(MissingProgram::Python);
    let looked = match python::look(&search, &lock_files) {
        Ok(looked) => looked,
        Err(err) => return vec![bad(name, Health::Missing, format!("{err:#}"), install())],
    };
    let found = format!("{} at {}", looked.version, looked.path);
    let mut checks = vec![ok(name, found)];
    for (dir, made) in looked.environments {
        let name = "Python environment";
        checks.push(if made {
            ok(name, dir)
        } else if looked.makes_environments {
            ok(name, "none yet; the gate makes it by itself, once")
        } else {
            let found = format!("none, and {} lacks venv and ensurepip", looked.path);
            bad(name, Health::Missing, found, install())
        });
    }
    checks
}

fn npm(offer: &NpmPackage) -> Check {
    let (name, install) = ("npm", packages::install_command(MissingProgram::Npm));
    match &offer.npm {
        Some((path, Ok(version))) => ok(name, format!("{version} at {}", path.display())),
        Some((_, Err(err))) => bad(name, Health::Weak, format!("{err:#}"), install),
        None => Check {
            details: vec!["only needed where there is no Postgres 15".into()],
            ..bad(name, Health::Weak, "none".into(), install)
        },
    }
}

fn git(root: &Utf8Path, interrupt: &Interrupt) -> Check {
    let name = "git base";
    if which::which("git").is_err() {
        let install = packages::install_command(MissingProgram::Git);
        return bad(name, Health::Weak, "no git: only the head counts as new".into(), install);
    }
    let base = Git::at(root, root, interrupt)
        .and_then(|git| git.map_or_else(|why| Ok(Err(why)), |git| git.find_base(None)));
    let fix = "what it says; or name a base with --since".to_owned();
    match base {
        Ok(Ok(base)) => ok(name, format!("revisions that are not in {} count as new", base.name)),
        Ok(Err(why)) => bad(name, Health::Weak, format!("{why}: only the head counts as new"), fix),
        Err(err) => bad(name, Health::Weak, format!("{err:#}"), fix),
    }
}

fn server_user() -> Check {
    let name = "server's user";
    match cluster::server_user() {
        Ok(Some(user)) => ok(name, format!("{}, since Postgres refuses to run as root", user.name)),
        Ok(None) => ok(name, "you"),
        Err(err) => {
            let told = format!("{err:#}");
            let (found, hint) = told.split_once("\nhint: ").unwrap_or((&told, "fix what it names"));
            bad(name, Health::Missing, found.to_owned(), hint.to_owned())
        }
    }
}

fn isolation(interrupt: &Interrupt) -> Check {
    let name = "namespaces";
    let user = cluster::server_user().ok().flatten();
    let sandbox = Sandbox::new(user.as_ref()).with_own_processes().without_network();
    match sandbox.refused(interrupt) {
        None => ok(name, "migrations see neither your files nor the network"),
        Some(why) => Check {
            details: vec!["the README's 'What a migration can do' says what they see then".into()],
            ..bad(name, Health::Weak, format!("none for migrations: {why}"), ALLOW.into())
        },
    }
}

fn temporary() -> Check {
    let name = "temporary folder";
    let (folder, fits) = run_dir::temporary_folder();
    let shown = folder.display();
    if !fits {
        let found = format!("{shown} is too long a path for a Unix socket");
        return bad(name, Health::Weak, found, "export TMPDIR=/tmp".into());
    }
    room(name, &folder, Health::Missing, "make room, or name another folder with TMPDIR")
}

fn memory() -> Check {
    let folder = Path::new("/dev/shm");
    if !folder.is_dir() {
        return ok("memory for replays", "no /dev/shm here: they use the disk");
    }
    let fix = "mount -o remount,size=2g /dev/shm, in a container --shm-size=2g";
    room("memory for replays", folder, Health::Weak, fix)
}

fn disk() -> Check {
    let name = "cache";
    match cache_dir::folder() {
        Ok(folder) => {
            let there = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(&folder);
            let fix = "make room, or name a folder elsewhere with XDG_CACHE_HOME";
            let mut check = room(name, there.as_std_path(), Health::Weak, fix);
            if there != folder {
                check.found = format!("{folder} (not made yet), {}", check.found);
            }
            check
        }
        Err(err) => bad(name, Health::Weak, format!("{err:#}"), "export XDG_CACHE_HOME=…".into()),
    }
}

fn room(name: &'static str, folder: &Path, without: Health, fix: &str) -> Check {
    let free =
        rustix::fs::statvfs(folder).map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize));
    let found = format!("{} MB free in {}", free / 1_000_000, folder.display());
    if free >= ROOM { ok(name, found) } else { bad(name, without, found, fix.into()) }
}

fn files() -> Check {
    let name = "open files";
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < FILES => {
            bad(name, Health::Weak, format!("at most {limit}"), format!("ulimit -n {FILES}"))
        }
        Some(limit) => ok(name, format!("at most {limit}")),
        None => ok(name, "no limit"),
    }
}

/// Lists the folders that the gate keeps, and removes them with `--clean`.
fn things(checkup: &mut Checkup) {
    let runs = run_dir::runs();
    let alone = if checkup.cleaned { cache_dir::alone() } else { None };
    let kept: Vec<&Utf8PathBuf> =
        runs.iter().filter(|(_, fate)| *fate == RunDirState::Kept).map(|(path, _)| path).collect();
    let folder = cache_dir::folder().ok();
    for (folder, _) in folder.iter().flat_map(|folder| cache_dir::things(folder)) {
        let kind = folder.file_name().unwrap_or_default().to_owned();
        for (path, bytes) in cache_dir::things(&folder) {
            let in_use = kept.iter().any(|run| run_dir::runs_from(run, &path));
            let removed = alone.is_some() && !in_use && cache_dir::remove(&path);
            let what = match kind.as_str() {
                cache_dir::POSTGRES => "Postgres from npm",
                cache_dir::PYTHON if manifest::is_there(&path) => "Python environment",
                cache_dir::PYTHON => "Python environment that was not finished",
                store::FOLDER => "result or snapshot of an earlier run",
                other => other,
            };
            checkup.things.push(Thing {
                what: what.to_owned(),
                kind: kind.clone(),
                path,
                bytes,
                removed,
            });
        }
    }
    if checkup.cleaned && alone.is_none() && folder.is_some_and(|folder| folder.is_dir()) {
        checkup.notes.push("a gate is running: what it may use was left".into());
    }
    for (path, fate) in &runs {
        let what = match fate {
            RunDirState::Lives => "folder of a run that goes on",
            RunDirState::Died => "folder that a dead run left",
            RunDirState::Kept => "folder that --keep left, which said how to remove it",
        };
        let bytes = cache_dir::size(path);
        let removed = checkup.cleaned && *fate == RunDirState::Died && run_dir::clear(path);
        let (kind, what) = ("run".to_owned(), what.to_owned());
        checkup.things.push(Thing { kind, what, path: path.clone(), bytes, removed });
    }
}
