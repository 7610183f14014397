"""What Alembic says of a tree, and what it stores after an upgrade to `heads` and each downgrade."""

import json, sys
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, pool

def names(value):
    return [] if value is None else [value] if isinstance(value, str) else list(value)

def describe(ini):
    revisions = list(ScriptDirectory.from_config(Config(ini)).walk_revisions())
    return [[r.revision, names(r.down_revision), names(r._resolved_dependencies)] for r in revisions]

def run(ini, downs):
    return [stored(ini, target) for target in downs]

def stored(ini, target):
    """Before and after; None where Alembic itself cannot do it."""
    engine = create_engine("sqlite://", poolclass=pool.StaticPool)
    with engine.connect() as connection:
        config = Config(ini)
        config.attributes["connection"] = connection
        def rows():
            rows = connection.exec_driver_sql("SELECT version_num FROM alembic_version")
            return sorted(row[0] for row in rows)
        top = None
        try:
            command.upgrade(config, "heads")
            top = rows()
            command.downgrade(config, target)
        except (KeyError, CommandError):
            # Where a parent or a dependency stands on another one.
            return [top, None]
        return [top, rows()]

for line in sys.stdin:
    question = json.loads(line)
    try:
        answer = run(**question) if "downs" in question else describe(**question)
    except Exception as err:
        answer = {"error": f"{type(err).__name__}: {err}"}
    print(json.dumps(answer), flush=True)
