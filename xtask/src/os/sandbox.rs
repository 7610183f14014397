//! Sandboxes: limits on the files, processes and networks that a migration can reach.
//!
//! A migration is code from a pull request. The Python that runs it and the private server are started
//! through this program itself, which makes namespaces (mounts, processes, network, IPC), puts empty
//! folders in the place of those that hold the caller's files, makes the rest read-only, and then becomes
//! the process that was asked for. Where the kernel allows no namespaces, a sandbox still runs as the
//! server's user (as root), and gains no privileges through setuid programs.

#[cfg(target_os = "linux")]
pub mod enter;
pub mod network;

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use nix::unistd::{User, geteuid};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::interrupt::Interrupt;
use super::process::{self, Limits, last_lines};

/// The first argument of this program where it makes a sandbox.
pub const ENTER: &str = "--enter-sandbox";
/// Why there are no sandboxes where there is no Linux.
const ELSEWHERE: &str = "namespaces are a feature of Linux";
/// Folders with files of the caller or of the machine, and nothing that a migration needs.
const PRIVATE: [&str; 6] = ["/home", "/root", "/run", TMP[0], TMP[1], TMP[2]];
/// Those of them in which everybody may write.
const TMP: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// This program, even if its file was replaced since it was started.
const OWN: &str = "/proc/self/exe";

/// How many files and folders of a tree are asked for their rights.
const LOOKED_AT_MAX: usize = 10_000;

/// Whether this program can make sandboxes: set by `allow`.
static CAN: OnceLock<()> = OnceLock::new();

/// The network of a sandbox.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
enum Network {
    /// None at all.
    None,
    /// The private one that a process holds.
    Private(u32),
    /// The machine's.
    #[default]
    Machine,
}

/// Limits of a process.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sandbox {
    /// The user and group that it runs as, where these are not the caller's.
    user: Option<(u32, u32)>,
    /// Whether that user can read the files it needs only inside namespaces.
    user_needs_isolation: bool,
    /// Whether it has namespaces of its own.
    isolated: bool,
    /// Whether it has a process namespace, and so sees and reaches no process but its own.
    processes: bool,
    /// Its network.
    network: Network,
    /// In the place of these folders stand empty ones.
    hidden: Vec<Utf8PathBuf>,
    /// Folders and files below hidden folders that stay visible.
    shown: Vec<Utf8PathBuf>,
    /// Symbolic links below hidden folders that stay links.
    links: Vec<Utf8PathBuf>,
    /// Folders that can be written.
    writable: Vec<Utf8PathBuf>,
    /// The sockets that it may connect to, or folders above them.
    reached: Vec<Utf8PathBuf>,
    /// The machine's sockets in the file system, other than those; known when it is entered.
    sockets: Vec<Utf8PathBuf>,
    /// Visible folders that are replaced by empty ones.
    emptied: Vec<Utf8PathBuf>,
    /// Where it is written why it is not isolated; without it, that is an error.
    note: Option<Utf8PathBuf>,
}

impl Sandbox {
    /// One that runs as a user, where that is not the caller.
    pub fn new(user: Option<&User>) -> Sandbox {
        let user = user.map(|user| (user.uid.as_raw(), user.gid.as_raw()));
        let hidden = private_folders();
        Sandbox { user, isolated: true, hidden, ..Sandbox::default() }
    }

    /// With a process namespace.
    pub fn with_own_processes(self) -> Sandbox {
        Sandbox { processes: true, ..self }
    }

    /// Without a network.
    pub fn without_network(self) -> Sandbox {
        Sandbox { network: Network::None, ..self }
    }

    /// With the private network alone that a process holds.
    pub fn in_network_of(self, holder: u32) -> Sandbox {
        Sandbox { network: Network::Private(holder), ..self }
    }

    /// With these seen, read-only.
    pub fn showing(mut self, paths: impl IntoIterator<Item = Utf8PathBuf>) -> Sandbox {
        self.shown.extend(paths);
        self
    }

    /// With an interpreter and its packages seen, read-only.
    pub fn showing_interpreter(self, python: &Utf8Path) -> Sandbox {
        Sandbox { links: links_on(python), ..self }.showing(needed_by(python))
    }

