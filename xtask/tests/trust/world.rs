//! The caller of a gate: its home, its agent, its repository, and who it is.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{User, geteuid};
use serde::Deserialize;

use super::support::python;
use super::support::run::{Ended, Gate, caches};
use super::support::sandbox::Sandbox;

/// What no migration may see.
const CANARY: &str = "canary7d1f";

/// One attempt, as `test_data/trust/probes.yaml` has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    pub name: String,
    r#try: String,
    pub works: Option<String>,
}

pub fn probes() -> Vec<Probe> {
    serde_yaml::from_str(include_str!("../../test_data/trust/probes.yaml")).unwrap()
}

/// Who runs the gate.
#[derive(Debug)]
pub struct Caller {
    user: Option<User>,
    namespaces: bool,
    /// Words before the gate's command that take the namespaces away.
    below: &'static [&'static str],
}

/// Root without the right to make namespaces, as in most containers.
const NO_RIGHTS: &[&str] = &["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all"];
/// A user in a container: part of /proc is hidden, and where it is the kernel mounts no other one.
const MASKED: &[&str] = &[
    "unshare",
    "--mount",
    "sh",
    "-c",
    "mount -t tmpfs none /proc/tty && exec setpriv --reuid=nobody --regid=nogroup --clear-groups \"$0\" \"$@\"",
];

impl Caller {
    /// Root; `None` where these tests are not.
    pub fn root() -> Option<Caller> {
        geteuid().is_root().then_some(Caller { user: None, namespaces: true, below: &[] })
    }

    /// Root that may not make namespaces, as in most containers.
    pub fn root_without_namespaces() -> Option<Caller> {
        Caller::root()?.without_namespaces(NO_RIGHTS)
    }

    /// An ordinary user to whom the kernel mounts no /proc; `None` where these tests are not root.
    pub fn user_without_mounts() -> Option<Caller> {
        let nobody = User::from_name("nobody").unwrap();
        Caller { user: nobody, ..Caller::root()? }.without_namespaces(MASKED)
    }

    fn without_namespaces(self, below: &'static [&'static str]) -> Option<Caller> {
        let mut may = Command::new(below[0]);
        if !may.args(&below[1..]).arg("true").status().is_ok_and(|status| status.success()) {
            eprintln!("LEFT OUT: `{}` takes no rights away here", below[0]);
            return None;
        }
        Some(Caller { namespaces: false, below, ..self })
    }

    /// An ordinary user; `None`, said loudly, where a user may not make namespaces.
    pub fn user() -> Option<Caller> {
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--mount", "--pid", "--net", "--fork", "true"]);
        // Not `nobody`, whose number is also that of whoever is unknown to a namespace.
        let user = geteuid().is_root().then(|| User::from_name("daemon").unwrap().unwrap());
        if let Some(user) = &user {
            as_user(&mut unshare, user);
        }
        if !unshare.status().is_ok_and(|status| status.success()) {
            eprintln!("LEFT OUT: a user may not make namespaces here");
            return None;
        }
        Some(Caller { user, namespaces: true, below: &[] })
    }
}

fn as_user(command: &mut Command, user: &User) {
    use std::os::unix::process::CommandExt;
    command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
}

/// A caller's world.
pub struct World<'a> {
    caller: &'a Caller,
    sandbox: Sandbox,
    dir: tempfile::TempDir,
    shared: tempfile::NamedTempFile,
    _listeners: (TcpListener, [UnixListener; 4]),
    before: Vec<(PathBuf, String)>,
}

