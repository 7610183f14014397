//! Packages that a test needs from PyPI beside the gate's own environments: made once, below cargo's
//! target folder, under a lock, so that tests that run at once make it once.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use super::root::monorepo;
use super::run::{Gate, caches};
use super::sandbox::Sandbox;

/// The binaries of a real Postgres 16.
pub fn postgres_16() -> PathBuf {
    let dir = once("postgres-16", |dir| {
        let what = "--no-deps --only-binary :all: --python-version 3.11 pgserver==0.1.4";
        let target = ["-m", "pip", "install", "--quiet", "--target", dir.to_str().unwrap()];
        run(Command::new("python3").args(target).args(what.split(' ')));
    });
    dir.join("pgserver/pginstall/bin")
}

/// An interpreter with Alembic and psycopg 3, and no psycopg2.
pub fn with_psycopg_3() -> PathBuf {
    with("psycopg-3", "alembic==1.16.5 sqlalchemy==2.0.43 psycopg[binary]==3.2.10")
}

/// An interpreter with Alembic, psycopg2, asyncpg and pydantic-settings.
#[allow(dead_code, reason = "for tests/cases")]
pub fn with_asyncpg() -> PathBuf {
    let what = "alembic==1.16.5 sqlalchemy[asyncio]==2.0.43 psycopg2-binary==2.9.10 \
                asyncpg==0.30.0 pydantic-settings==2.10.1";
    with("asyncpg-pydantic", what)
}

/// An interpreter with an Alembic of 2024.
#[allow(dead_code, reason = "for tests/cases")]
pub fn with_alembic_1_13() -> PathBuf {
    with("alembic-1.13", "alembic==1.13.3 sqlalchemy==2.0.43 psycopg2-binary==2.9.10")
}

/// An interpreter with an Alembic of 2022, which has no `alembic check`.
#[allow(dead_code, reason = "for tests/cases")]
pub fn with_alembic_1_8() -> PathBuf {
    with("alembic-1.8", "alembic==1.8.1 sqlalchemy==2.0.43 psycopg2-binary==2.9.10")
}

/// An interpreter with the monorepo's Alembic and SQLAlchemy, each driver that reaches Postgres, and
/// what reads a `.env` file.
#[allow(dead_code, reason = "other test binaries use it")]
pub fn with_each_driver() -> PathBuf {
    let what = "alembic==1.20.1 sqlalchemy==2.1.9 psycopg2-binary==2.9.13 asyncpg==0.32.0 \
                psycopg[binary]==3.3.9 pg8000==1.31.6 greenlet==3.5.6 python-dotenv==1.2.4";
    with("every-driver", what)
}

/// An interpreter with Alembic and psycopg2 that any user of this machine can run: that of the system,
/// where there is one.
#[allow(dead_code, reason = "other test binaries use it")]
pub fn for_any_user() -> PathBuf {
    let system = ["/usr/bin/python3", "/usr/local/bin/python3"].map(Path::new);
    let base = system.into_iter().find(|path| path.exists()).unwrap_or(Path::new("python3"));
    with_on(base, "any-user", "alembic==1.20.1 sqlalchemy==2.1.9 psycopg2-binary==2.9.13")
}

fn with(name: &str, packages: &str) -> PathBuf {
    with_on(Path::new("python3"), name, packages)
}

/// An interpreter with these packages.
fn with_on(base: &Path, name: &str, packages: &str) -> PathBuf {
    let dir = once(name, |dir| {
        run(Command::new(base).args(["-m", "venv"]).arg(dir));
        let pip = ["-m", "pip", "install", "--quiet", "--only-binary", ":all:"];
        run(Command::new(dir.join("bin/python")).args(pip).args(packages.split_whitespace()));
    });
    dir.join("bin/python")
}

/// An interpreter with nothing.
pub fn bare() -> PathBuf {
    let dir = once("bare", |dir| {
        run(Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(dir));
    });
    dir.join("bin/python")
}

/// An interpreter of the gate's own, with what the monorepo's trees need.
pub fn made() -> &'static Path {
    static MADE: LazyLock<PathBuf> = LazyLock::new(make);
    &MADE
}

fn make() -> PathBuf {
    let made = || {
        let folders = fs::read_dir(caches().join("migration-gate/python")).ok()?;
        let made = folders.flatten().map(|entry| entry.path());
        // Others are of an earlier gate or an earlier lock file.
        made.filter(|path| path.is_dir() && path.with_extension("manifest").exists())
            .max_by_key(|path| fs::metadata(path).and_then(|folder| folder.modified()).ok())
    };
    let folder = made().unwrap_or_else(|| {
        let sandbox = Sandbox::new();
        let ended = Gate::new(&sandbox).arg("raptor").arg("--root").arg(monorepo()).run();
        made().unwrap_or_else(|| panic!("the gate made no environment:\n{}", ended.stdout))
    });
    folder.join("bin/python")
}

/// A folder that is made whole or made again.
pub fn once(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join("migration-gate");
    let (dir, done) = (base.join(name), base.join(format!("{name}.done")));
    // Whoever may only read what another user made can use it.
    if done.exists() {
        return dir;
    }
    fs::create_dir_all(&base).unwrap();
    let lock = File::create(base.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    if !done.exists() {
        let _ = fs::remove_dir_all(&dir);
        make(&dir);
        File::create(done).unwrap();
    }
    dir
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?} ended with {status}");
}
