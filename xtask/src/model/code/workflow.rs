//! What the audit of the CI workflows finds: `MG300` to `MG329`.

use super::{Code, MIGRATION, Owner, Severity};

const WORKFLOW: Code = Code {
    owner: Owner::Sre,
    verify: "`cargo xtask migration-gate workflow` must pass",
    ..MIGRATION
};

/// No job of any workflow runs the gate.
pub static NOT_RUN: Code = Code {
    id: "MG300",
    title: "no job runs the migration gate",
    remedy: &[
        "add a job that runs `cargo xtask migration-gate` for pull requests; `.github/workflows/\
         ci-pr.yml` of this repository is one",
    ],
    ..WORKFLOW
};

/// The workflow that runs the gate does not run for a pull request.
pub static NOT_FOR_PULL_REQUESTS: Code = Code {
    id: "MG301",
    title: "the gate does not run for pull requests",
    remedy: &[
        "trigger its workflow `on: pull_request`, for the branch that is merged to, with the types \
         that GitHub takes by itself (opened, synchronize, reopened)",
    ],
    ..WORKFLOW
};

/// A change that decides the outcome of the gate does not trigger it.
pub static PATH_NOT_COVERED: Code = Code {
    id: "MG302",
    title: "a file that decides the outcome does not trigger the gate",
    remedy: &["add the path to the filter of the workflow, or of the job that detects changes"],
    ..WORKFLOW
};

/// The merge queue does not wait for the gate.
pub static NOT_IN_MERGE_QUEUE: Code = Code {
    id: "MG303",
    title: "the merge queue runs without the gate",
    remedy: &["add `merge_group:` to the triggers of the workflow that runs the gate"],
    ..WORKFLOW
};

/// A job downstream of the detection of changes has no `if:` of its own.
pub static NO_EXPLICIT_IF: Code = Code {
    id: "MG304",
    title: "a job downstream of `detect-changes` has no explicit `if:`",
    remedy: &[
        "give the job an `if:`: where a job that it needs, directly or not, is skipped, GitHub skips \
         it without a word otherwise",
    ],
    ..WORKFLOW
};

/// The job or step that runs the gate never runs for a pull request.
pub static NEVER_RUNS: Code = Code {
    id: "MG305",
    title: "a condition that never holds for a pull request",
    remedy: &["take out the condition, or give it one that a pull request can meet"],
    ..WORKFLOW
};

/// The gate's failure does not fail its job or its workflow.
pub static CONTINUES_ON_ERROR: Code = Code {
    id: "MG306",
    title: "`continue-on-error` lets a failed gate pass",
    remedy: &["take out `continue-on-error`"],
    ..WORKFLOW
};

/// The shell throws the gate's exit status away.
pub static STATUS_DISCARDED: Code = Code {
    id: "MG307",
    title: "the exit status of the gate is thrown away",
    remedy: &[
        "run `cargo xtask migration-gate` as a command of its own: no `|| true`, no `set +e`, no \
         `!`, no `&`, no `if` around it",
    ],
    ..WORKFLOW
};

/// A pipe takes the gate's exit status.
pub static STATUS_LOST_IN_PIPE: Code = Code {
    id: "MG308",
    title: "the exit status of the gate is lost in a pipe",
    remedy: &[
        "write a file with `--report json=PATH` instead of a pipe, or say `shell: bash`, which turns \
         `pipefail` on",
    ],
    ..WORKFLOW
};

/// The gate's step stands in a comment.
pub static COMMENTED_OUT: Code = Code {
    id: "MG309",
    title: "the gate is commented out",
    remedy: &["bring the step back"],
    ..WORKFLOW
};

/// A tree is not gated.
pub static TREE_LEFT_OUT: Code = Code {
    id: "MG310",
    title: "a tree is left out",
    remedy: &["run the gate without a tree's name, or once for each of `console` and `raptor`"],
    ..WORKFLOW
};

/// An option takes a check out.
pub static CHECK_LEFT_OUT: Code = Code {
    id: "MG311",
    title: "an option leaves a check out",
    remedy: &[
        "compare with the base of the pull request: `--since` with the revision that is gated finds \
         no new revision, and `--ini` or `--root` gate something else",
    ],
    ..WORKFLOW
};

/// The history that `--since` needs is not there.
pub static SHALLOW_HISTORY: Code = Code {
    id: "MG312",
    title: "the checkout has not the history that `--since` needs",
    severity: Severity::Warning,
    remedy: &["give `actions/checkout` `fetch-depth: 0`, or fetch the base before the gate"],
    ..WORKFLOW
};

/// Another major version of Postgres than deployment's.
pub static NOT_POSTGRES_15: Code = Code {
    id: "MG313",
    title: "Postgres is not 15",
    remedy: &["use Postgres 15, which is what deployment runs"],
    ..WORKFLOW
};

