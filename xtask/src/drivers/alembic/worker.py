"""Runs Alembic for the migration gate.

One interpreter imports Alembic, SQLAlchemy and a driver once. It forks one server for each tree,
and each server forks one process for each call, so that a call finds everything imported, and
leaves nothing behind in the next one. Only the first call goes on in the process that described the
tree: every command of Alembic's reads the revisions before it runs them.

    worker.py FD:FD [FD:FD ...]  a socket and a pipe for each tree, handed over by the gate

A line in either direction is one JSON object. The gate writes a call and, to end it early,
{"kill": true}; to a call that waits it writes {"go": ...}. The process of a call writes events and
its result; when it has ended, for whatever reason, its server writes how, and the end of what it
printed. Of each statement it tells through the pipe, which nobody waits at: to wake the gate each time
takes longer than most statements. What a migration prints goes to a pipe of its own and never meets
these. When the gate's end of the socket closes, the server ends what is running and exits.

Long because it is one script: the binary carries it and hands it to whatever Python there is.
"""

import binascii
import contextlib
import functools
import gc
import importlib.util
import json
import marshal
import opcode
import os
import re
import select
import signal
import socket
import sys
import time
import traceback
import types
import warnings

OUTPUT_KEPT = 64 * 1024
TEXT_KEPT = 20_000
STATEMENTS_KEPT = 20_000
# What a new connection starts with, and an old one does not know when it changes.
STARTS_WITH = (
    "SELECT (SELECT string_agg(s::text, ' ' ORDER BY s::text) FROM pg_db_role_setting s),"
    " (SELECT xmin::text FROM pg_database WHERE datname = current_database())"
)
# Since Linux 5.14; elsewhere it is refused.
MADV_POPULATE_WRITE = 23
DRIVERS = ("psycopg2", "psycopg", "asyncpg", "pg8000")


def clip(text):
    text = str(text)
    return text if len(text) <= TEXT_KEPT else text[:TEXT_KEPT] + " …"


class Gate(socket.socket):
    """What leads to the gate."""

    def __init__(self, fds):
        fileno, self.tells = map(int, fds.split(":"))
        super().__init__(fileno=fileno)
        self.set_inheritable(False)
        os.set_inheritable(self.tells, False)

    def close(self):
        os.close(self.tells)
        super().close()


def line_of(event, fields):
    # Lone surrogates cannot be encoded as UTF-8; ASCII with escapes always can.
    return json.dumps({"event": event, **fields}).encode("ascii") + b"\n"


def send(sock, event, **fields):
    sock.sendall(line_of(event, fields))


def tell(sock, event, **fields):
    """Says what the gate need not know until it hears something, or looks."""
    line = line_of(event, fields)
    while line:
        line = line[os.write(sock.tells, line) :]


# ---------------------------------------------------------------- the interpreter and the servers


def main(fds, patterns):
    socks = [Gate(pair) for pair in fds]
    # The folder of this file is on the path of every script; `alembic` as a command has it not.
    own = os.path.dirname(os.path.abspath(__file__))
    # The gate's own seeds have had their effect; a migration sees only what it is promised.
    if os.environ.get("PYTHONHASHSEED") in ("1", "2"):
        del os.environ["PYTHONHASHSEED"]
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != own]
    # Nothing that is imported goes again: to look for it takes a sixth of the time.
    gc.disable()
    try:
        with known_patterns(patterns):
            hello = prepare()
    except Exception as exc:
        for sock in socks:
            send(sock, "unusable", python=sys.executable, message=f"{type(exc).__name__}: {exc}")
        return
    # What is imported by now is shared by all forks; the collector need not look at it again.
    gc.freeze()
    gc.enable()
    # A call ends before there is much to collect.
    gc.set_threshold(20_000, 20, 20)
    servers = []
    for sock in socks:
        pid = os.fork()
        if pid == 0:
            for other in socks:
                if other is not sock:
                    other.close()
            serve(sock, hello)
            os._exit(0)
        servers.append(pid)
    for sock in socks:
        sock.close()
    for pid in servers:
        os.waitpid(pid, 0)


def prepare():
    """Imports what every call needs, and says what there is."""
    import alembic
    import alembic.command
    import alembic.config
    import alembic.context
    import alembic.op
    import alembic.runtime.environment
    import alembic.script
    import logging.config  # noqa: F401  every env.py reads its logging from the ini
    import sqlalchemy
    import sqlalchemy.dialects.postgresql  # noqa: F401

    command_line()
    drivers = [name for name in DRIVERS if importlib.util.find_spec(name)]
    if drivers:
        try:
            __import__(drivers[0])
            # The dialect is loaded here once instead of in every call.
            sqlalchemy.engine.make_url(f"postgresql+{drivers[0]}://").get_dialect()
            if drivers[0] == "psycopg2":
                # SQLAlchemy asks for it at each first connection.
                import psycopg2.extras  # noqa: F401
        except Exception:
            # A driver that cannot be imported fails in the call that uses it, with its own words.
            pass
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        "alembic": alembic.__version__,
        "sqlalchemy": sqlalchemy.__version__,
        "drivers": drivers,
    }


