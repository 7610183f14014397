//! Codes of faults that the lints see in the revision graph and in the files of revisions: `MG200`
//! to `MG219`.

use super::entry::{Code, Example, MIGRATION, Owner, Severity};

const LINT: Code = Code { verify: "`cargo gate lint` must not find it again", ..MIGRATION };

const WARNING: Code = Code { severity: Severity::Warning, ..LINT };

/// A revision whose id or parent is unknown until its file is run.
pub static COMPUTED: Code = Code {
    id: "MG200",
    title: "the revision id is computed at run time",
    symptom: "`lint` says that a revision is computed at run time",
    why: "`revision` or `down_revision` is not a literal, so nobody can read the chain without running the file.",
    example: Some(Example { bad: "revision = make_id(__file__)", good: "revision = \"0045\"" }),
    remedy: &[
        "write it as a literal: tools and reviewers read revision files, they do not run them",
    ],
    ..WARNING
};

/// A Python file in `versions/` that is no revision. Alembic then loads none of the tree.
pub static NOT_A_REVISION: Code = Code {
    id: "MG201",
    title: "a Python file in `versions/` is no revision",
    symptom: "`Could not determine revision id from filename …`",
    why: "Alembic takes every Python file in `versions/` for a revision, and refuses the whole tree when one is not.",
    example: Some(Example {
        bad: "# versions/helpers.py\ndef now(): …",
        good: "# migrations/helpers.py, beside versions/",
    }),
    remedy: &["give it `revision` and `down_revision`, or move it out of `versions/`"],
    ..LINT
};

/// A file that is no Python. Alembic then loads none of the tree.
pub static UNREADABLE: Code = Code {
    id: "MG202",
    title: "the file is not readable Python",
    symptom: "`SyntaxError`, `UnicodeDecodeError`, or `source code string cannot contain null bytes`",
    why: "Alembic imports every file in `versions/`; one that Python cannot read stops all of them.",
    example: Some(Example {
        bad: "<<<<<<< HEAD\nrevision = \"0031\"",
        good: "revision = \"0031\"",
    }),
    remedy: &[
        "fix the syntax at this line; look for conflict markers of an unfinished merge (`<<<<<<<`)",
    ],
    ..LINT
};

/// A revision that descends from itself.
pub static CYCLE: Code = Code {
    id: "MG203",
    title: "revisions form a circle",
    symptom: "`CycleDetected` or `LoopDetected`; or Alembic, asked for anything, never answers",
    why: "Following `down_revision` from the revision leads back to it, so there is no order in which the chain could run.",
    example: Some(Example {
        bad: "revision = \"0031\"\ndown_revision = \"0031\"",
        good: "revision = \"0031\"\ndown_revision = \"0030\"",
    }),
    remedy: &[
        "correct the `down_revision` (or `depends_on`) of one revision of the circle: it names the revision that really came before",
    ],
    ..LINT
};

/// A `depends_on` that names no revision and no branch label.
pub static MISSING_DEPENDENCY: Code = Code {
    id: "MG204",
    title: "`depends_on` names a revision that does not exist",
    symptom: "a bare `KeyError` from Alembic, or `Can't locate revision`",
    why: "The `depends_on` names neither a revision nor a branch label that exists.",
    example: Some(Example { bad: "depends_on = \"billing\"", good: "depends_on = \"0014\"" }),
    remedy: &[
        "name an existing revision by its whole id, or a branch label; or delete the `depends_on`",
    ],
    ..LINT
};

/// More than one revision without a parent.
pub static SEVERAL_BASES: Code = Code {
    id: "MG205",
    title: "more than one base",
    symptom: "`alembic heads` shows two heads that never meet",
    why: "A second revision has `down_revision = None`, so it begins a chain of its own.",
    example: Some(Example {
        bad: "revision = \"0031\"\ndown_revision = None",
        good: "revision = \"0031\"\ndown_revision = \"0030\"",
    }),
    remedy: &[
        "set `down_revision` of the later one to the head before it",
        "where the tree is meant to have several bases, say so: `# migration-gate: allow MG205 …`",
    ],
    ..WARNING
};

