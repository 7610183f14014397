"""Runs Alembic for the migration gate.

One interpreter imports what the `alembic` command imports, and nothing else. It forks one server for
each connection, and each server forks one process for each call, so that a call begins as a fresh
`alembic` command begins, less the time of the imports, and leaves nothing behind in the next one.

    worker.py FOLDER FD [FD ...]  where compiled packages are kept, if anywhere, and a socket for each
                                  connection, handed over by the gate

A line in either direction is one JSON object. The gate writes a call and, to end it early,
{"kill": true}; to a call that waits it writes {"go": true}. The process of a call writes events and
its result; when it has ended, for whatever reason, its server writes how, and the end of what it
printed. What a migration prints goes to a pipe of its own and never meets these. When the gate's end
of the socket closes, the server ends what is running and exits.
"""

import atexit
import contextlib
import gc
import importlib.machinery
import importlib.util
import inspect
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
import types
import warnings

OUTPUT_KEPT = 64 * 1024
TEXT_KEPT = 20_000
STATEMENTS_KEPT = 20_000
# Of Linux: `prctl(2)`.
PR_SET_CHILD_SUBREAPER = 36
DRIVERS = ("psycopg2", "psycopg", "asyncpg", "pg8000")


def clip(text):
    text = str(text)
    return text if len(text) <= TEXT_KEPT else text[:TEXT_KEPT] + " …"


class Gate(socket.socket):
    """The socket that leads to the gate."""

    def send_event(self, event, **fields):
        # Lone surrogates cannot be encoded as UTF-8; ASCII with escapes always can.
        self.sendall(json.dumps({"event": event, **fields}).encode("ascii") + b"\n")


# ---------------------------------------------------------------- the interpreter and the servers


def main(bytecode, *fds):
    gates = [Gate(fileno=int(fd)) for fd in fds]
    for gate in gates:
        gate.set_inheritable(False)
    try:
        hello = import_alembic()
    except Exception as exc:
        for gate in gates:
            gate.send_event("unusable", python=sys.executable, message=f"{type(exc).__name__}: {exc}")
        return
    use_bytecode(bytecode)
    become_command()
    # The collector need not look at what all forks share.
    gc.freeze()
    servers = set()
    for gate in gates:
        pid = os.fork()
        if pid == 0:
            for other in gates:
                if other is not gate:
                    other.close()
            serve(gate, hello)
            os._exit(0)
        servers.add(pid)
    for gate in gates:
        gate.close()
    while servers:
        # In a namespace of its own this process inherits all that loses its parent.
        servers.discard(os.wait()[0])


def import_alembic():
    """Imports what the `alembic` command imports, and says what there is."""
    import alembic.config
    import sqlalchemy

    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        "alembic": alembic.__version__,
        "sqlalchemy": sqlalchemy.__version__,
        "drivers": [name for name in DRIVERS if importlib.util.find_spec(name)],
        "hash_seed": os.environ.pop("PYTHONHASHSEED", ""),
    }


def use_bytecode(kept):
    """Uses what the gate compiled the packages to when it installed them; what is compiled of the tree, or
    by a migration, ends with the run, see `run_call`."""
    import alembic

    pycache = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pycache")
    for folder in map(os.path.dirname, alembic.__path__ if kept else ()):
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(pycache + folder), exist_ok=True)
            os.symlink(kept + folder, pycache + folder)


def become_command():
    """Puts a module in the place of this one that looks like the `alembic` script, whose folder is the
    first of the path."""
    script = os.path.join(os.path.dirname(sys.executable), "alembic")
    main_module = types.ModuleType("__main__")
    main_module.__file__ = script
    main_module.worker = sys.modules["__main__"]
    sys.modules["__main__"] = main_module
    sys.path[0] = os.path.dirname(script)


def serve(gate, hello):
    adopt_orphans()
    # Without a terminal nothing can be asked for there, by getpass for instance.
    os.setsid()
    gate.send_event("ready", **hello)
    wake_r, wake_w = os.pipe()
    for fd in (wake_r, wake_w):
        os.set_blocking(fd, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_w, warn_on_full_buffer=False)
    lines = Lines(gate)
    while (call := lines.next()) is not None:
        if "op" in call:
            run_forked(gate, lines, call, wake_r)