    /// With the sockets at these paths, or below them, where they are seen.
    pub fn reaching(mut self, paths: impl IntoIterator<Item = Utf8PathBuf>) -> Sandbox {
        self.reached.extend(paths);
        self
    }

    /// With these seen and writable.
    pub fn writing(mut self, paths: impl IntoIterator<Item = Utf8PathBuf>) -> Sandbox {
        self.writable.extend(paths);
        self
    }

    /// With empty folders in the place of these.
    pub fn emptying(mut self, paths: impl IntoIterator<Item = Utf8PathBuf>) -> Sandbox {
        self.emptied.extend(paths);
        self
    }

    /// Runs as the caller where there are no namespaces, if the sandbox's user can reach its files
    /// only inside them.
    pub fn with_user_if_isolated(self) -> Sandbox {
        Sandbox { user_needs_isolation: true, ..self }
    }

    /// Going on without namespaces where the kernel allows none: why is written to a file.
    pub fn noting(self, file: Utf8PathBuf) -> Sandbox {
        Sandbox { note: Some(file), ..self }
    }

    /// Why it is not isolated, as far as its processes have said so.
    pub fn why_not_isolated(&self) -> Option<String> {
        if CAN.get().is_none() {
            return Some(ELSEWHERE.into());
        }
        std::fs::read_to_string(self.note.as_ref()?).ok()
    }

    /// Why this machine does not allow it; `None` where it does.
    pub fn refused(&self, interrupt: &Interrupt) -> Option<String> {
        if CAN.get().is_none() {
            return Some(ELSEWHERE.into());
        }
        let mut command = Command::new(OWN);
        command.arg(ENTER).arg(self.as_json()).env_clear();
        let timeout = Duration::from_secs(10);
        let limits = Limits { cwd: Utf8Path::new("/"), timeout, interrupt };
        match process::run_unchecked(command, limits) {
            Ok(said) if said.status.success() => None,
            Ok(said) => Some(last_lines(&said.stderr, 3)),
            Err(err) => Some(format!("{err:#}")),
        }
    }