/// A new revision that does not descend from the base branch's head.
pub static NOT_ON_BASE_HEAD: Code = Code {
    id: "MG206",
    title: "a new revision is not on the base branch's head",
    mode: Some('C'),
    symptom: "two heads after the merge, though each branch alone has one",
    why: "The base branch has a new head since this branch began: that head and this revision have the same parent.",
    example: Some(Example {
        bad: "# main has 0045 on 0044 by now\nrevision = \"0045\"\ndown_revision = \"0044\"",
        good: "revision = \"0046\"\ndown_revision = \"0045\"",
    }),
    remedy: &[
        "rebase on the base branch, then run `cargo gate renumber`",
        "or set `down_revision` to the base branch's head yourself",
    ],
    ..LINT
};

/// A revision that others already have, and that this change edits, renames or deletes.
pub static CHANGED_ON_BASE: Code = Code {
    id: "MG207",
    title: "a revision of the base branch was changed",
    symptom: "a database that ran the earlier form differs from a fresh one",
    why: "Alembic runs a revision once. A database that has run it never gets what was changed in it later.",
    example: Some(Example {
        bad: "# 0012, merged long ago, edited",
        good: "# 0045, new: alters what 0012 made",
    }),
    remedy: &[
        "take the change back and write a new revision: databases that have run this one never run it again",
        "where the change fixes a collision, or the revision never ran anywhere, say so: `# migration-gate: allow MG207 …`",
    ],
    ..WARNING
};

/// A file name with the number of another revision.
pub static NUMBER_DIFFERS: Code = Code {
    id: "MG208",
    title: "the number in the file name is not the revision's",
    symptom: "`0044_holds.py` holds revision 0045",
    why: "The file was copied, or its name or `revision` was edited: the two numbers are no longer the same.",
    example: Some(Example {
        bad: "# 0044_holds.py\nrevision = \"0045\"",
        good: "# 0045_holds.py\nrevision = \"0045\"",
    }),
    remedy: &["rename the file after its `revision`"],
    ..WARNING
};

/// A revision id with a character that Alembic does not allow.
pub static ILLEGAL_ID: Code = Code {
    id: "MG209",
    title: "Alembic does not allow this revision id",
    symptom: "`RevisionError: Character(s) … not allowed in revision identifier`",
    why: "In a command, `@`, `-`, `+` and `:` have a meaning of their own (`head-1`, `label@head`), so no id may hold them.",
    example: Some(Example { bad: "revision = \"2026-05\"", good: "revision = \"2026_05\"" }),
    remedy: &[
        "take `@`, `-`, `+` and `:` out of the id, and out of every `down_revision` that names it",
    ],
    ..LINT
};

/// A branch label shared by two revisions.
pub static LABEL_USED_TWICE: Code = Code {
    id: "MG210",
    title: "the branch label is used already",
    symptom: "`Branch name '…' in revision … already used by revision …`",
    why: "A branch label stands for one branch.",
    example: Some(Example {
        bad: "branch_labels = (\"billing\",)   # 0014 has it",
        good: "branch_labels = (\"refunds\",)",
    }),
    remedy: &["give one of the two branches another label"],
    ..LINT
};

/// A comment that silences a finding that does not occur.
pub static UNUSED_ALLOW: Code = Code {
    id: "MG211",
    title: "nothing needs this `allow` any more",
    symptom: "`lint` says that an `allow` silences nothing",
    why: "The finding that the comment silenced is gone. If the comment stays, it silences the next one, too.",
    example: Some(Example {
        bad: "# migration-gate: allow MG233 kept for the archive",
        good: "# nothing",
    }),
    remedy: &["remove the comment"],
    ..WARNING
};