@contextlib.contextmanager
def known_patterns(path):
    """Keeps what Python makes of the regular expressions of all that is imported, which it would make again
    at each start."""
    import _sre

    try:
        from re import _compiler as compiler
    except ImportError:
        # Before 3.11 it is another module, and everything is made anew.
        path = None
    if path is None:
        yield
        return
    of, known, made = (sys.version, _sre.MAGIC), {}, {}
    try:
        with open(path, "rb") as file:
            whole = file.read()
        if binascii.crc32(whole[4:]).to_bytes(4, "big") == whole[:4]:
            then, there = marshal.loads(whole[4:])
            known = there if then == of else {}
    except OSError:
        pass
    compile_new, last = compiler.compile, []

    def noted(pattern, flags, code, *groups):
        # Its words are numbers with names.
        last[:] = pattern, flags, [int(word) for word in code], *groups
        return _sre.compile(pattern, flags, code, *groups)

    def compile_or_know(pattern, flags=0):
        key = (pattern, flags) if type(pattern) is str and type(flags) is int else None
        if key in known:
            return _sre.compile(*known[key])
        compiled = compile_new(pattern, flags)
        if key is not None:
            made[key] = tuple(last)
        return compiled

    compiler.compile, compiler._sre = compile_or_know, types.SimpleNamespace(**{**vars(_sre), "compile": noted})
    try:
        yield
    finally:
        compiler.compile, compiler._sre = compile_new, _sre
    if made:
        try:
            # Whole or not there.
            new, there = f"{path}.{os.getpid()}", marshal.dumps((of, {**known, **made}))
            with open(new, "wb") as file:
                file.write(binascii.crc32(there).to_bytes(4, "big") + there)
            os.replace(new, path)
        except (OSError, ValueError):
            # Then they are made at the next start too.
            pass