    /// A command that runs a program in the sandbox, with an empty environment.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = match CAN.get() {
            Some(()) => {
                let mut command = Command::new(OWN);
                command.arg(ENTER).arg(self.as_json()).arg(program);
                command
            }
            None => {
                let mut command = Command::new(program);
                if let Some((uid, gid)) = self.user {
                    command.uid(uid).gid(gid);
                }
                command
            }
        };
        command.env_clear();
        command
    }

    fn as_json(&self) -> String {
        // Plain data with texts for keys cannot fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Remembers that this program can make sandboxes.
#[cfg(target_os = "linux")]
fn allow() {
    let _ = CAN.set(());
}

/// The private folders of this machine, the user's home among them, none below another.
fn private_folders() -> Vec<Utf8PathBuf> {
    let home = std::env::var("HOME").ok().map(Utf8PathBuf::from);
    let named = User::from_uid(geteuid()).ok().flatten();
    let named = named.and_then(|user| Utf8PathBuf::from_path_buf(user.dir).ok());
    let all = PRIVATE.map(Utf8PathBuf::from).into_iter().chain(home).chain(named);
    let real = all.filter_map(|folder| folder.canonicalize_utf8().ok());
    let mut folders: Vec<_> = real.filter(|folder| folder.parent().is_some()).collect();
    folders.sort();
    folders.dedup_by(|later, earlier| later.starts_with(earlier));
    folders
}

/// The folders that an interpreter needs: its own, that of the installation behind it, and those
/// that its packages name in `.pth` files and in the records of editable installs. None of them is
/// a whole private folder.
fn needed_by(python: &Utf8Path) -> Vec<Utf8PathBuf> {
    let installed = |python: &Utf8Path| Some(python.parent()?.parent()?.to_owned());
    let real = python.canonicalize_utf8().ok();
    let mut needed: Vec<_> =
        [installed(python), real.as_deref().and_then(installed)].into_iter().flatten().collect();
    let entries = |folder: Utf8PathBuf| folder.read_dir_utf8().into_iter().flatten().flatten();
    let libraries: Vec<_> = needed.iter().flat_map(|prefix| entries(prefix.join("lib"))).collect();
    let files = libraries.into_iter().flat_map(|lib| entries(lib.path().join("site-packages")));
    for file in files {
        let read = |path: &Utf8Path| std::fs::read_to_string(path).unwrap_or_default();
        match file.path().extension() {
            Some("pth") => {
                let lines = read(file.path());
                needed.extend(lines.lines().map(Utf8PathBuf::from).filter(|l| l.is_absolute()));
            }
            Some("dist-info") => {
                let record = read(&file.path().join("direct_url.json"));
                let record: serde_json::Value = serde_json::from_str(&record).unwrap_or_default();
                let url = record["url"].as_str().and_then(|url| url.strip_prefix("file://"));
                let path = url.map(|path| percent_decode_str(path).decode_utf8_lossy());
                needed.extend(path.map(|path| Utf8PathBuf::from(path.into_owned())));
            }
            _ => {}
        }
    }
    needed.retain(|folder| folder.exists() && !is_private(folder));
    needed
}

/// The symbolic links on the way from a path to its file, those in place of a folder too.
fn links_on(path: &Utf8Path) -> Vec<Utf8PathBuf> {
    let parts = |path: &Utf8Path| path.components().rev().map(|c| c.to_string()).collect();
    let (mut at, mut links, mut todo) = (Utf8PathBuf::new(), Vec::new(), parts(path));
    while let Some(part) = Vec::pop(&mut todo) {
        if part == ".." {
            at.pop();
            continue;
        }
        let next = at.join(part);
        match next.read_link_utf8() {
            Ok(target) if !links.contains(&next) => {
                links.push(next);
                todo.extend(parts(&target));
            }
            _ => at = next,
        }
    }
    links
}

/// Whether a folder is a private one, or one above it.
pub fn is_private(folder: &Utf8Path) -> bool {
    private_folders().iter().any(|private| private.starts_with(folder))
}

/// The folder of the repository that a folder lies in, with settings that may hold tokens.
pub fn repository_of(folder: &Utf8Path) -> Option<Utf8PathBuf> {
    let found = folder.ancestors().map(|above| above.join(".git")).find(|git| git.exists())?;
    if found.is_dir() {
        return Some(found);
    }
    // A work tree names its own part of the repository that it belongs to.
    let text = std::fs::read_to_string(&found).ok()?;
    let own = found.parent()?.join(text.strip_prefix("gitdir:")?.trim());
    let common = std::fs::read_to_string(own.join("commondir")).unwrap_or_default();
    own.join(common.trim()).canonicalize_utf8().ok()
}

/// The first file or folder below these folders that a user cannot read; `None`: all can be read.
pub fn unreadable_by(user: &User, folders: &[Utf8PathBuf]) -> Option<Utf8PathBuf> {
    let can = |path: &Utf8Path, bits: u32| {
        path.symlink_metadata().is_ok_and(|meta| {
            let shift = match () {
                () if meta.uid() == user.uid.as_raw() => 6,
                () if meta.gid() == user.gid.as_raw() => 3,
                () => 0,
            };
            meta.file_type().is_symlink() || meta.mode() >> shift & bits == bits
        })
    };
    let mut left: Vec<Utf8PathBuf> = folders.to_vec();
    left.sort();
    left.dedup_by(|later, earlier| later.starts_with(earlier));
    // Folders beyond these are taken to be as readable.
    for _ in 0..LOOKED_AT_MAX {
        let Some(path) = left.pop() else { break };
        let is_folder = path.is_dir() && !path.is_symlink();
        if !can(&path, if is_folder { 5 } else { 4 }) {
            return Some(path);
        }
        if is_folder && path.file_name() != Some(".git") {
            left.extend(
                path.read_dir_utf8()
                    .into_iter()
                    .flatten()
                    .flatten()
                    .map(camino::Utf8DirEntry::into_path),
            );
        }
    }
    None
}

/// Whether a user can reach a folder through all folders above it.
pub fn is_reachable_by(user: &User, folder: &Utf8Path) -> bool {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "cd -- \"$1\"", "sh", folder.as_str()]).env_clear().current_dir("/");
    command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    process::Group::spawn(&mut command)
        .and_then(|mut group| group.child.wait())
        .is_ok_and(|status| status.success())
}
