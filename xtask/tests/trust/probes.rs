//! What a migration tries.

/// One attempt: its name, and statements that end with `return` and something true where it worked. An
/// exception is a failure to do it. `CANARY`, `WORLD` (the folder of all that the caller has), `HOME`,
/// `ROOT`, `CACHE` and `PORT` are there.
pub type Probe = (&'static str, &'static str);

/// What works where the kernel allows no namespaces, and the gate runs as root.
pub const WITHOUT_NAMESPACES: &[&str] = &[
    "sees the command line of a process",
    "sees the settings of git",
    "sees a file of the temporary folder",
    "sees a file in shared memory",
    "sees the gate",
    "sees a process through the server",
    "sees the gate through the server",
    "reaches a port",
    "reaches a port through the server",
    "reaches an abstract socket",
    "reaches a socket in the temporary folder",
    "reaches a socket in the checkout",
    "writes to the server's data",
    "leaves a file in the temporary folder",
    "leaves a file in shared memory",
];

/// What nobody's migration can, whatever the kernel allows.
pub const NEVER: &[&str] = &[
    "sees the environment",
    "sees the memory of a process above",
    "sees a variable of the gate by name",
    "sees the agent's variable",
    "asks for input",
    "opens the terminal",
    "has a file of the gate open",
    "has rights of root",
    "gains rights by setuid programs",
];

pub const PROBES: &[Probe] = &[
    ("sees the environment", "return CANARY in str(dict(os.environ))"),
    (
        "sees the environment of a process",
        "return any(CANARY in read(f'/proc/{pid}/environ') for pid in pids())",
    ),
    (
        "sees the command line of a process",
        "return any(CANARY in read(f'/proc/{pid}/cmdline') for pid in pids())",
    ),
    (
        "sees the gate",
        "return any('migration-gate --' in read(f'/proc/{pid}/cmdline') for pid in pids())",
    ),
    (
        "sees the memory of a process above",
        "return any(readable(f'/proc/{pid}/mem') for pid in pids() if 'xtask' in read(f'/proc/{pid}/comm'))",
    ),
    ("sees .pgpass", "return CANARY in read(HOME + '/.pgpass')"),
    ("sees .netrc", "return CANARY in read(HOME + '/.netrc')"),
    ("sees a key of SSH", "return CANARY in read(HOME + '/.ssh/id_ed25519')"),
    ("sees the caller's home", "return os.listdir(HOME)"),
    ("sees its home", "return os.listdir(os.path.expanduser('~'))"),
    ("sees a token of a tool", "return CANARY in read(HOME + '/.config/gh/hosts.yml')"),
    ("sees the settings of git", "return CANARY in read(ROOT + '/.git/config')"),
    ("sees the settings of git through git", "return CANARY in shell('git', 'config', '--list')"),
    (
        "sees the settings of a submodule",
        "return CANARY in read(ROOT + '/.git/modules/sub/config') and not NAMESPACES_OFF",
    ),
    ("sees a file of the temporary folder", "return CANARY in read(WORLD + '/note')"),
    ("sees a file in shared memory", "return CANARY in read(SHARED)"),
    ("sees a variable of the gate by name", "return os.environ.get('SECRET_TOKEN')"),
    ("sees the agent's variable", "return os.environ.get('SSH_AUTH_SOCK')"),
    ("reaches the agent", "return reach(HOME + '/agent.sock')"),
    ("reaches a socket in the temporary folder", "return reach(WORLD + '/open.sock')"),
    ("reaches a socket in the checkout", "return reach(ROOT + '/open.sock')"),
    ("reaches an abstract socket", "return reach('\\0' + ABSTRACT)"),
    ("reaches a port", "return socket.create_connection(('127.0.0.1', PORT), 1)"),
    ("resolves a name of the network", "return socket.getaddrinfo('example.org', 80)"),
    ("asks for input", "return sys.stdin.read()"),
    ("opens the terminal", "return open('/dev/tty')"),
    (
        "has a file of the gate open",
        "return [link for fd in os.listdir('/proc/self/fd') if (link := link_of(fd)).startswith('/')\n\
         \x20       and not link.startswith(('/dev/null', '/proc/', ROOT)) and 'worker.log' not in link]",
    ),
    ("writes a revision", "return write(ROOT + '/shop/versions/a2.py', 'revision = \"a2\"')"),
    ("changes env.py", "return write(ROOT + '/shop/env.py', '# changed')"),
    ("changes the ini", "return write(ROOT + '/shop/alembic.ini', '# changed')"),
    ("leaves a hook of git", "return write(ROOT + '/.git/hooks/post-checkout', '#!/bin/sh')"),
    ("leaves a file beside the tree", "return write(ROOT + '/left', '')"),
    (
        "changes the environment of Python",
        "return write(sysconfig.get_paths()['purelib'] + '/left.pth', 'import os')",
    ),
    (
        "changes a module that is installed",
        "return write(sys.modules['alembic'].__file__, '# changed')",
    ),
    ("changes the interpreter", "return write(os.path.realpath(sys.executable), '')"),
    ("writes to the cache", "return write(CACHE + '/migration-gate/kept/left', '')"),
    ("changes the worker", "return write(RUN + '/migration_gate_worker.py', '')"),
    ("writes beside the folders of its run", "return write(os.path.dirname(RUN) + '/left', '')"),
    (
        "writes to the server's data",
        "return write(sa.make_url(os.environ['DATABASE_URL']).query['host'] + '/data/left', '')",
    ),
    (
        "leaves a file in the caller's home",
        "return write(HOME + '/.profile', 'echo') and kept(HOME)",
    ),
    (
        "leaves a file in the temporary folder",
        "return write('/tmp/left-' + os.path.basename(WORLD), '') and NAMESPACES_OFF",
    ),
    (
        "leaves a file in shared memory",
        "return write('/dev/shm/left-' + os.path.basename(WORLD), '') and NAMESPACES_OFF",
    ),
    ("changes the machine's settings", "return write('/proc/sys/kernel/domainname', 'left')"),
    (
        "writes to a folder of the machine",
        "return [at for at in ('/', '/etc', '/usr', '/usr/local/bin', '/opt', '/srv', '/var', '/mnt') if os.access(at, os.W_OK)]",
    ),
    ("has rights of root", "return 'CapEff:\\t0000000000000000' not in read('/proc/self/status')"),
    (
        "gains rights by setuid programs",
        "return 'NoNewPrivs:\\t1' not in read('/proc/self/status')",
    ),
    (
        "takes away what hides the home",
        "return CANARY in shell('unshare', '-Urm', 'sh', '-c', f'umount {HOME}; umount -l {HOME}/..; cat {HOME}/.pgpass')",
    ),
    (
        "makes the checkout writable",
        "return 'done' in shell('unshare', '-Urm', 'sh', '-c', f'mount -o remount,bind,rw {ROOT} && touch {ROOT}/left && echo done')",
    ),
    (
        "ends the gate",
        "return [os.kill(pid, 0) for pid in pids() if 'migration-gate --' in read(f'/proc/{pid}/cmdline')]",
    ),
    (
        "sees .pgpass through the server",
        "return CANARY in str(sql(f\"SELECT pg_read_file('{HOME}/.pgpass')\"))",
    ),
    (
        "sees .netrc through a program of the server",
        "return CANARY in program(f'cat {HOME}/.netrc')",
    ),
    (
        "sees a process through the server",
        "return CANARY in program('cat /proc/*/environ /proc/*/cmdline || true')",
    ),
    (
        "sees the gate through the server",
        "return 'migration-gate' in program('cat /proc/*/cmdline || true')",
    ),
    (
        "reaches a port through the server",
        "return 'done' in program(f'exec 3<>/dev/tcp/127.0.0.1/{PORT} && echo done')",
    ),
    (
        "writes to the checkout through the server",
        "return 'done' in program(f'touch {ROOT}/left && echo done')",
    ),
    (
        "changes the environment of Python through the server",
        "return 'done' in program(f\"touch {sysconfig.get_paths()['purelib']}/left.pth && echo done\")",
    ),
    (
        "writes to the cache through the server",
        "return 'done' in program(f'touch {CACHE}/migration-gate/left && echo done')",
    ),
];