/// A secret stands where a migration from a pull request can read it.
pub static SECRET_NEAR_CODE: Code = Code {
    id: "MG314",
    title: "a secret near the code of a pull request",
    remedy: &[
        "take the secret out of the job that runs the gate: a migration is code from a pull request, \
         and the gate needs none",
    ],
    ..WORKFLOW
};

/// The job that runs the gate may write.
pub static WRITE_PERMISSION: Code = Code {
    id: "MG315",
    title: "a write permission near the code of a pull request",
    remedy: &[
        "give the job `permissions: contents: read`, and do what must write in another job, which \
         runs nothing of the pull request",
    ],
    ..WORKFLOW
};

/// What the job that runs the gate may do is not said.
pub static PERMISSIONS_NOT_SAID: Code = Code {
    id: "MG316",
    title: "the permissions of the gate's job are left to the repository's default",
    severity: Severity::Warning,
    remedy: &["say `permissions: contents: read` at the top of the workflow"],
    ..WORKFLOW
};

/// A trigger that gives the base repository's rights to a pull request's code.
pub static PRIVILEGED_TRIGGER: Code = Code {
    id: "MG317",
    title: "a privileged trigger near the code of a pull request",
    remedy: &[
        "trigger the gate by `pull_request`, never by `pull_request_target` or `workflow_run`",
    ],
    ..WORKFLOW
};

/// `upgrade heads` where deployment says `upgrade head`.
pub static UPGRADE_HEADS: Code = Code {
    id: "MG318",
    title: "`upgrade heads` where deployment runs `upgrade head`",
    remedy: &["say `upgrade head`: it fails on two heads, as deployment would"],
    ..WORKFLOW
};

/// The old shell steps stand beside the gate.
pub static OLD_STEPS: Code = Code {
    id: "MG319",
    title: "the old shell steps are still there beside the gate",
    severity: Severity::Warning,
    remedy: &["take the steps out: `cargo xtask migration-gate` does all that they did"],
    ..WORKFLOW
};

/// The old shell steps lack a supply that the recipe has.
pub static OLD_STEPS_LACK_SUPPLY: Code = Code {
    id: "MG320",
    title: "the old shell steps lack a supply that the recipe has",
    remedy: &["run `cargo xtask migration-gate` in their place, which supplies it"],
    ..WORKFLOW
};

/// Something that cannot be known from the files.
pub static UNKNOWN: Code = Code {
    id: "MG321",
    title: "this cannot be known without running it",
    severity: Severity::Note,
    remedy: &[
        "look at it, or write it so that it can be read: a literal in place of an expression",
    ],
    ..WORKFLOW
};

/// The checkout leaves its token where a migration can read it.
pub static TOKEN_LEFT_BEHIND: Code = Code {
    id: "MG322",
    title: "the checkout leaves its token in the working copy",
    severity: Severity::Warning,
    remedy: &["give `actions/checkout` `persist-credentials: false`"],
    ..WORKFLOW
};

/// An option that opens the gate's walls.
pub static ISOLATION_OPENED: Code = Code {
    id: "MG323",
    title: "an option opens what keeps a migration in",
    remedy: &[
        "take out `--allow-remote` and `--pass-env`: in CI a migration needs neither a server \
         elsewhere nor the caller's environment",
    ],
    ..WORKFLOW
};

/// A workflow that is no YAML, or no workflow.
pub static UNREADABLE_WORKFLOW: Code = Code {
    id: "MG324",
    title: "a workflow that cannot be read",
    remedy: &["mend the file at the line that the message names; GitHub runs none of it as it is"],
    ..WORKFLOW
};

/// A weakness that somebody answers for.
pub static BYPASSED: Code = Code {
    id: "MG329",
    title: "the gate is bypassed, for a documented reason",
    severity: Severity::Note,
    owner: Owner::Operator,
    remedy: &["tell the operator when the reason is gone, and take the bypass out"],
    ..WORKFLOW
};

/// Every code of the workflow audit, in order.
#[cfg(test)]
pub static OF_WORKFLOWS: &[&Code] = &[
    &NOT_RUN,
    &NOT_FOR_PULL_REQUESTS,
    &PATH_NOT_COVERED,
    &NOT_IN_MERGE_QUEUE,
    &NO_EXPLICIT_IF,
    &NEVER_RUNS,
    &CONTINUES_ON_ERROR,
    &STATUS_DISCARDED,
    &STATUS_LOST_IN_PIPE,
    &COMMENTED_OUT,
    &TREE_LEFT_OUT,
    &CHECK_LEFT_OUT,
    &SHALLOW_HISTORY,
    &NOT_POSTGRES_15,
    &SECRET_NEAR_CODE,
    &WRITE_PERMISSION,
    &PERMISSIONS_NOT_SAID,
    &PRIVILEGED_TRIGGER,
    &UPGRADE_HEADS,
    &OLD_STEPS,
    &OLD_STEPS_LACK_SUPPLY,
    &UNKNOWN,
    &TOKEN_LEFT_BEHIND,
    &ISOLATION_OPENED,
    &UNREADABLE_WORKFLOW,
    &BYPASSED,
];