impl<'a> World<'a> {
    pub fn new(caller: &'a Caller) -> World<'a> {
        let dir = tempfile::Builder::new().prefix("mg-world-").tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let put = |name: &str, text: &str| {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::write(at(name), text).unwrap();
        };
        for name in [".pgpass", ".netrc", ".ssh/id_ed25519", ".config/gh/hosts.yml"] {
            put(&format!("home/{name}"), CANARY);
        }
        fs::set_permissions(at("home"), Permissions::from_mode(0o700)).unwrap();
        put("note", CANARY);
        fs::create_dir(at("repo")).unwrap();
        let shared = tempfile::Builder::new().prefix("mg-shared-").tempfile_in("/dev/shm").unwrap();
        fs::write(shared.path(), CANARY).unwrap();
        fs::set_permissions(shared.path(), Permissions::from_mode(0o644)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let abstract_name = format!("mg-{}", dir.path().display());
        let hidden = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let sockets = [
            UnixListener::bind(at("home/agent.sock")).unwrap(),
            UnixListener::bind(at("open.sock")).unwrap(),
            UnixListener::bind_addr(&hidden).unwrap(),
            UnixListener::bind(at("repo/open.sock")).unwrap(),
        ];
        for open in ["open.sock", "repo/open.sock"] {
            fs::set_permissions(at(open), Permissions::from_mode(0o777)).unwrap();
        }
        put(
            "repo/.git/config",
            &format!("[core]\n\tbare = false\n[http]\n\textraheader = {CANARY}\n"),
        );
        put("repo/.git/HEAD", "ref: refs/heads/main\n");
        put("repo/.git/modules/sub/config", CANARY);
        fs::create_dir_all(at("repo/.git/refs")).unwrap();
        fs::create_dir_all(at("repo/.git/objects")).unwrap();
        put("repo/shop/alembic.ini", "[alembic]\nscript_location = %(here)s\n");
        put("repo/shop/env.py", ENV);
        put("repo/shop/versions/a1.py", "");
        let number = port.local_addr().unwrap().port();
        let sandbox = Sandbox::new();
        let names = [
            ("CANARY", CANARY.to_owned()),
            ("WORLD", dir.path().display().to_string()),
            ("HOME", at("home").display().to_string()),
            ("ROOT", at("repo").display().to_string()),
            ("CACHE", caches().display().to_string()),
            ("SHARED", shared.path().display().to_string()),
            ("ABSTRACT", abstract_name),
        ];
        put("repo/shop/versions/a1.py", &revision(&names, number, caller.namespaces));
        if let Some(user) = &caller.user {
            give(dir.path(), user);
            give(sandbox.path(), user);
            give(shared.path(), user);
        }
        let before = contents(&at("repo"));
        World { caller, sandbox, dir, shared, _listeners: (port, sockets), before }
    }

    /// Runs the gate as the caller does, below a process that knows the canary.
    pub fn run(&self, options: &[&str]) -> Ended {
        let at = |name: &str| self.dir.path().join(name);
        let python = python::for_any_user();
        let mut gate = Gate::new(&self.sandbox).arg("--python").arg(python).args("--no-cache -v");
        gate = gate.arg("--ini").arg(at("repo/shop/alembic.ini")).args("--format json");
        gate = options.iter().fold(gate, Gate::arg);
        gate = gate.below("sh", &["-c", "\"$@\"; exit $?", CANARY]);
        if let [program, arguments @ ..] = self.caller.below {
            gate = gate.below(program, arguments);
        }
        if let Some(user) = self.caller.user.as_ref().filter(|_| self.caller.below.is_empty()) {
            gate = gate.of_user(user);
        }
        gate = gate.env("HOME", at("home")).env("SECRET_TOKEN", CANARY);
        gate.env("SSH_AUTH_SOCK", at("home/agent.sock")).run()
    }

    /// The names of the probes that worked.
    #[track_caller]
    pub fn done(&self, ended: &Ended) -> Vec<String> {
        let report = ended.report();
        let text = report.0.to_string();
        assert!(!text.contains(CANARY), "the canary is in the report: {text}");
        if ended.code() == 0 {
            return Vec::new();
        }
        let messages = report.findings().iter().map(|finding| finding["message"].as_str().unwrap());
        let mut lists = messages.filter_map(|message| message.split_once("did: "));
        let list = lists.next().unwrap_or_else(|| panic!("{:#}", report.0)).1;
        list.split("; ").map(|name| name.trim_end_matches('.').to_owned()).collect()
    }

    /// Fails unless the checkout is what it was, and nothing is left.
    #[track_caller]
    pub fn assert_unchanged(&self, ended: &Ended) {
        assert_eq!(contents(&self.dir.path().join("repo")), self.before);
        self.sandbox.assert_empty(&ended.traces);
        assert!(self.shared.path().exists());
        let name = self.dir.path().file_name().unwrap().to_str().unwrap();
        for folder in ["/tmp", "/dev/shm"] {
            let left = Path::new(folder).join(format!("left-{name}"));
            let is_left = left.exists();
            let _ = fs::remove_file(left);
            assert!(!is_left || !self.caller.namespaces, "left in {folder}");
        }
    }
}

/// A tree of one revision, which does this.
pub fn write_tree(folder: &Path, upgrade: &str) {
    fs::create_dir_all(folder.join("versions")).unwrap();
    fs::write(folder.join("alembic.ini"), "[alembic]\nscript_location = %(here)s\n").unwrap();
    fs::write(folder.join("env.py"), ENV).unwrap();
    let revision = format!(
        "import os\nimport sys\nfrom alembic import op\n\nrevision = 'a1'\ndown_revision = None\n\n\n\
         def upgrade():\n{upgrade}\n\n\ndef downgrade():\n    pass\n"
    );
    fs::write(folder.join("versions/a1.py"), revision).unwrap();
}

/// The revision with all probes.
fn revision(names: &[(&str, String)], port: u16, namespaces: bool) -> String {
    let only = std::env::var("TRUST").unwrap_or_default();
    let mut text = include_str!("../../test_data/trust/revision.py").to_owned();
    for (name, value) in names {
        text += &format!("{name} = {value:?}\n");
    }
    let off = if namespaces { "False" } else { "True" };
    text += &format!("PORT = {port}\nNAMESPACES_OFF = {off}\nPROBES = []\n");
    for Probe { name, r#try, .. } in probes().iter().filter(|probe| probe.name.contains(&only)) {
        let body = r#try.replace('\n', "\n    ");
        text += &format!("\n\ndef probe():\n    {body}\n\n\nPROBES.append(({name:?}, probe))\n");
    }
    text + "

def upgrade():
    assert 'done' in program('echo done'), 'programs of the server run'
    done = []
    for name, probe in PROBES:
        try:
            if probe():
                done.append(name)
        except Exception:
            pass
    if done:
        raise RuntimeError('did: ' + '; '.join(done))


def downgrade():
    pass
"
}

/// The contents of all files of a folder.
fn contents(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut all = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.is_file() {
            all.push((path.clone(), fs::read_to_string(&path).unwrap()));
        }
    }
    all.sort();
    all
}

fn give(path: &Path, user: &User) {
    chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), user);
        }
    }
}

const ENV: &str = "\
import os
from alembic import context
from sqlalchemy import create_engine, pool

with create_engine(os.environ['DATABASE_URL'], poolclass=pool.NullPool).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
";
