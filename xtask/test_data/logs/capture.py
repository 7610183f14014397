#!/usr/bin/env python3
"""Captures what plain Alembic and psql print for each incident of `xtask/incidents`.

    pip install uv pyyaml
    python3 xtask/test_data/logs/capture.py            # writes the logs beside this file
    python3 xtask/test_data/logs/capture.py --all DIR  # every combination in every shape, into DIR

For each incident the tree is laid out as it stood then and broken, as `replay` does it, and the
shell steps of the old CI job are run over it, on a cluster that was never used, until one fails.
Nothing of this project runs: only `alembic`, `psql` and `bash`. What was printed is then written in
one of four shapes:

    github  the log of a job as GitHub Actions stores it: time stamps, groups, colours
    gh      the same as `gh run view --log` writes it: job, step and line, separated by tabs
    shell   a terminal, each command behind a `$ `
    bare    the output alone

Machine paths become those of a hosted runner; nothing else is changed. `captured.yaml` says of each
log what it came from and which step failed, by the exit status of its shell.

Needs Postgres 15 (`MIGRATION_GATE_POSTGRES_BIN`, default as Debian has it), `uv`, PyYAML, network
for the packages. As root, the server runs as `postgres`.
"""

import argparse
import concurrent.futures
import datetime
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile

import yaml

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BIN = pathlib.Path(os.environ.get("MIGRATION_GATE_POSTGRES_BIN", "/usr/lib/postgresql/15/bin"))
CHECKOUT = "/github/workspace"
SHAPES = ["github", "gh", "shell", "bare"]
DRIVERS = {"psycopg2": "psycopg2-binary", "psycopg": "psycopg[binary]", "asyncpg": "asyncpg"}

# Alembic, SQLAlchemy, Python. What is not here cannot be installed: Alembic 1.20 asks for SQLAlchemy
# 2.0, and SQLAlchemy 2.1 for Python 3.11.
VERSIONS = [
    ("1.13", "1.4", "3.10"),
    ("1.13", "2.0", "3.10"),
    ("1.13", "2.1", "3.11"),
    ("1.16", "1.4", "3.12"),
    ("1.16", "2.0", "3.12"),
    ("1.16", "2.1", "3.12"),
    ("1.20", "2.0", "3.11"),
    ("1.20", "2.1", "3.11"),
]
# SQLAlchemy 1.4 has no dialect for psycopg 3.
COMBINATIONS = [
    (alembic, sqlalchemy, python, driver)
    for alembic, sqlalchemy, python in VERSIONS
    for driver in DRIVERS
    if (sqlalchemy, driver) != ("1.4", "psycopg")
]
# Those whose logs are kept in the repository: each version, and each driver with the oldest and the
# newest that run it.
KEPT = [
    ("1.13", "1.4", "psycopg2"),
    ("1.13", "2.0", "psycopg"),
    ("1.16", "1.4", "asyncpg"),
    ("1.16", "2.0", "psycopg2"),
    ("1.20", "2.0", "asyncpg"),
    ("1.20", "2.1", "psycopg2"),
    ("1.20", "2.1", "psycopg"),
    ("1.20", "2.1", "asyncpg"),
]
# The widest shape comes once in a round.
KEPT_SHAPES = ["github", "bare", "shell", "bare", "github", "shell", "gh", "bare"]

# Raptor's 0013 needs SQLAlchemy 2.0 for its domain type. With 1.4 it fails there, so what lies behind
# it is not reached.
BEHIND_0013 = ["2026-05-31", "new-role", "raptor-downgrade", "green.raptor"]

SEED = """\
INSERT INTO admins (id, email, display_name, created_at, updated_at, disabled_at)
VALUES (
    '00000000-0000-0000-0000-000000000001',
    'kris@moosequest.net',
    'CI Seed — do not use in prod',
    '2026-01-01T00:00:00',
    '2026-01-01T00:00:00',
    NULL
)
ON CONFLICT (email) DO NOTHING;
"""
ROLE = """\
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'raptor_app') THEN
        CREATE ROLE raptor_app NOLOGIN;
    END IF;
END $$;
"""


