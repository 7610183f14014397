//! What the lints see in the revision graph and in how the files are kept: `MG200` to `MG219`.

use super::{Code, MIGRATION, Owner, Severity};

const LINT: Code =
    Code { verify: "`cargo xtask migration-gate lint` must not find it again", ..MIGRATION };

const WARNING: Code = Code { severity: Severity::Warning, ..LINT };

/// What a revision is cannot be known without running its file.
pub static COMPUTED: Code = Code {
    id: "MG200",
    title: "computed at run time",
    remedy: &[
        "write it as a literal: tools and reviewers read revision files, they do not run them",
    ],
    ..WARNING
};

/// A Python file in `versions/` that is no revision. Alembic then loads none of the tree.
pub static NOT_A_REVISION: Code = Code {
    id: "MG201",
    title: "a file in `versions/` that is no revision",
    remedy: &["give it `revision` and `down_revision`, or move it out of `versions/`"],
    ..LINT
};

/// A file that is no Python. Alembic then loads none of the tree.
pub static UNREADABLE: Code = Code {
    id: "MG202",
    title: "the file is not readable Python",
    remedy: &["mend the file where the message points; look for what an unfinished merge left"],
    ..LINT
};

/// A revision that descends from itself.
pub static CYCLE: Code = Code {
    id: "MG203",
    title: "a revision that comes before itself",
    remedy: &[
        "point one `down_revision` (or `depends_on`) of the circle at what really came before",
    ],
    ..LINT
};

/// A `depends_on` that names no revision and no branch label.
pub static MISSING_DEPENDENCY: Code = Code {
    id: "MG204",
    title: "a `depends_on` that does not exist",
    remedy: &["name an existing revision, whole, or a branch label; or take it out"],
    ..LINT
};

/// More than one revision without a parent.
pub static SEVERAL_BASES: Code = Code {
    id: "MG205",
    title: "more than one base",
    remedy: &[
        "set `down_revision` of the later one to the head before it",
        "where the tree is meant to have several bases, say so: `# migration-gate: allow MG205 …`",
    ],
    ..WARNING
};

/// A new revision that stands beside the base branch's head and not on it.
pub static NOT_ON_BASE_HEAD: Code = Code {
    id: "MG206",
    title: "a new revision that does not descend from the base branch's head",
    mode: Some('C'),
    remedy: &[
        "rebase on the base branch, then run `cargo xtask migration-gate renumber`",
        "or set `down_revision` to the base branch's head by hand",
    ],
    ..LINT
};

/// A revision that others already have, and that this change edits, renames or deletes.
pub static CHANGED_ON_BASE: Code = Code {
    id: "MG207",
    title: "a revision of the base branch was changed",
    remedy: &[
        "leave it as it is and write a new revision: databases that have run it never run it again",
        "where it mends a collision or never ran anywhere, say so: `# migration-gate: allow MG207 …`",
    ],
    ..WARNING
};

/// A file name whose number is another revision's.
pub static NUMBER_DIFFERS: Code = Code {
    id: "MG208",
    title: "the number in the file name is not the revision's",
    remedy: &["rename the file after its `revision`"],
    ..WARNING
};

/// A revision id with a character that Alembic does not allow.
pub static ILLEGAL_ID: Code = Code {
    id: "MG209",
    title: "a revision id that Alembic refuses",
    remedy: &["take `@`, `-`, `+` and `:` out of the id, and out of every `down_revision` of it"],
    ..LINT
};

/// A branch label that stands for two revisions.
pub static LABEL_USED_TWICE: Code = Code {
    id: "MG210",
    title: "a branch label that is used already",
    remedy: &["give one of the two branches another label"],
    ..LINT
};

/// A comment that silences what is not there.
pub static UNUSED_ALLOW: Code = Code {
    id: "MG211",
    title: "nothing needs this `allow` any more",
    remedy: &["remove the comment"],
    ..WARNING
};

/// A comment that is meant to silence something and does not.
pub static BAD_ALLOW: Code = Code {
    id: "MG212",
    title: "an `allow` that allows nothing",
    remedy: &["write `# migration-gate: allow MGnnn` and why, on one line"],
    ..WARNING
};

/// Settings that cannot be followed without Python.
pub static CONFIG_UNKNOWN: Code = Code {
    id: "MG213",
    title: "the Alembic settings cannot be followed",
    owner: Owner::Sre,
    remedy: &["give `script_location` and `version_locations` as paths, with `%(here)s`"],
    ..LINT
};

/// One file in two version locations.
pub static LOADED_TWICE: Code = Code {
    id: "MG214",
    title: "one file lies in two version locations",
    remedy: &["take one of the two out of `version_locations`"],
    ..WARNING
};
