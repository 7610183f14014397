"""What Alembic says of a tree: the graph, or that it cannot load it. A question and an answer a line."""

import json, sys, io, contextlib
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionMap

# Alembic goes through the revisions that have labels in the order of a set of objects, which is that
# of their addresses. Where an id is used twice that decides who gets which label: here the order is
# that of the files.
add_branches = RevisionMap._add_branches
def in_order(self, revisions, map_):
    add_branches(self, sorted(revisions, key=lambda script: script.path), map_)
RevisionMap._add_branches = in_order

def names(value):
    return [] if value is None else [value] if isinstance(value, str) else list(value)

def describe(ini, partial, endless):
    script = ScriptDirectory.from_config(Config(ini))
    if endless:
        return {"heads": list(script.get_heads()), "bases": list(script.get_bases())}
    walk = list(script.walk_revisions())
    return {
        "heads": list(script.get_heads()),
        "bases": list(script.get_bases()),
        "walk": [r.revision for r in walk],
        "revisions": {r.revision: {
            "down_revision": names(r.down_revision),
            "depends_on": names(r.dependencies),
            "own_dependencies": sorted(r._normalized_resolved_dependencies),
            "children": sorted(r.nextrev),
            "on_branches": sorted(r.branch_labels),
        } for r in walk},
        "resolved": {p: resolve(script, p) for p in partial},
    }

def resolve(script, partial):
    try:
        return script.get_revision(partial).revision
    except Exception as err:
        return None

for line in sys.stdin:
    question = json.loads(line)
    try:
        answer = describe(**question)
    except Exception as err:
        answer = {"error": f"{type(err).__name__}: {err}"}
    print(json.dumps(answer), flush=True)