/// A comment that is meant to silence a finding and does not.
pub static BAD_ALLOW: Code = Code {
    id: "MG212",
    title: "a comment for the gate that has no effect",
    symptom: "`lint` says that a comment `# migration-gate: …` has no effect",
    why: "The comment has an unknown directive, code, kind or name, or gives no reason.",
    example: Some(Example {
        bad: "# migration-gate: allow MG233",
        good: "# migration-gate: allow MG233 the archive keeps the type",
    }),
    remedy: &[
        "write the comment as the finding says, with your reason; `cargo gate lint --help` lists the directives and the kinds of objects",
    ],
    ..WARNING
};

/// Settings that cannot be followed without Python.
pub static CONFIG_UNKNOWN: Code = Code {
    id: "MG213",
    title: "the Alembic settings do not lead to the revisions",
    owner: Owner::Sre,
    symptom: "`lint` cannot say which files are revisions",
    why: "The section is not in the ini; or `script_location` or `version_locations` names a folder that does not exist, a Python package, or something that is known only at run time.",
    example: Some(Example {
        bad: "script_location = app:migrations",
        good: "script_location = %(here)s/migrations",
    }),
    remedy: &[
        "give `script_location` and `version_locations` as paths, with `%(here)s`",
        "where the ini has another section than `[alembic]`, name it with `--name`",
        "where paths are relative to another folder than the ini's, name that with `--cwd`",
        "where Flask-Migrate sets them, write `script_location = %(here)s` into the ini as well",
    ],
    ..LINT
};

/// One file in two version locations.
pub static LOADED_TWICE: Code = Code {
    id: "MG214",
    title: "one file is in two version locations",
    symptom: "`Revision … is present more than once`",
    why: "Two entries of `version_locations` lead to the same file.",
    example: Some(Example {
        bad: "version_locations = %(here)s/versions %(here)s/versions/..//versions",
        good: "version_locations = %(here)s/versions",
    }),
    remedy: &["take one of the two out of `version_locations`"],
    ..WARNING
};

/// A tree too large to be read whole.
pub static NOT_COMPARED: Code = Code {
    id: "MG215",
    title: "merged revisions were not compared with each other",
    severity: Severity::Note,
    symptom: "a note in the report of an earlier version of the gate; this one reads trees of any size whole",
    why: "An earlier version of the gate read only the new revisions, and what they depend on, of a tree with more than 1 MiB of revisions.",
    example: Some(Example {
        bad: "a report of an earlier version",
        good: "cargo xtask migration-gate lint",
    }),
    remedy: &["run `cargo gate lint` with this version of the gate"],
    verify: "`cargo gate lint` has no such note",
    ..LINT
};

/// A revision id that the base branch has used since.
pub static ID_TAKEN: Code = Code {
    id: "MG216",
    title: "the revision id is taken on the base branch",
    mode: Some('C'),
    symptom: "`Revision … is present more than once` after the merge, though each branch alone has it once",
    why: "Another pull request with the same revision id was merged after this branch began.",
    example: Some(Example {
        bad: "# origin/main has 0045_alpha.py by now\n# 0045_beta.py: revision = \"0045\"",
        good: "# 0046_beta.py: revision = \"0046\"",
    }),
    remedy: &["rebase on the base branch, then run `cargo gate renumber`"],
    ..LINT
};

/// An id that is too long for the version table.
pub static ID_TOO_LONG: Code = Code {
    id: "MG217",
    title: "the revision id has more than 32 characters",
    symptom: "SQLSTATE 22001: `value too long for type character varying(32)`",
    why: "Alembic creates `alembic_version.version_num` as `varchar(32)`, so the revision fails when its id is written there.",
    example: Some(Example {
        bad: "revision = \"0045_add_the_customer_region_column\"",
        good: "revision = \"0045_customer_region\"",
    }),
    remedy: &["shorten the id, and each `down_revision` and `depends_on` that names it"],
    ..LINT
};