class Lines:
    """The lines that arrive on a socket, as JSON."""

    def __init__(self, sock):
        self.sock = sock
        self.pending = b""

    def waiting(self):
        """Whether a whole line was read already."""
        return b"\n" in self.pending

    def next(self):
        """The next line; None at the end."""
        while b"\n" not in self.pending:
            chunk = self.sock.recv(65536)
            if not chunk:
                return None
            self.pending += chunk
        line, self.pending = self.pending.split(b"\n", 1)
        return json.loads(line)


def run_forked(gate, lines, call, wake_r):
    """Runs a call in a process of its own, and tells how it ended."""
    out_r, out_w = os.pipe()
    go_r, go_w = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(out_r)
            os.close(go_w)
            code = run_call(gate, call, out_w, go_r)
        except BaseException:
            # To the worker's log: this is no fault of the call's.
            traceback.print_exc()
        finally:
            os._exit(code)
    # Here as well as there: whichever comes first, the group is there before it has to be ended.
    lead_group(pid)
    os.close(out_w)
    os.close(go_r)
    tail, total, prints, gate_is_gone, status = bytearray(), 0, True, False, None
    while status is None:
        watched = [wake_r] + ([out_r] if prints else []) + ([] if gate_is_gone else [gate])
        # Lines that came along with the call are here already, and no select tells of them.
        ready, _, _ = select.select(watched, [], [], 0 if lines.waiting() else None)
        if out_r in ready:
            count = drain(out_r, tail)
            # At its end a pipe stays readable for ever; the process may live on without it.
            total, prints = total + count, count > 0
        if wake_r in ready:
            os.read(wake_r, 512)
        if lines.waiting() or gate in ready:
            line = lines.next()
            if line is not None and "go" in line:
                with contextlib.suppress(OSError):
                    os.write(go_w, b"\n")
            else:
                gate_is_gone = line is None
                kill_group(pid)
        ended, code = os.waitpid(pid, os.WNOHANG)
        status = code if ended else None
    # What it started and did not wait for ends with it, and lets go of the pipe.
    kill_group(pid)
    orphaned = end_orphans()
    os.set_blocking(out_r, False)
    while (count := drain(out_r, tail)) > 0:
        total += count
    os.close(out_r)
    os.close(go_w)
    if gate_is_gone:
        os._exit(0)
    # The process may have been ended in the middle of a line.
    gate.sendall(b"\n")
    gate.send_event(
        "ended",
        status=os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        output=tail.decode("utf-8", "replace"),
        output_bytes=total,
        orphaned=orphaned,
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
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.setpgid(pid, pid)


def kill_group(pid):
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def adopt_orphans():
    """Makes this process inherit what the processes of its calls leave behind, where the system can do that:
    each call's orphans are its own, whatever goes on in other calls."""
    known = set(sys.modules)
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    # The `alembic` command has not imported it.
    for name in set(sys.modules) - known:
        del sys.modules[name]


def end_orphans():
    """Ends what left its call's process group; whether there was such a process."""
    found = False
    while orphans := children():
        found = True
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        # What these started is inherited next.
    return found


def children():
    """The children of this process; that of the call was waited for."""
    own = os.getpid()
    try:
        with open(f"/proc/{own}/task/{own}/children") as file:
            return list(map(int, file.read().split()))
    except OSError:
        return []


# ----------------------------------------------------------------------------- the process of a call


def run_call(gate, call, out_w, go_r):
    """Runs a call; returns the status of the process."""
    lead_group(0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(out_w, 1)
    os.dup2(out_w, 2)
    # A line at a time: what was printed before the process was ended is still wanted.
    sys.stdout.reconfigure(line_buffering=True)
    # A stale or foreign .pyc never decides what is run, and the tree is left as it was.
    sys.pycache_prefix = call["pycache"]
    os.environ.update(call["env"])
    time.tzset()
    sys.argv = [os.path.join(sys.path[0], "alembic"), *call["argv"]]
    own_pid, ok = os.getpid(), True
    used = watch_use(call["pycache"])
    try:
        os.chdir(call["cwd"])
        value = perform(gate, call, go_r)
    except BaseException as exc:
        ok = False
        report_exception(gate, call, exc)
    else:
        gate.send_event("result", ok=True, value=value)
    end_as_interpreter()
    if os.getpid() == own_pid:
        # A revision may have forked, and what it used is told once.
        gate.send_event("used", **{name: sorted(values) for name, values in used.items()})
    return 0 if ok else 1


def end_as_interpreter():
    """Does what the interpreter does at its end: threads that are not daemons are waited for, `atexit`
    runs, and what was printed is written."""
    for end in (threading._shutdown, atexit._run_exitfuncs, sys.stdout.flush, sys.stderr.flush):
        try:
            end()
        except Exception:
            traceback.print_exc()


# What reaches further than the files that are read: its outcome may differ tomorrow.
BEYOND = (
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty",
    "pty.spawn", "socket.connect", "socket.getaddrinfo", "urllib.Request", "ctypes.dlopen", "sqlite3.connect",
    "glob.glob", "shutil.which",
)  # fmt: skip


def watch_use(pycache):
    """Notes which files a call opens, which folders it lists, and what it does besides that the gate
    cannot follow. The interpreter's own audit events tell of all that."""
    used = {"files": set(), "folders": set(), "doubts": set()}
    known = (os.path.dirname(pycache), sys.prefix, sys.base_prefix, sys.exec_prefix, "/proc/")

    def note(kind, path):
        if isinstance(path, int):
            return
        path = os.path.abspath(os.fsdecode(path if path is not None else "."))
        # Of /dev only the file system in memory holds files.
        is_device = path.startswith("/dev/") and not path.startswith("/dev/shm/")
        if not path.startswith(known) and not is_device:
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


def perform(gate, call, go_r):
    from alembic import command
    from alembic.config import CommandLine
    from alembic.script import ScriptDirectory

    argv = call["argv"]
    if call["op"] == "check" and not hasattr(command, "check"):
        # An Alembic before 1.9 knows no such command; this one has env.py connect as well.
        argv = [*argv[:-1], "current"]
    options = CommandLine(prog="alembic").parser.parse_args(argv)
    config = make_config(call["ini"], options)
    if call["config_url"]:
        # `%` begins an interpolation in an ini.
        config.set_main_option("sqlalchemy.url", call["config_url"].replace("%", "%%"))
    for section, url in call["section_urls"].items():
        config.set_section_option(section, "sqlalchemy.url", url.replace("%", "%%"))
    if call["op"] == "check":
        guard_connections(gate, call)
        return check(gate, config)
    if call["op"] != "describe":
        guard_connections(gate, call)
        return migrate(gate, call, config, go_r)
    # An id that is used twice is in the answer; as a warning it would only be printed.
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        description = describe(ScriptDirectory.from_config(config), said)
    if not description["repeated"]:
        for one in said:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return description


def make_config(ini, options):
    """A configuration as the `alembic` command makes it."""
    from alembic.config import Config

    is_toml = os.path.basename(ini) == "pyproject.toml"
    # The command reads both, whichever is named.
    toml = os.path.abspath(ini if is_toml else "pyproject.toml")
    ini = "alembic.ini" if is_toml else ini
    arguments = {"file_": ini, "ini_section": options.name, "cmd_opts": options}
    if "toml_file" in inspect.signature(Config.__init__).parameters and os.path.exists(toml):
        arguments["toml_file"] = toml
    return Config(**arguments)


def migrate(gate, call, config, go_r):
    """What `alembic upgrade` and `alembic downgrade` do, with a word to the gate before each revision
    and around each statement, and a wait before the revisions at which the gate wants to look."""
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(config)
    revisions = script._upgrade_revs if call["op"] == "upgrade" else script._downgrade_revs
    waits = list(call["pause_before"])
    begun, running = trace_transactions(call), {"file": None, "session": None}

    def steps(rev, context):
        running["session"] = session_of(context.connection)
        carried = carried_by(context.connection) if waits else set()
        if call.pop("describe", False):
            # A graph that cannot be walked is told by the step that counts heads.
            with contextlib.suppress(Exception):
                gate.send_event("graph", value=describe(script))
        if context.connection in begun:
            gate.send_event("begun", frames=begun[context.connection])
        say_version_table(gate, context)
        # Alembic takes the next step when the one before is done and committed.
        for step in revisions(call["revision"], rev):
            if hasattr(step, "revision"):
                revision = step.revision.revision
                if step.is_upgrade and revision in waits:
                    waits.clear()
                    open_now = {"an open transaction"} if context.connection.in_transaction() else set()
                    more = (carried_by(context.connection) - carried) | open_now
                    gate.send_event("paused", carries=sorted(more))
                    os.read(go_r, 1)
                direction = "upgrade" if step.is_upgrade else "downgrade"
                gate.send_event("revision", id=revision, direction=direction)
                running["file"] = getattr(step.revision.module, "__file__", None)
            yield step
        running["file"] = None
        gate.send_event("revisions_done")

    trace_statements(gate, running)
    trace_failures(call)
    if call["looks"]:
        look_around_statements(gate, call, go_r)
    environment = EnvironmentContext(
        config, script, fn=steps, as_sql=False, starting_rev=None, destination_rev=call["revision"], tag=None
    )
    with environment:
        script.run_env()


def trace_transactions(call):
    """The transactions that run, each with the frames that began it, but for those that Alembic began:
    one that env.py began is env.py's to commit."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    begun = {}

    @event.listens_for(Engine, "begin")
    def begin(conn):
        stack = list(traceback.walk_stack(None))
        if any(frame.f_globals.get("__name__") == "alembic.runtime.migration" for frame, _ in stack):
            return
        if "greenlet" in sys.modules:
            # SQLAlchemy runs what is asynchronous in another stack.
            parent = sys.modules["greenlet"].getcurrent().parent
            stack += traceback.walk_stack(parent.gr_frame) if parent is not None else []
        begun[conn] = frames_of(traceback.StackSummary.extract(stack[::-1], lookup_lines=False), call)

    @event.listens_for(Engine, "commit")
    @event.listens_for(Engine, "rollback")
    def end(conn):
        begun.pop(conn, None)

    return begun


def ask(connection, sql):
    """Rows that the gate asks for. The driver's cursor is used, so that env.py, which may listen to
    statements, hears of its own alone."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(sql)
        return cursor.fetchall()
    finally:
        cursor.close()


def ask_aside(connection, sql):
    """The same in the transaction that is open, or else in one that leaves nothing."""
    is_open = connection.in_transaction()
    try:
        return ask(connection, sql)
    finally:
        if not is_open:
            connection.connection.rollback()


# Where a connection finds a table that is named without a schema.
STANDS = "SELECT current_schema(), current_database()"


def say_version_table(gate, context):
    """Where the version is kept, as the connection finds it now: `search_path` may name its schema."""
    schema, database, connection = context.version_table_schema, None, context.connection
    if connection is not None:
        [(found, database)] = ask_aside(connection, STANDS)
        schema = schema or (found if found != "public" else None)
    metadata = context.opts.get("target_metadata")
    metadata = metadata if isinstance(metadata, (list, tuple)) else [metadata]
    # One without tables, which only names constraints, is no model of the schema.
    models = any(getattr(one, "tables", None) for one in metadata)
    gate.send_event("version_table", name=context.version_table, schema=schema, database=database, models=models)


def compared(config):
    """The operations that lead from the database to the models of env.py."""
    from alembic.autogenerate import produce_migrations
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    found = []

    def compare(rev, context):
        found.append(produce_migrations(context, context.opts["target_metadata"]).upgrade_ops)
        return []

    script = ScriptDirectory.from_config(config)
    with EnvironmentContext(config, script, fn=compare, as_sql=False):
        script.run_env()
    return found[-1]


def check(gate, config):
    """What `alembic check` does; tells the operations that it found, as a revision would hold them."""
    from alembic.autogenerate import render_python_code
    from alembic.runtime.migration import MigrationContext

    operations = []
    # A hook of env.py may ask for it, as `alembic revision` has it.
    config.cmd_opts.autogenerate = True
    context = MigrationContext.configure(dialect_name="postgresql")
    for part in differing(config):
        code = render_python_code(part, migration_context=context)
        lines = [line.removeprefix("    ") for line in code.splitlines() if "# ###" not in line]
        operations += [line for line in lines if line != "pass"]
    gate.send_event("models", operations=operations)


def differing(config):
    """The operations that `alembic check` finds, in parts."""
    from alembic import command

    if not hasattr(command, "check"):
        return [compared(config)]
    from alembic.util.exc import AutogenerateDiffsDetected

    try:
        command.check(config)
    except IndexError as exc:
        # A hook drops a revision without operations, and the command takes the last one all the same.
        if raised_in(exc) != "alembic.command":
            raise
    except AutogenerateDiffsDetected as found:
        revisions = getattr(found, "revision_context", None)
        # An older Alembic tells the differences and keeps no operations.
        return revisions.generated_revisions[-1].upgrade_ops_list if revisions else [compared(config)]
    return []


# What a connection may carry from one revision to the next, by Postgres's own word.
CARRIED = """
SELECT 'setting ' || name || ' = ' || setting FROM pg_settings
           WHERE source = 'session' AND left(name, 12) <> 'transaction_'
UNION ALL SELECT 'role ' || current_user
UNION ALL SELECT 'temporary ' || relname FROM pg_class WHERE relnamespace = pg_my_temp_schema()
UNION ALL SELECT 'temporary ' || proname FROM pg_proc WHERE pronamespace = pg_my_temp_schema()
UNION ALL SELECT 'lock ' || concat_ws(' ', classid, objid, objsubid) FROM pg_locks
           WHERE pid = pg_backend_pid() AND locktype = 'advisory'
UNION ALL SELECT 'prepared statement ' || name FROM pg_prepared_statements WHERE from_sql
UNION ALL SELECT 'cursor ' || name FROM pg_cursors WHERE is_holdable
UNION ALL SELECT 'channel ' || channel FROM pg_listening_channels() AS channel
"""


def carried_by(connection):
    """What a connection carries beside the database."""
    try:
        return {carried for (carried,) in ask_aside(connection, CARRIED)}
    except Exception as exc:
        return {f"unknown: {type(exc).__name__}"}


def session_of(conn):
    """The driver's connection of a connection of SQLAlchemy."""
    pooled = conn.connection
    return getattr(pooled, "dbapi_connection", None) or pooled.connection


def trace_statements(gate, running):
    """Tells each statement, the line of the running revision's file that runs it, and whether it runs on
    another connection than Alembic's."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    count, began = 0, 0.0

    def line():
        frame = sys._getframe(2)
        while frame is not None and frame.f_code.co_filename != running["file"]:
            frame = frame.f_back
        return frame.f_lineno if frame is not None else None

    @event.listens_for(Engine, "before_cursor_execute")
    def before(conn, cursor, statement, parameters, context, executemany):
        nonlocal count, began
        count += 1
        if count <= STATEMENTS_KEPT:
            apart = running["session"] not in (None, session_of(conn))
            gate.send_event("statement", sql=clip(statement), line=line(), apart=apart)
            began = time.perf_counter()

    @event.listens_for(Engine, "after_cursor_execute")
    def after(conn, cursor, statement, parameters, context, executemany):
        if count <= STATEMENTS_KEPT:
            gate.send_event("statement_done", seconds=time.perf_counter() - began)


# What aborted the transaction in which a statement was refused (25P02): the words of Postgres, and the frames.
ABORTED_BY = []


def trace_failures(call):
    """Keeps the first statement that fails in each transaction: its exception may be caught."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    first = {}

    @event.listens_for(Engine, "handle_error")
    def failed(context):
        fields = server_fields(context.original_exception)
        if fields["sqlstate"] == "25P02":
            ABORTED_BY[:] = first.get(context.connection, ())
            return
        said = fields["message"] or message_of(context.original_exception)
        frames = frames_of(traceback.extract_stack(), call)
        first.setdefault(context.connection, (said.strip().partition("\n")[0], frames))

    @event.listens_for(Engine, "commit")
    @event.listens_for(Engine, "rollback")
    def end(conn):
        first.pop(conn, None)

    @event.listens_for(Engine, "rollback_savepoint")
    def end_savepoint(conn, name, context):
        first.pop(conn, None)


# What a session sees of its own work: the strongest lock on each relation, the file that holds it, how
# often it was read from one end to the other, how many rows that gave, and how many were changed.
LOOK = """
SELECT json_build_object('pid', pg_backend_pid(), 'began', now()::text, 'lock_timeout', current_setting('lock_timeout'),
  'relations', coalesce((
    SELECT json_agg(json_build_array(r.oid::int8, r.mode, r.node, s.scans, s.returned, s.written))
    FROM (SELECT coalesce(c.oid, l.relation) AS oid, coalesce(l.mode, 0) AS mode, coalesce(c.relfilenode::int8, 0) AS node
          FROM pg_class c FULL JOIN (
            SELECT relation, max(array_position(ARRAY['AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock',
                     'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'], mode)) AS mode
            FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' GROUP BY relation) l ON l.relation = c.oid
          WHERE c.relkind IN ('r', 'p', 'm', 'v', 'i', 'I') OR c.oid IS NULL) r
    CROSS JOIN LATERAL (SELECT
      pg_stat_get_numscans(r.oid) + pg_stat_get_xact_numscans(r.oid) AS scans,
      pg_stat_get_tuples_returned(r.oid) + pg_stat_get_xact_tuples_returned(r.oid) AS returned,
      pg_stat_get_tuples_updated(r.oid) + pg_stat_get_xact_tuples_updated(r.oid)
        + pg_stat_get_tuples_deleted(r.oid) + pg_stat_get_xact_tuples_deleted(r.oid) AS written) s
    WHERE r.oid >= 16384 AND (r.mode > 0 OR s.scans > 0 OR s.written > 0)), '[]'))::text
"""
BEGAN = "SELECT now()::text"


def look_around_statements(gate, call, go_r):
    """Tells before and after each statement, and before each commit, what the session holds. Outside of a
    transaction the gate sets its traps before the statement; before a commit it tries who waits."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    # The last look of each session: when its transaction began, and when the look was done.
    last, in_tree = {}, {}

    def look(conn, when, sql=None, wait=False):
        started = time.perf_counter()
        try:
            seen = json.loads(ask(conn, LOOK)[0][0])
            began, ended, autocommit = last.get(seen["pid"], (None, started, False))
            if began != seen["began"]:
                ended = started
                if when == "before":
                    autocommit = ask(conn, BEGAN)[0][0] != seen["began"]
        except Exception as exc:
            gate.send_event("look", when="failed", sql=f"{type(exc).__name__}: {exc}", lines=[])
            return
        idle = started - ended if when != "after" else 0.0
        waits = wait or (autocommit and when == "before")
        gate.send_event("look", when=when, sql=sql, lines=lines(), waits=waits, autocommit=autocommit, idle=idle, **seen)
        if waits:
            os.read(go_r, 1)
        last[seen["pid"]] = (seen["began"], time.perf_counter(), autocommit)

    def lines():
        found, frame = [], sys._getframe(2)
        while frame is not None:
            file = frame.f_code.co_filename
            if file not in in_tree:
                in_tree[file] = lies_in_tree(file, call)
            if in_tree[file]:
                found.append([os.path.abspath(file), frame.f_lineno or 1])
            frame = frame.f_back
        return found

    @event.listens_for(Engine, "before_cursor_execute")
    def before(conn, cursor, statement, parameters, context, executemany):
        look(conn, "before", clip(statement))

    @event.listens_for(Engine, "after_cursor_execute")
    def after(conn, cursor, statement, parameters, context, executemany):
        look(conn, "after", clip(statement))

    @event.listens_for(Engine, "commit")
    def commit(conn):
        look(conn, "commit", wait=True)


def describe(script, said=()):
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


# ------------------------------------------------------------------- no database but the gate's own


class ForeignDatabase(Exception):
    """A connection to a database that the gate did not make was asked for."""


def guard_connections(gate, call):
    """Refuses each connection to anything but the gate's databases, before it is opened. SQLAlchemy tells
    of its own; of the drivers, the functions that connect are looked at as soon as they are imported."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def check(driver, args, kwargs):
        try:
            target = target_of(driver, args, kwargs)
        except Exception as exc:
            # The driver itself refuses what cannot be understood, with its own words.
            target = {"host": None, "port": None, "database": f"({type(exc).__name__}: {exc})"}
        if is_allowed(target, call["server"]):
            return
        frames = [frame for frame in frames_of(traceback.extract_stack(), call) if frame["file"] != __file__]
        gate.send_event("refused", frames=frames[::-1], **target)
        where = ", ".join(f"{name} {value}" for name, value in target.items() if value is not None)
        raise ForeignDatabase(f"the gate refused a connection to a database that is not its own: {where}")

    @event.listens_for(Engine, "do_connect")
    def do_connect(dialect, record, args, kwargs):
        check(dialect.driver, args, kwargs)

    def checking(driver, connect):
        def checked(*args, **kwargs):
            check(driver, args, kwargs)
            return connect(*args, **kwargs)

        return checked

    def guard_asyncpg(module):
        module.connect = checking("asyncpg", module.connect)

    def guard_psycopg2(module):
        module._connect = checking("psycopg2", module._connect)

    def guard_psycopg(module):
        module.connect = checking("psycopg", module.connect)
        for kind in (module.Connection, module.AsyncConnection):
            kind.connect = classmethod(skipping("psycopg", vars(kind)["connect"].__func__))

    def guard_pg8000(module):
        module.CoreConnection.__init__ = skipping("pg8000", module.CoreConnection.__init__)

    def skipping(driver, connect):
        def checked(first, *args, **kwargs):
            check(driver, args, kwargs)
            return connect(first, *args, **kwargs)

        return checked

    guards = {
        # What `asyncpg.connect` and pools call.
        "asyncpg.connection": guard_asyncpg,
        # What `psycopg2.connect` calls.
        "psycopg2._psycopg": guard_psycopg2,
        "psycopg": guard_psycopg,
        # What `pg8000.connect`, `pg8000.dbapi` and `pg8000.native` make.
        "pg8000.core": guard_pg8000,
    }
    sys.meta_path.insert(0, ModuleFinder(guards))


class ModuleFinder:
    """Finds modules as ever, and hands each to its function when it has been imported."""

    def __init__(self, imported):
        self.imported = imported

    def find_spec(self, name, path=None, target=None):
        if name not in self.imported:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            run, imported = spec.loader.exec_module, self.imported[name]

            def exec_module(module):
                run(module)
                imported(module)

            spec.loader.exec_module = exec_module
        return spec


def target_of(driver, args, kwargs):
    """Host, port and database that a driver's `connect` would go to."""
    kwargs = {name: value for name, value in kwargs.items() if value is not None}
    if driver == "psycopg2":
        from psycopg2.extensions import make_dsn, parse_dsn

        words = {name: value for name, value in kwargs.items() if name not in NOT_IN_DSN}
        asked = parse_dsn(make_dsn(kwargs.get("dsn", args[0] if args else None), **words))
    elif driver == "psycopg":
        from psycopg.conninfo import conninfo_to_dict

        texts = {k: v for k, v in kwargs.items() if isinstance(v, (str, int)) and k in CONNINFO}
        asked = conninfo_to_dict(kwargs.get("conninfo", args[0] if args else ""), **texts)
    elif driver in ("asyncpg", "pg8000"):
        from sqlalchemy.engine import make_url

        if driver == "pg8000":
            kwargs = {**dict(zip(("user", "host", "database", "port"), args)), **kwargs}
        dsn = kwargs.get("dsn", args[0] if args and driver == "asyncpg" else None)
        url = make_url(dsn) if dsn else None
        named = {"host": url.host, "port": url.port, "dbname": url.database} if url else {}
        # What stands before the query wins.
        asked = {**(url.query if url else {}), **{name: value for name, value in named.items() if value}}
        asked.update({name: kwargs[name] for name in ("host", "port", "user") if name in kwargs})
        asked["host"] = kwargs.get("unix_sock", asked.get("host"))
        asked["dbname"] = kwargs.get("database", asked.get("dbname", asked.get("database")))
    else:
        # A whole connection string may hold a password.
        given = next((text for text in args[:1] if isinstance(text, str) and "=" not in text), driver)
        named = kwargs.get("host"), kwargs.get("port"), kwargs.get("database", given)
        texts = (value if value is None else str(value) for value in named)
        return dict(zip(("host", "port", "database"), texts))
    if "service" in asked or "PGSERVICE" in os.environ:
        return {"host": "(a service)", "port": None, "database": asked.get("service")}
    host = asked.get("hostaddr") or asked.get("host") or os.environ.get("PGHOST") or "(the driver's default)"
    user = asked.get("user") or os.environ.get("PGUSER")
    return {
        "host": host if isinstance(host, str) else ",".join(map(str, host)),
        "port": str(asked.get("port") or os.environ.get("PGPORT") or 5432),
        "database": str(asked.get("dbname") or os.environ.get("PGDATABASE") or user or "(the driver's default)"),
    }


# Arguments of psycopg2's `connect` that are no part of a connection string.
NOT_IN_DSN = ("dsn", "connection_factory", "cursor_factory", "async", "async_")
# What of psycopg's keywords belongs to the server and the database.
CONNINFO = ("host", "hostaddr", "port", "dbname", "user", "service")


def is_allowed(target, server):
    """Whether a target is one of the gate's databases on the gate's server."""
    if target["database"] not in server["databases"]:
        return False
    return any(is_at(target["host"], own) for own, port in server["addresses"] if port == target["port"])


def is_at(host, own):
    """Whether a driver's host is this one, or its socket."""
    if own.startswith("/"):
        # pg8000 names the socket itself.
        folder = os.path.dirname(host) if host and "/.s.PGSQL." in host else host
        return bool(folder) and os.path.realpath(folder) == os.path.realpath(own)
    return host == own or bool(addresses(host) & addresses(own))


def addresses(host):
    try:
        return {found[4][0] for found in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return set()


# --------------------------------------------------------------------------------- what was raised


def report_exception(gate, call, exc):
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    exceptions, frames, met = [], [], set()
    current = exc
    while current is not None and id(current) not in met and len(exceptions) < 20:
        met.add(id(current))
        exceptions.append(describe_exception(current))
        frames += frames_of(traceback.extract_tb(current.__traceback__), call)
        if isinstance(current, SyntaxError) and current.filename and lies_in_tree(current.filename, call):
            line = {"file": os.path.abspath(current.filename), "line": current.lineno or 1}
            frames.append({**line, "function": "<module>", "source": current.text})
        current = cause_of(current)
    for raised in exceptions if ABORTED_BY else ():
        if raised["sqlstate"] == "25P02":
            raised["message"] += f"; an earlier statement failed: {ABORTED_BY[0]}"
            frames = ABORTED_BY[1]
    # As a shell would show it; the gate prints the end of it where nothing better is known.
    traceback.print_exception(type(exc), exc, exc.__traceback__)
    gate.send_event("result", ok=False, exceptions=exceptions, frames=frames)


def cause_of(exc):
    """The exception behind another: the one that it was raised from, else one that it holds, as libraries
    hold the database's own, else the one that was handled when it was raised."""
    held = [value for value in (*vars(exc).values(), *exc.args) if isinstance(value, BaseException)]
    return exc.__cause__ or (held[0] if held else None if exc.__suppress_context__ else exc.__context__)


def describe_exception(exc):
    kind = type(exc)
    module = "" if kind.__module__ in ("builtins", __name__) else kind.__module__ + "."
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
    """SQLSTATE, message, detail, hint, and the table and the column at fault, as each driver keeps them."""
    first = exc.args[0] if exc.args else None
    if isinstance(first, dict) and "C" in first:  # pg8000
        keys = {"sqlstate": "C", "message": "M", "detail": "D", "hint": "H", "column": "c"}
        fields = {name: first.get(key) for name, key in keys.items()}
        return {**fields, "table": f"{first.get('s')}.{first['t']}" if "t" in first else None}
    diag = getattr(exc, "diag", None)  # psycopg2 and psycopg
    source = diag or exc  # asyncpg has them on the exception itself
    sqlstate = getattr(exc, "sqlstate", None) or getattr(exc, "pgcode", None)
    return {
        "sqlstate": sqlstate if isinstance(sqlstate, str) else None,
        "message": getattr(diag, "message_primary", None),
        "detail": getattr(source, "message_detail" if diag else "detail", None) if sqlstate else None,
        "hint": getattr(source, "message_hint" if diag else "hint", None) if sqlstate else None,
        "table": f"{source.schema_name}.{source.table_name}" if sqlstate and getattr(source, "table_name", None) else None,
        "column": getattr(source, "column_name", None) if sqlstate else None,
    }


def frames_of(stack, call):
    """The frames of a stack that lie in the tree."""
    return [
        {
            "file": os.path.abspath(frame.filename),
            "line": frame.lineno or 1,
            "function": frame.name,
            "source": frame.line,
        }
        for frame in stack
        if lies_in_tree(frame.filename, call)
    ]


def lies_in_tree(file, call):
    # Code that was made at run time, as Alembic makes its proxies, lies in `<string>`.
    if file.startswith("<") or "site-packages" in file.split(os.sep) or file.startswith(sys.prefix + os.sep):
        return False
    real = os.path.realpath(file)
    return any(real.startswith(os.path.realpath(folder) + os.sep) for folder in call["within"])


if __name__ == "__main__":
    main(*sys.argv[1:])
    # Taking a thousand modules apart takes longer than a step.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