def round_trip(label, alembic):
    """The steps that both trees end with: name and script."""
    count = (
        f"COUNT=$({alembic} heads | grep -c '(head)' || true)\n"
        f'echo "{label} head count: $COUNT"\n'
        'if [ "$COUNT" -ne 1 ]; then\n'
        f'  echo "ERROR: {label} alembic has $COUNT heads — expected exactly 1."\n'
        "  exit 1\n"
        "fi"
    )
    return [
        (f"{label} — alembic upgrade head", f"{alembic} upgrade head"),
        (f"{label} — assert single head", count),
        (f"{label} — downgrade -1 (reversibility check)", f"{alembic} downgrade -1"),
        (f"{label} — alembic upgrade head (round trip)", f"{alembic} upgrade head"),
    ]


def psql(sql, from_file, name):
    if from_file:
        return f"psql -v ON_ERROR_STOP=1 -f .ci/{name}.sql"
    return f"psql -v ON_ERROR_STOP=1 <<'SQL'\n{sql}SQL"


def steps(tree, without, from_file, creates):
    """The steps of a tree in the old job: name and script."""
    if creates:
        return [("Create the database", f"createdb {tree}_ci"), *steps(tree, without, from_file, False)]
    if tree == "console":
        alembic = "alembic -c migrations/alembic.ini"
        pre = [("Console — alembic upgrade to 0015 (pre-seed)", f"{alembic} upgrade 0015")]
        if not without:
            script = psql(SEED, from_file, "seed_admin")
            pre.append(("Console — seed kris@ admin row (required by 0016)", script))
        return pre + round_trip("Console", alembic)
    pre = []
    if not without:
        script = psql(ROLE, from_file, "raptor_app")
        pre.append(("Raptor — create raptor_app role (required by 0002+)", script))
    return pre + round_trip("Raptor", "alembic")


def edit(edits, root):
    for change in edits or []:
        ((kind, what),) = change.items()
        file = root / what["file"]
        if kind == "add":
            file.write_text(what["text"])
        elif kind == "remove":
            file.unlink()
        elif kind == "rename":
            file.rename(root / what["to"])
        elif kind == "replace":
            text = file.read_text()
            assert text.count(what["old"]) == 1, what
            file.write_text(text.replace(what["old"], what["new"]))
        elif kind == "today":
            shutil.copy(ROOT / what["file"], file)