def serve(sock, hello):
    # Without a terminal nothing can be asked for there, by getpass for instance.
    os.setsid()
    send(sock, "ready", **hello)
    wake_r, wake_w = os.pipe()
    for fd in (wake_r, wake_w):
        os.set_blocking(fd, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
    lines, spares = Lines(sock), []
    while (call := lines.next()) is not None:
        if call.get("op") == "get_ready":
            get_ready(sock, call)
            for _ in range(call["spares"]):
                spares.append(CallProcess(sock, spares, has_time=True))
        elif "op" in call:
            run_forked(sock, lines, call, wake_r, spares)
    end_all(spares)


class Lines:
    """The lines that arrive on a socket, as JSON."""

    def __init__(self, sock):
        self.sock = sock
        self.pending = b""

    def waiting(self):
        """Whether a whole line was read already."""
        return b"\n" in self.pending

    def next(self):
        """The next one; None at the end."""
        while b"\n" not in self.pending:
            chunk = self.sock.recv(65536)
            if not chunk:
                return None
            self.pending += chunk
        line, self.pending = self.pending.split(b"\n", 1)
        return json.loads(line)


# Processes of calls that are over, which give their memory back.
ENDING = []


def end_all(spares):
    for spare in spares:
        spare.end()
    for process in ENDING:
        process.reap()


class CallProcess:
    """The process of a call, which waits for it."""

    def __init__(self, sock, others, has_time=False):
        self.out_r, out_w = os.pipe()
        self.over_r, over_w = os.pipe()
        go_r, self.go_w = os.pipe()
        self.status = None
        self.pid = os.fork()
        if self.pid == 0:
            try:
                for process in (self, *others):
                    process.close()
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                wait_for_call(sock, go_r, out_w, over_w, has_time)
            except BaseException:
                # To the worker's log: it is no fault of a call's.
                traceback.print_exc()
            finally:
                os._exit(0)
        # Here as well as there: whichever comes first, the group is there before it has to be ended.
        lead_group(self.pid)
        for fd in (out_w, over_w, go_r):
            os.close(fd)

    def reap(self, how=0):
        """How it ended; None: it has not, and is not waited for."""
        if self.status is None:
            ended, status = os.waitpid(self.pid, how)
            self.status = status if ended else None
        return self.status

    def lives(self):
        if self.reap(os.WNOHANG) is None:
            return True
        self.close()
        return False

    def tell(self, value):
        line = json.dumps(value).encode("ascii") + b"\n"
        try:
            while line:
                line = line[os.write(self.go_w, line) :]
        except OSError:
            # It ended meanwhile, which is told by its end.
            pass

    def end(self):
        kill_group(self.pid)
        self.reap()
        self.close()

    def is_over(self):
        """Whether all is done and let go of. To give its memory back takes the system as long as a
        statement takes."""
        return os.read(self.over_r, 1) == b"!"

    def close(self):
        for fd in (self.out_r, self.over_r, self.go_w):
            os.close(fd)


def wait_for_call(sock, go_r, out_w, over_w, has_time):
    own_pid = os.getpid()
    lead_group(0)
    if has_time:
        own_pages()
    go = open(go_r, encoding="ascii")
    if line := go.readline():
        become_call(sock, {**json.loads(line), "go": go}, out_w)
        # A revision may have forked, and it is not said twice.
        if os.getpid() == own_pid:
            let_go_of_all_but(over_w)
            os.write(over_w, b"!")


def let_go_of_all_but(kept):
    for fd in map(int, os.listdir("/dev/fd")):
        if fd != kept:
            try:
                os.close(fd)
            except OSError:
                # The one that listed them.
                pass


def own_pages():
    """Has the system copy now what it would copy page by page in the call, a third of its time. Where
    it cannot, the call takes as long as ever."""
    try:
        import ctypes

        madvise = ctypes.CDLL(None).madvise
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        with open("/proc/self/maps") as maps:
            lines = maps.readlines()
    except (ImportError, OSError, AttributeError):
        return
    for line in lines:
        fields = line.split(None, 2)
        if fields[1] == "rw-p":
            start, end = (int(word, 16) for word in fields[0].split("-"))
            madvise(start, end - start, MADV_POPULATE_WRITE)


def run_forked(sock, lines, call, wake_r, spares):
    ENDING[:] = [process for process in ENDING if process.reap(os.WNOHANG) is None]
    spare = spares.pop() if spares else None
    process = spare if spare and spare.lives() else CallProcess(sock, spares)
    process.tell(call)
    pid, out_r, over_r = process.pid, process.out_r, process.over_r
    tail, total, prints, gate_is_gone = bytearray(), 0, True, False
    status, may_say_so, due = None, True, []
    while status is None:
        # Lines that came along with the call are here already, and no select tells of them.
        watched = [wake_r] + ([out_r] if prints else []) + ([] if gate_is_gone else [sock])
        watched += [over_r] if may_say_so else []
        ready, _, _ = select.select(watched, [], [], 0 if lines.waiting() else None)
        if out_r in ready:
            count = drain(out_r, tail)
            # At its end a pipe stays readable for ever; the process may live on without it.
            total, prints = total + count, count > 0
        if wake_r in ready:
            os.read(wake_r, 512)
        if lines.waiting() or sock in ready:
            line = lines.next()
            if line is not None and "go" in line:
                process.tell(line["go"])
                get_ready_meanwhile(due)
            elif line is not None and line.get("op") == "get_ready":
                # For the calls after this one.
                due.append(line)
            else:
                gate_is_gone = line is None
                kill_group(pid)
        if over_r in ready:
            may_say_so = process.is_over()
            status = 0 if may_say_so else None
        if status is None and (code := process.reap(os.WNOHANG)) is not None:
            status = code
    # What it started and did not wait for ends with it, and lets go of the pipe.
    kill_group(pid)
    if process.reap(os.WNOHANG) is None:
        ENDING.append(process)
    get_ready_meanwhile(due)
    os.set_blocking(out_r, False)
    while (count := drain(out_r, tail)) > 0:
        total += count
    process.close()
    if gate_is_gone:
        end_all(spares)
        os._exit(0)
    # It may have been ended in the middle of a line.
    sock.sendall(b"\n")
    send(
        sock,
        "ended",
        status=os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        output=tail.decode("utf-8", "replace"),
        output_bytes=total,
    )


def drain(fd, tail):
    try:
        chunk = os.read(fd, 65536)
    except BlockingIOError:
        return 0
    tail += chunk
    del tail[:-OUTPUT_KEPT]
    return len(chunk)


def lead_group(pid):
    try:
        os.setpgid(pid, pid)
    except (ProcessLookupError, PermissionError):
        pass


def kill_group(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


# ----------------------------------------------------------------------------- the process of a call


def become_call(sock, call, out_w):
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(out_w, 1)
    os.dup2(out_w, 2)
    sys.stdin = open(0, encoding="utf-8", closefd=False)
    # A line at a time: what was printed before the process was ended is still wanted.
    written = {"encoding": "utf-8", "errors": "backslashreplace", "buffering": 1, "closefd": False}
    sys.stdout, sys.stderr = open(1, "w", **written), open(2, "w", **written)
    # A stale or foreign .pyc never decides what is run, and the tree is left as it was.
    sys.pycache_prefix = call["pycache"]
    compile_anew_what_is_new()
    os.environ.update(call["env"])
    time.tzset()
    sys.argv = ["alembic", *call["argv"]]
    used = watch_use(call["pycache"])
    try:
        os.chdir(call["cwd"])
        value = perform(sock, call, used)
    except BaseException as exc:
        report_exception(sock, call, exc)
    else:
        send(sock, "result", ok=True, value=value)
    finally:
        say_used(sock, used)
        sys.stdout.flush()
        sys.stderr.flush()


def compile_anew_what_is_new():
    """A .pyc knows its source by the second and the size: of what was saved just now none is kept."""
    from importlib.machinery import SourceFileLoader

    keep = SourceFileLoader._cache_bytecode

    def keep_old(self, source_path, bytecode_path, data):
        if abs(time.time() - os.stat(source_path).st_mtime) > 2:
            keep(self, source_path, bytecode_path, data)

    SourceFileLoader._cache_bytecode = keep_old


# What reaches further than the files that are read: what comes of it may differ tomorrow.
BEYOND = (
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty",
    "pty.spawn", "socket.connect", "socket.getaddrinfo", "urllib.Request", "ctypes.dlopen", "sqlite3.connect",
    "glob.glob", "shutil.which",
)  # fmt: skip


def watch_use(pycache):
    """Notes which files of the tree a call reads, which folders it lists, and what it does besides
    that the gate cannot follow. The interpreter tells of all that itself."""
    used = {"files": set(), "folders": set(), "doubts": set()}
    known = (os.path.dirname(pycache), sys.prefix, sys.base_prefix, sys.exec_prefix, "/proc/", "/dev/")

    def note(kind, path):
        if isinstance(path, int):
            return
        path = os.path.abspath(os.fsdecode(path if path is not None else "."))
        if not path.startswith(known):
            used[kind].add(path)

    def hook(event, args):
        try:
            if event == "open":
                note("files", args[0])
            elif event in ("os.listdir", "os.scandir"):
                note("folders", args[0])
            elif event in BEYOND:
                used["doubts"].add(event)
        except Exception as exc:
            used["doubts"].add(f"{event}: {type(exc).__name__}")

    sys.addaudithook(hook)
    return used


def perform(sock, call, used):
    from alembic import command
    from alembic.script import ScriptDirectory

    config = config_of(call)
    if not READY:
        leave_unread(call["known"])
    if call["op"] == "describe":
        # The id that is used twice is in the answer; as a warning it would only be printed.
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            loaded = note_loaded()
            script = ScriptDirectory.from_config(config)
            description = describe(script, said)
        keep_known(call["known"], {} if description["repeated"] else loaded)
        if description["repeated"]:
            return description
        for one in said:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
        call = follow(sock, call, used, script, description)
        config = config_of(call)
        ScriptDirectory.from_config = classmethod(lambda cls, config: script)
    if not call["edited"]:
        read_late()
    if call["hold"]:
        hold(sock, call)
    if call["op"] == "walk":
        return walk(sock, call, config)
    trace(sock, call)
    getattr(command, call["op"])(config, call["revision"])
    return None


def follow(sock, call, used, script, description):
    """Says what was read, and waits for the call that runs it: every command of Alembic's reads first."""
    say_used(sock, used)
    send(sock, "described", value=description)
    keep_parents(script)
    line = call["go"].readline()
    if not line:
        os._exit(0)
    call = {**json.loads(line), "go": call["go"]}
    os.environ.update(call["env"])
    sys.argv = ["alembic", *call["argv"]]
    return call


def say_used(sock, used):
    send(sock, "used", **{name: sorted(values) for name, values in used.items()})


def hold(sock, call):
    """Has the call wait for the gate before it sends its first statement. What comes before, env.py, the
    making of an engine and a connection, takes as long as the rest. A driver that is called without
    SQLAlchemy waits before it connects."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    waits, connects = [call["go"]], []

    def wait(*_):
        if waits:
            waits.pop().readline()
            if call["edited"]:
                read_what_was_edited(sock)

    def held(connect):
        @functools.wraps(connect)
        def connect_later(*args, **kwargs):
            if connects:
                connects.pop()
            else:
                wait()
            return connect(*args, **kwargs)

        return connect_later

    event.listen(Engine, "do_connect", lambda *_: connects.append(True))
    event.listen(Engine, "before_cursor_execute", wait)
    for name in ("psycopg2", "psycopg"):
        if name in sys.modules:
            sys.modules[name].connect = held(sys.modules[name].connect)


def walk(sock, call, config):
    """Goes where the gate says, one order after the other, until it says no more."""
    from alembic import command
    from alembic.script import ScriptDirectory

    if "psycopg2" in sys.modules:
        keep_connection()
    # The revision files are read once, not for each order.
    script = ScriptDirectory.from_config(config)
    ScriptDirectory.from_config = classmethod(lambda cls, config: script)
    if call["edited"]:
        warm_up(config, script)
    trace(sock, call)
    while (order := json.loads(call["go"].readline() or "null")) is not None:
        if call["edited"]:
            read_what_was_edited(sock)
            call["edited"] = False
        call["statements"] = 0
        getattr(command, order["op"])(config, order["revision"])
        send(sock, "arrived")


def warm_up(config, script):
    """Loads env.py once and has it migrate nothing, on the connection that the first order gets."""
    from alembic.runtime.environment import EnvironmentContext

    try:
        with EnvironmentContext(config, script, fn=lambda *_: [], dont_mutate=True):
            script.run_env()
    except Exception:
        # The first order says what is wrong.
        pass


def keep_connection():
    """Gives each command of a walk the connection of the one before, made as new: what a backend
    costs that knows nothing yet is more than all else. With other drivers each command connects."""
    import psycopg2
    from psycopg2.extensions import connection

    connect, kept = psycopg2.connect, {}

    class Kept(connection):
        def close(self):
            try:
                self.reset()
                self.autocommit = True
                with self.cursor() as cursor:
                    cursor.execute("DISCARD ALL")
                    cursor.execute(STARTS_WITH)
                    as_new = cursor.fetchone() == self.started_with
                self.autocommit = False
            except Exception:
                as_new = False
            # One is enough: a second one that was open beside it goes.
            if as_new and self.key not in kept:
                kept[self.key] = self
            else:
                super().close()

    def reconnect(*args, **kwargs):
        key = repr((args, sorted(kwargs.items())))
        if key in kept:
            return kept.pop(key)
        if "connection_factory" in kwargs:
            return connect(*args, **kwargs)
        made = connect(*args, connection_factory=Kept, **kwargs)
        made.key = key
        with made.cursor() as cursor:
            cursor.execute(STARTS_WITH)
            made.started_with = cursor.fetchone()
        made.rollback()
        return made

    psycopg2.connect = reconnect


@functools.cache
def command_line():
    from alembic.config import CommandLine

    return CommandLine(prog="alembic").parser


def config_of(call):
    # A walk is typed as the command that does the most of it.
    argv = ["upgrade" if word == "walk" else word for word in call["argv"]]
    config = make_config(call["ini"], command_line().parse_args(argv))
    if call["config_url"]:
        # `%` begins an interpolation in an ini.
        config.set_main_option("sqlalchemy.url", call["config_url"].replace("%", "%%"))
    return config


def make_config(ini, options):
    """As the `alembic` command makes it."""
    import inspect

    from alembic.config import Config

    arguments = {"file_": ini, "ini_section": options.name, "cmd_opts": options}
    toml = os.path.abspath("pyproject.toml")
    if "toml_file" in inspect.signature(Config.__init__).parameters and os.path.exists(toml):
        arguments["toml_file"] = toml
    return Config(**arguments)


# ------------------------------------------------------- what is known of the revision files already


class Unread(types.ModuleType):
    """A revision file of which all is known that Alembic asks of every one. It is read once more is
    asked of it, which is when it is run."""

    def __getattr__(self, name):
        # What the interpreter asks of any module by itself.
        if UNREAD not in self.__dict__ or name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        read_now(self)
        return getattr(self, name)


def read_now(module):
    header = module.__dict__.get(UNREAD)
    if header is None:
        return
    path = module.__file__
    fresh = importlib.util.module_from_spec(importlib.util.spec_from_file_location(module.__name__, path))
    module.__dict__.clear()
    module.__dict__.update(fresh.__dict__)
    module.__class__ = types.ModuleType
    module.__spec__.loader.exec_module(module)
    # Its docstring is only shown, and by now it is the new one.
    if (header_of(module) or ())[:-1] != header[:-1]:
        raise ImportError(f"{path} says something else of itself than a moment ago")


# Those that may be edited until a call goes on.
LATE = []
# Whether a call begins with the revisions: it loads none.
READY = []


def read_late():
    for module in LATE:
        read_now(module)


def read_what_was_edited(sock):
    """Reads them as they are now. Where env.py has looked into one before, or one says something else of
    itself, the call begins anew, and says what is wrong."""
    try:
        is_unread = all(UNREAD in vars(module) for module in LATE)
        read_late()
    except BaseException:
        is_unread = False
    if not is_unread:
        send(sock, "stale")
        os._exit(0)


class NotKnown(Exception):
    """Nobody knows what a revision file says of itself."""


UNREAD = "(unread)"
PARENTS = "(parents)"
# For how long nobody may have written to a file that is left unread.
REST_NS = 2_000_000_000
HEADER = ("revision", "down_revision", "branch_labels", "depends_on", "__doc__")


def leave_unread(path, late=(), ahead=False):
    """Has Alembic take from an earlier call what it asks of every revision file, where that call found
    that importing any of them does nothing but bind names. All else it does as ever, and a file that
    was touched since it reads. Returns the files that are left whatever they do: those among `late`,
    and `ahead` of the calls all that would be read; then nothing is read of which nothing is known."""
    from alembic import util

    left = []
    try:
        with open(path, "rb") as file:
            known = marshal.load(file)
    except (OSError, EOFError, ValueError, TypeError):
        known = {}
    load = util.load_python_file

    def load_or_leave(folder, name):
        path = os.path.join(folder, name)
        stamp, header = known.get(path, (None, None))
        is_as_it_was = stamp is not None and stamp == stamp_of(path)
        is_late = header is not None and (path in late or ahead and not is_as_it_was)
        if not is_late and not is_as_it_was:
            if ahead:
                raise NotKnown(path)
            return load(folder, name)
        # The name that Alembic gives it.
        module = Unread(re.sub(r"\W", "_", os.path.basename(path)))
        module.__dict__.update(zip(HEADER, header), __file__=path)
        module.__dict__[UNREAD] = header
        if is_late:
            left.append(module)
        return module

    util.load_python_file = load_or_leave
    return left


def get_ready(sock, call):
    """Has Alembic read the revisions before it is called: all calls after this begin with them, and
    read only some files, before anything else, which must say of themselves what they said. These are
    the ones in `late`, which may be edited until then; where it is null, all that do more than bind
    names, so that nothing of a revision is run but in a call. Where it cannot be done, nothing is."""
    from alembic import util
    from alembic.script import ScriptDirectory

    load, path = util.load_python_file, sys.path[:]
    sys.pycache_prefix = call["pycache"]
    compile_anew_what_is_new()
    os.chdir(call["cwd"])
    wanted = call["late"]
    late = leave_unread(call["known"], wanted or (), ahead=wanted is None)
    try:
        script = ScriptDirectory.from_config(config_of(call))
        script.get_heads()
        keep_parents(script)
        found = wanted is None or sorted(module.__file__ for module in late) == sorted(wanted)
    except Exception:
        # A call says what is wrong.
        found = False
    util.load_python_file = load
    if not found:
        sys.path[:] = path
        if sock:
            send(sock, "not_ready")
        return

    LATE[:] = late
    READY.append(True)
    ScriptDirectory.from_config = classmethod(lambda cls, config: script)
    gc.freeze()
    if sock:
        send(sock, "is_ready")


def keep_parents(script):
    """Has each revision keep what Alembic makes of its parents at each step of a walk down the chain: on a
    long one that is most of what a command takes before its first statement."""
    from alembic.script.revision import Revision

    parents = getattr(Revision, "_normalized_down_revisions", None)
    revisions = getattr(script.revision_map, "_revision_map", None)
    # Another version may do it in another way.
    if not isinstance(parents, property) or not isinstance(revisions, dict):
        return
    for revision in filter(None, revisions.values()):
        vars(revision)[PARENTS] = parents.fget(revision)
    # One that is added later has none, and is asked as ever.
    kept = property(lambda revision: vars(revision).get(PARENTS) or parents.fget(revision))
    Revision._normalized_down_revisions = kept


def get_ready_meanwhile(due):
    """Where a call may write to the socket, nothing is said."""
    while due:
        get_ready(None, due.pop())


def note_loaded():
    """Notes which files Alembic loads, each with the stamp that it had before."""
    from alembic import util

    load, loaded = util.load_python_file, {}

    def noted(folder, name):
        path = os.path.join(folder, name)
        stamp = stamp_of(path)
        loaded[path] = stamp, load(folder, name)
        return loaded[path][1]

    util.load_python_file = noted
    return loaded


def keep_known(path, loaded):
    """Keeps what the files say of themselves that do nothing but bind names when they are imported. A
    file that makes something besides is always read. Where one may reach further, all are: it may
    decide what another one is."""
    known = {}
    for file, (stamp, module) in loaded.items():
        does, header = what_it_does(module), header_of(module)
        if does == "anything":
            known.clear()
            break
        if stamp and header:
            known[file] = stamp if does == "binds" and is_at_rest(stamp) else None, header
    with open(path + ".new", "wb") as file:
        marshal.dump(known, file)
    os.replace(path + ".new", path)


def header_of(module):
    """What Alembic asks of every revision file; None where it is more than can be kept."""
    values = vars(module)
    # Without `revision` Alembic looks at the file's name, and without `down_revision` it gives up.
    if "revision" not in values or "down_revision" not in values:
        return None
    header = tuple(values.get(name) for name in HEADER)
    return header if all(can_be_kept(value) for value in header) else None


def can_be_kept(value):
    if type(value) in (tuple, list):
        return all(type(item) is str for item in value)
    return value is None or type(value) is str


def is_at_rest(stamp):
    """Whether whoever writes to it again would change the stamp: a file system may know the time no better
    than by two seconds."""
    return abs(time.time_ns() - max(stamp[:2])) > REST_NS


def stamp_of(path):
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino, stat.st_dev)


def opcodes(*names):
    return {opcode.opmap[name] for name in names if name in opcode.opmap}


# All that the top level of a file does that only imports, binds constants and defines functions.
BINDS = opcodes(
    "NOP", "CACHE", "RESUME", "POP_TOP", "COPY", "DUP_TOP", "SWAP", "ROT_TWO", "LOAD_CONST",
    "LOAD_SMALL_INT", "LOAD_NAME", "STORE_NAME", "IMPORT_NAME", "IMPORT_FROM", "SETUP_ANNOTATIONS",
    "MAKE_FUNCTION", "SET_FUNCTION_ATTRIBUTE", "BUILD_TUPLE", "BUILD_LIST", "LIST_EXTEND", "BINARY_SUBSCR",
    "LOAD_ATTR", "STORE_SUBSCR", "RETURN_VALUE", "RETURN_CONST",
)  # fmt: skip
# What makes something besides: a type of SQLAlchemy's, a table, a logger.
MAKES = opcodes(
    "PUSH_NULL", "PRECALL", "CALL", "KW_NAMES", "CALL_KW", "CALL_FUNCTION", "CALL_FUNCTION_KW", "LOAD_METHOD",
    "CALL_METHOD", "BUILD_MAP", "BUILD_CONST_KEY_MAP", "BINARY_OP",
)  # fmt: skip
# Modules that do nothing but be there, or that are imported by now.
IMPORTED = {"alembic", "sqlalchemy", *getattr(sys, "stdlib_module_names", ())} - {"antigravity", "this"}
REACHES = {"setattr", "delattr", "exec", "eval", "globals", "vars", "__import__", "modules", "__dict__"}


def what_it_does(module):
    """Whether importing a file only `binds` names, `makes` something besides, or may do `anything`, by
    what Python made of it."""
    if isinstance(module, Unread):
        return "binds"
    code = module.__spec__.loader.get_code(module.__name__)
    does = set(code.co_code[::2]) if code else {-1}
    if not does <= BINDS | MAKES or not REACHES.isdisjoint(code.co_names):
        return "anything"
    step, before, last = (0, 0), (0, 0), (0, 0)
    for following in zip(code.co_code[::2], code.co_code[1::2]):
        before, last, step = last, step, following
        if step[0] in IMPORT and code.co_names[step[1]].split(".")[0] not in IMPORTED:
            return "anything"
        # Only the annotations of a name may be set.
        is_annotation = before[0] in LOAD and code.co_names[before[1]] == "__annotations__" and last[0] in CONST
        if step[0] in SET_ITEM and not is_annotation:
            return "anything"
    return "binds" if does <= BINDS else "makes"


LOAD, CONST = opcodes("LOAD_NAME"), opcodes("LOAD_CONST")
IMPORT, SET_ITEM = opcodes("IMPORT_NAME"), opcodes("STORE_SUBSCR")


def describe(script, said):
    """The revision graph as Alembic itself reads it; `said` are the warnings while it does."""
    heads = sorted(script.get_heads())
    warned = any("present more than once" in str(warning.message) for warning in said)
    # Alembic only warns, and keeps the file that it read last. It cannot always walk what is left.
    files = script._load_revisions() if warned else script.walk_revisions()
    revisions = [
        {
            "revision": revision.revision,
            "down_revision": as_list(revision.down_revision),
            # As ids: what is written may be a branch label or the beginning of an id.
            "requires": as_list(getattr(revision, "_resolved_dependencies", None) or ()),
            "file": revision.path,
        }
        for revision in files
    ]
    return {"heads": heads, "revisions": revisions, "repeated": repeated(revisions)}


def repeated(revisions):
    """The ids that several files claim."""
    files = {}
    for revision in revisions:
        files.setdefault(revision["revision"], []).append(revision["file"])
    return [
        {"revision": revision, "files": sorted(claims)}
        for revision, claims in sorted(files.items())
        if len(claims) > 1
    ]


def as_list(value):
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def trace(sock, call):
    """Reports each revision before it runs and each statement before and after, and waits for the
    gate before the upgrade to `pause_before`."""
    from alembic import command
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    # A function in the place of the class: a subclass would not be installed as `alembic.context`.
    environment_context = command.EnvironmentContext

    def traced_context(config, script, **kw):
        return environment_context(config, script, **{**kw, "fn": traced(kw["fn"])})

    def traced(steps):
        # Alembic takes the next step when the one before is done and committed.
        def run(revision, context):
            send(sock, "version_table", name=context.version_table, schema=context.version_table_schema)
            for step in steps(revision, context):
                if hasattr(step, "revision"):
                    direction = "upgrade" if step.is_upgrade else "downgrade"
                    if step.is_upgrade and step.revision.revision == call["pause_before"]:
                        send(sock, "paused")
                        call["go"].readline()
                    tell(sock, "revision", id=step.revision.revision, direction=direction)
                yield step
            tell(sock, "revisions_done")

        return run

    command.EnvironmentContext = traced_context
    call["statements"] = 0

    @event.listens_for(Engine, "before_cursor_execute")
    def before(conn, cursor, statement, parameters, context, executemany):
        call["statements"] += 1
        if call["statements"] <= STATEMENTS_KEPT:
            tell(sock, "statement", sql=clip(statement))
            call["began"] = time.perf_counter()

    @event.listens_for(Engine, "after_cursor_execute")
    def after(conn, cursor, statement, parameters, context, executemany):
        if call["statements"] <= STATEMENTS_KEPT:
            tell(sock, "statement_done", seconds=time.perf_counter() - call["began"])


def report_exception(sock, call, exc):
    sys.stdout.flush()
    exceptions, frames, met = [], [], set()
    current = exc
    while current is not None and id(current) not in met and len(exceptions) < 20:
        met.add(id(current))
        exceptions.append(describe_exception(current))
        frames += frames_in_tree(current, call)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    # As a shell would show it; the gate prints the end of it where nothing better is known.
    warnings.simplefilter("ignore")
    traceback.print_exception(type(exc), exc, exc.__traceback__)
    send(sock, "result", ok=False, exceptions=exceptions, frames=frames)


def describe_exception(exc):
    kind = type(exc)
    module = "" if kind.__module__ == "builtins" else kind.__module__ + "."
    # SQLAlchemy's message repeats the driver's and adds the statement, which is sent on its own.
    orig = getattr(exc, "orig", None)
    told = orig if isinstance(orig, BaseException) else exc
    fields = server_fields(told)
    return {
        "kind": module + kind.__qualname__,
        "raised_in": raised_in(exc),
        "message": clip(fields.pop("message") or message_of(told)),
        **{key: None if value is None else clip(value) for key, value in fields.items()},
    }


def raised_in(exc):
    """The module whose code raised it: what Alembic raises while it loads the files is its own."""
    frame, last = exc.__traceback__, None
    while frame is not None:
        frame, last = frame.tb_next, frame
    return "" if last is None else str(last.tb_frame.f_globals.get("__name__", ""))


def message_of(exc):
    try:
        return str(exc)
    except Exception as broken:
        return f"<its message cannot be read: {type(broken).__name__}>"


def server_fields(exc):
    """SQLSTATE, message, detail and hint, as each driver keeps them."""
    first = exc.args[0] if exc.args else None
    if isinstance(first, dict) and "C" in first:  # pg8000
        keys = {"sqlstate": "C", "message": "M", "detail": "D", "hint": "H"}
        return {name: first.get(key) for name, key in keys.items()}
    diag = getattr(exc, "diag", None)  # psycopg2 and psycopg
    source = diag or exc  # asyncpg has them on the exception itself
    sqlstate = getattr(exc, "sqlstate", None) or getattr(exc, "pgcode", None)
    return {
        "sqlstate": sqlstate if isinstance(sqlstate, str) else None,
        "message": getattr(diag, "message_primary", None),
        "detail": getattr(source, "message_detail" if diag else "detail", None) if sqlstate else None,
        "hint": getattr(source, "message_hint" if diag else "hint", None) if sqlstate else None,
    }


def frames_in_tree(exc, call):
    frames = [
        {
            "file": os.path.abspath(frame.filename),
            "line": frame.lineno or 1,
            "function": frame.name,
            "source": frame.line,
        }
        for frame in traceback.extract_tb(exc.__traceback__)
        # Code that was made at run time, as Alembic makes its proxies, lies in `<string>`.
        if not frame.filename.startswith("<")
    ]
    if isinstance(exc, SyntaxError) and exc.filename and not exc.filename.startswith("<"):
        frames.append(
            {
                "file": os.path.abspath(exc.filename),
                "line": exc.lineno or 1,
                "function": "<module>",
                "source": exc.text,
            }
        )
    return [frame for frame in frames if lies_in_tree(frame["file"], call["within"])]


def lies_in_tree(file, folders):
    if "site-packages" in file.split(os.sep) or file.startswith(sys.prefix + os.sep):
        return False
    real = os.path.realpath(file)
    return any(real.startswith(os.path.realpath(folder) + os.sep) for folder in folders)


def start(file=None):
    """Runs the worker; `file`: as a module that is there again next time."""
    if file:
        # A tree sees a script, of which it knows nothing.
        del sys.modules[__name__]
    main(sys.argv[1:], file and os.path.join(os.path.dirname(file), "patterns"))
    # Taking a thousand modules apart takes longer than a step.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    start()