/// The beginning of the revision that tries them.
pub const BEFORE: &str = r#"
import os
import socket
import subprocess
import sys
import sysconfig

import sqlalchemy as sa
from alembic import op

revision = "a1"
down_revision = None
RUN = os.path.dirname(os.environ["HOME"])


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace").replace("\0", " ")
    except OSError:
        return ""


def readable(path):
    with open(path, "rb"):
        return True


def write(path, text):
    with open(path, "a") as file:
        file.write(text)
    return True


def kept(folder):
    return not os.path.ismount(folder)


def link_of(fd):
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""


def pids():
    own = {str(os.getpid()), "self", "thread-self"}
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and pid not in own]


def reach(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        return True


def shell(*words):
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=10)
    return done.stdout.decode("utf-8", "replace")


def sql(statement):
    with sa.create_engine(os.environ["DATABASE_URL"]).connect() as connection:
        return connection.exec_driver_sql(statement).scalar()


def program(command):
    with sa.create_engine(os.environ["DATABASE_URL"]).connect() as connection:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE said (line bytea)")
        command = f"export PATH=/usr/bin:/bin; bash -c '{command}' | tr -dc '[:alnum:][:space:]-' | tr '\\n\\t' '  '"
        command = command.replace("'", "''")
        connection.exec_driver_sql(f"COPY said FROM PROGRAM '{command}'")
        return "".join(bytes(row[0]).decode() for row in connection.exec_driver_sql("SELECT line FROM said"))

"#;