def lay_out(incident, driver, root):
    """A copy of the tree at the incident's revision, broken. Returns where Alembic runs."""
    cwd, versions = {
        "console": ("console", "console/migrations/versions"),
        "raptor": ("backend_v2", "backend_v2/alembic/versions"),
    }[incident["tree"]]
    shutil.copytree(ROOT / cwd, root / cwd, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for file in (root / versions).glob("*.py"):
        # The ids of these chains are numbers that grow along the chain.
        if incident["at"] and file.name[:4] > incident["at"]:
            file.unlink()
    edit(incident["broken"].get("edits"), root)
    if driver == "asyncpg":
        env = (root / versions).parent / "env.py"
        env.write_text(asynchronous(env.read_text()))
    ci = root / cwd / ".ci"
    ci.mkdir()
    (ci / "seed_admin.sql").write_text(SEED)
    (ci / "raptor_app.sql").write_text(ROLE)
    return root / cwd


def asynchronous(env):
    """The env.py with an engine of asyncio, as Alembic's template for it has one."""
    head, tail = env.split("def run_migrations_online() -> None:")
    url = re.search(r"create_engine\((\w+\(\))", tail).group(1)
    head = head.replace("import os\n", "import asyncio\nimport os\n")
    head = head.replace(
        "from sqlalchemy import create_engine, pool",
        "from sqlalchemy import pool\nfrom sqlalchemy.ext.asyncio import create_async_engine",
    )
    online = f'''def do_run_migrations(connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=target_metadata,
        transaction_per_migration=True,
    )

    with context.begin_transaction():
        context.run_migrations()


async def run_async_migrations() -> None:
    connectable = create_async_engine({url}, poolclass=pool.NullPool)

    async with connectable.connect() as connection:
        await connection.run_sync(do_run_migrations)

    await connectable.dispose()


def run_migrations_online() -> None:
    """Run the migrations, each in a transaction of its own."""
    asyncio.run(run_async_migrations())


if context.is_offline_mode():'''
    return head + online + tail.split("if context.is_offline_mode():")[1]


class Cluster:
    """A server of its own on a copy of a data folder, reached by TCP as a CI service is."""

    def __init__(self, template, folder, conf):
        self.folder = folder
        self.data = folder / "data"
        subprocess.run(["cp", "-a", template, self.data], check=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        with open(self.data / "postgresql.conf", "a") as file:
            file.write(f"listen_addresses='127.0.0.1'\nport={self.port}\nfsync=off\n")
            file.write(f"unix_socket_directories='{folder}'\n{conf or ''}\n")

    def start(self):
        log = self.folder / "server.log"
        command = [BIN / "pg_ctl", "start", "-w", "-D", self.data, "-l", log]
        return run_as_server(command).returncode == 0

    def stop(self):
        run_as_server([BIN / "pg_ctl", "stop", "-m", "immediate", "-D", self.data])

    def sql(self, sql, database="postgres"):
        command = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql]
        subprocess.run(command, env={**os.environ, **self.env(database)}, check=True)

    def env(self, database):
        return {
            "PGHOST": "localhost",
            "PGPORT": str(self.port),
            "PGUSER": "postgres",
            "PGDATABASE": database,
        }


def run_as_server(command):
    user = "postgres" if os.geteuid() == 0 else None
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.run(command, user=user, cwd="/", check=False, **quiet)


def run_job(incident, combination, venv, template, from_file):
    """Runs the steps until one fails. Returns for each its name, script, output and status."""
    driver = combination[3]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        broken = incident["broken"]
        cwd = lay_out(incident, driver, folder)
        database = f"{incident['tree']}_ci"
        cluster = Cluster(template, folder, broken.get("conf"))
        try:
            # A job has its databases from its service container. The one that may not create them is
            # the one that does.
            creates = "NOCREATEDB" in broken.get("sql", "")
            if cluster.start():
                if not creates:
                    cluster.sql(f"CREATE DATABASE {database}")
                if broken.get("sql"):
                    # The gate begins with the database `postgres`, a job with its own.
                    cluster.sql(broken["sql"].replace("'postgres'", f"'{database}'"))
            env = {
                "PATH": f"{venv}/bin:/usr/bin:/bin",
                "HOME": str(folder),
                "LANG": "C.UTF-8",
                "DATABASE_URL": f"postgresql+{driver}://postgres@localhost:{cluster.port}/{database}",
                **cluster.env(database),
            }
            done = []
            plan = steps(incident["tree"], broken.get("without"), from_file, creates)
            for name, script in plan:
                said = subprocess.run(
                    ["bash", "-e", "-c", script],
                    cwd=cwd,
                    env=env,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    timeout=300,
                )
                text = neutral(said.stdout.decode(), folder, venv, cluster.port)
                done.append((name, script, text, said.returncode))
                if said.returncode:
                    break
            return done
        finally:
            cluster.stop()


def neutral(text, folder, venv, port):
    """The text with the paths and the port that it would have on a hosted runner."""
    python = (venv / "bin/python").resolve()
    version = python.parents[1].name
    hosted = f"/opt/hostedtoolcache/Python/{version}/x64"
    for path in {str(venv), str(venv.resolve()), str(python.parents[1])}:
        text = text.replace(path, hosted)
    text = text.replace(str(folder), CHECKOUT)
    return text.replace(str(port), "5432")


def shaped(shape, incident, done):
    """What the job printed, in one of the shapes."""
    clock = Clock()
    out = []
    database = f"{incident['tree']}_ci"
    env = ["  PGHOST: localhost", "  PGUSER: postgres", f"  PGDATABASE: {database}"]
    for name, script, text, status in done:
        lines = text.splitlines()
        if shape == "bare":
            out += lines
        elif shape == "shell":
            first, *rest = script.splitlines()
            out += [f"$ {first}", *(f"> {line}" for line in rest), *lines]
        else:
            first, *_ = script.splitlines()
            said = [f"##[group]Run {first}"]
            said += [f"\x1b[36;1m{line}\x1b[0m" for line in script.splitlines()]
            said += ["shell: /usr/bin/bash -e {0}", "env:", *env, "##[endgroup]"]
            said += lines
            if status:
                said.append(f"##[error]Process completed with exit code {status}.")
            column = f"migration-gate\t{name}\t" if shape == "gh" else ""
            out += [f"{column}{clock.tick()} {line}" for line in said]
    if shape in ("github", "gh"):
        column = "migration-gate\tComplete job\t" if shape == "gh" else ""
        out.append(f"{column}{clock.tick()} Cleaning up orphan processes")
        # Both are stored with a byte order mark.
        return "\ufeff" + "\n".join(out) + "\n"
    return "\n".join(out) + "\n"


class Clock:
    def __init__(self):
        self.now = datetime.datetime(2026, 5, 11, 9, 26, 53)

    def tick(self):
        self.now += datetime.timedelta(milliseconds=37)
        return self.now.strftime("%Y-%m-%dT%H:%M:%S.%f") + "1Z"


def incidents():
    """Those of the files, a server that is down when Console's steps come, and none at all."""
    files = sorted((ROOT / "xtask/incidents").glob("*.yaml"))
    found = [yaml.safe_load(file.read_text()) for file in files]
    (down,) = [incident for incident in found if incident["id"] == "server-will-not-start"]
    found.append({**down, "id": "server-will-not-start.console", "tree": "console", "at": "0044"})
    for tree in ("console", "raptor"):
        found.append({"id": f"green.{tree}", "tree": tree, "at": None, "broken": {}})
    return found


def environments(folder):
    """One virtual environment for each set of versions."""
    made = {}
    for alembic, sqlalchemy, python in VERSIONS:
        venv = folder / f"alembic-{alembic}-sqlalchemy-{sqlalchemy}"
        if not venv.exists():
            subprocess.run(["uv", "venv", "-q", "--python", python, venv], check=True)
            packages = [f"alembic=={alembic}.*", f"sqlalchemy=={sqlalchemy}.*", "greenlet"]
            packages += DRIVERS.values()
            command = ["uv", "pip", "install", "-q", "--python", venv / "bin/python", *packages]
            subprocess.run(command, check=True)
        made[alembic, sqlalchemy] = venv
    return made


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--venvs", type=pathlib.Path, help="keep the environments here")
    parser.add_argument("--only", help="incidents with these letters in their id")
    arguments = parser.parse_args()
    target = arguments.all or HERE
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        venvs = environments(arguments.venvs or folder)
        template = folder / "template"
        template.mkdir()
        if os.geteuid() == 0:
            shutil.chown(template, "postgres")
        initdb = [BIN / "initdb", "-D", template, "-U", "postgres", "--no-sync"]
        run_as_server([*initdb, "-E", "UTF8", "--locale=C"])
        runs = []
        for incident in incidents():
            if arguments.only and arguments.only not in incident["id"]:
                continue
            shutil.rmtree(target / incident["id"], ignore_errors=True)
            # So that each incident begins the round of shapes elsewhere.
            number = sum(incident["id"].encode())
            for combination in COMBINATIONS:
                alembic, sqlalchemy, _, driver = combination
                if sqlalchemy == "1.4" and incident["id"] in BEHIND_0013:
                    continue
                shapes = SHAPES
                if not arguments.all:
                    if (alembic, sqlalchemy, driver) not in KEPT:
                        continue
                    place = KEPT.index((alembic, sqlalchemy, driver))
                    shapes = [KEPT_SHAPES[(number + place) % len(KEPT_SHAPES)]]
                runs.append((incident, combination, shapes))
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            futures = [pool.submit(capture, *run, venvs, template, target) for run in runs]
            entries = [entry for future in futures for entry in future.result()]
    if arguments.only and (target / "captured.yaml").exists():
        again = {entry["log"].split("/")[0] for entry in entries}
        known = yaml.safe_load((target / "captured.yaml").read_text())
        entries += [entry for entry in known if entry["log"].split("/")[0] not in again]
    entries.sort(key=lambda entry: entry["log"])
    head = "# What each log was captured from; written by capture.py.\n"
    text = yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=1000)
    (target / "captured.yaml").write_text(head + text)


def capture(incident, combination, shapes, venvs, template, target):
    alembic, sqlalchemy, python, driver = combination
    venv = venvs[alembic, sqlalchemy]
    from_file = shapes[0] in ("gh", "bare")
    done = run_job(incident, combination, venv, template, from_file)
    failed = [name for name, _, _, status in done if status]
    entries = []
    folder = target / incident["id"]
    folder.mkdir(parents=True, exist_ok=True)
    for shape in shapes:
        log = f"{incident['id']}/alembic-{alembic}-sqlalchemy-{sqlalchemy}-{driver}.{shape}.log"
        (target / log).write_text(shaped(shape, incident, done))
        entries.append({"log": log, "python": python, "failed": failed[0] if failed else None})
    print(incident["id"], *combination, failed, flush=True)
    return entries


if __name__ == "__main__":
    main()
