//! Codes of the audit of the CI workflows. `MG312` to `MG329`: faults around the gate.

use super::entry::{Code, Example, MIGRATION, Owner, Severity};

const WORKFLOW: Code =
    Code { owner: Owner::Sre, verify: "`cargo gate workflow` must pass", ..MIGRATION };

/// The history that `--since` needs is missing.
pub static SHALLOW_HISTORY: Code = Code {
    id: "MG312",
    title: "the checkout lacks the history that `--since` needs",
    severity: Severity::Warning,
    symptom: "`cannot find … named by --since`, or a gate that takes every revision for an old one",
    why: "`actions/checkout` fetches one commit by itself, and the base of the pull request is not in it.",
    example: Some(Example {
        bad: "- uses: actions/checkout@v4",
        good: "- uses: actions/checkout@v4\n  with:\n    fetch-depth: 0",
    }),
    remedy: &["give `actions/checkout` `fetch-depth: 0`, or fetch the base before the gate"],
    ..WORKFLOW
};

/// Another major version of Postgres than deployment's.
pub static NOT_POSTGRES_15: Code = Code {
    id: "MG313",
    title: "Postgres is not 15",
    symptom: "a migration that passes the gate and fails in production, or the other way round",
    why: "Another major version accepts other statements: deployment runs 15.",
    example: Some(Example { bad: "image: postgres:latest", good: "image: postgres:15" }),
    remedy: &["use Postgres 15, which is what deployment runs"],
    ..WORKFLOW
};

/// A secret that a migration from a pull request can read.
pub static SECRET_NEAR_CODE: Code = Code {
    id: "MG314",
    title: "a secret near the code of a pull request",
    symptom: "a secret in the environment of the job that runs the gate",
    why: "A migration is Python from whoever opened the pull request: what its job can read, it can send away.",
    example: Some(Example {
        bad: "env:\n  TOKEN: ${{ secrets.DEPLOY_TOKEN }}",
        good: "# no secret in this job",
    }),
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
    symptom: "`permissions: write-all`, or a scope with `write`, on the gate's job",
    why: "The job's token is in reach of the code of the pull request, and can do what the job may.",
    example: Some(Example {
        bad: "permissions: write-all",
        good: "permissions:\n  contents: read",
    }),
    remedy: &[
        "give the job `permissions: contents: read`, and do what must write in another job, which \
         runs nothing of the pull request",
    ],
    ..WORKFLOW
};

/// A job that runs the gate without a list of permissions.
pub static PERMISSIONS_NOT_SAID: Code = Code {
    id: "MG316",
    title: "the permissions of the gate's job are left to the repository's default",
    severity: Severity::Warning,
    symptom: "a job without `permissions:`, in a workflow without them",
    why: "What the token may do then depends on a setting of the repository, which the file does not show.",
    example: Some(Example {
        bad: "jobs:\n  migration-gate:",
        good: "permissions:\n  contents: read\njobs:\n  migration-gate:",
    }),
    remedy: &["say `permissions: contents: read` at the top of the workflow"],
    ..WORKFLOW
};

/// A trigger that runs a pull request's code with the base repository's rights.
pub static PRIVILEGED_TRIGGER: Code = Code {
    id: "MG317",
    title: "a privileged trigger near the code of a pull request",
    symptom: "`pull_request_target` or `workflow_run` above the gate",
    why: "These triggers run with the secrets and the rights of the base repository, and the gate runs the pull request's code.",
    example: Some(Example { bad: "on: pull_request_target", good: "on: pull_request" }),
    remedy: &[
        "trigger the gate by `pull_request`, never by `pull_request_target` or `workflow_run`",
    ],
    ..WORKFLOW
};

/// `upgrade heads` where deployment uses `upgrade head`.
pub static UPGRADE_HEADS: Code = Code {
    id: "MG318",
    title: "`upgrade heads` where deployment runs `upgrade head`",
    symptom: "a deployment that goes through with two heads",
    why: "`heads` applies every branch of a forked tree, in an order that nobody chose, where `head` would stop.",
    example: Some(Example { bad: "run: alembic upgrade heads", good: "run: alembic upgrade head" }),
    remedy: &["say `upgrade head`: it fails on two heads, as deployment would"],
    ..WORKFLOW
};

/// The old shell steps beside the gate.
pub static OLD_STEPS: Code = Code {
    id: "MG319",
    title: "the old shell steps are still there beside the gate",
    severity: Severity::Warning,
    symptom: "`alembic upgrade head` in a step of its own, beside the gate",
    why: "The shell steps from before the gate are still run: they cost time, trust exit statuses, and drift away from the recipes.",
    example: Some(Example {
        bad: "- run: alembic upgrade head\n- run: cargo xtask migration-gate",
        good: "- run: cargo xtask migration-gate",
    }),
    remedy: &["take the steps out: `cargo gate` does all that they did"],
    ..WORKFLOW
};

/// The old shell steps lack a supply that the recipe has.
pub static OLD_STEPS_LACK_SUPPLY: Code = Code {
    id: "MG320",
    title: "the old shell steps lack a supply that the recipe has",
    symptom: "`not found in the admins table`, or `role \"raptor_app\" does not exist`, from a shell step",
    why: "A row or a role was added to the recipe, and not to the shell steps.",
    example: Some(Example {
        bad: "- run: cd backend_v2 && alembic upgrade head",
        good: "- run: cargo xtask migration-gate raptor",
    }),
    remedy: &["run `cargo gate` in their place, which supplies it"],
    ..WORKFLOW
};

/// A property that the files do not determine.
pub static UNKNOWN: Code = Code {
    id: "MG321",
    title: "this can be known only by running the workflow",
    severity: Severity::Note,
    symptom: "a note that something cannot be known from the file",
    why: "An expression, a matrix or an input decides it when the workflow runs.",
    example: Some(Example {
        bad: "image: postgres:${{ vars.POSTGRES }}",
        good: "image: postgres:15",
    }),
    remedy: &[
        "look at it, or write it so that it can be read: a literal in place of an expression",
    ],
    ..WORKFLOW
};

/// The checkout stores its token where a migration can read it.
pub static TOKEN_LEFT_BEHIND: Code = Code {
    id: "MG322",
    title: "the checkout leaves its token in the working copy",
    severity: Severity::Warning,
    symptom: "an `extraheader` in `.git/config` while the gate runs",
    why: "`actions/checkout` leaves its token in the working copy unless it is told not to.",
    example: Some(Example {
        bad: "- uses: actions/checkout@v4",
        good: "- uses: actions/checkout@v4\n  with:\n    persist-credentials: false",
    }),
    remedy: &["give `actions/checkout` `persist-credentials: false`"],
    ..WORKFLOW
};

/// An option that opens the gate's walls.
pub static ISOLATION_OPENED: Code = Code {
    id: "MG323",
    title: "an option weakens the isolation of migrations",
    symptom: "`--allow-remote` or `--pass-env` in a workflow",
    why: "With `--pass-env` a migration gets variables of the caller; with `--allow-remote` the gate connects to a server on another machine.",
    example: Some(Example {
        bad: "run: cargo xtask migration-gate --pass-env DEPLOY_TOKEN",
        good: "run: cargo xtask migration-gate",
    }),
    remedy: &[
        "take out `--allow-remote` and `--pass-env`: in CI a migration needs neither a server \
         elsewhere nor the caller's environment",
    ],
    ..WORKFLOW
};

/// A workflow that is no YAML, or no workflow.
pub static UNREADABLE_WORKFLOW: Code = Code {
    id: "MG324",
    title: "a workflow cannot be read",
    symptom: "a workflow that does not show up under Actions",
    why: "The file is no YAML, or no mapping with `jobs`.",
    example: Some(Example {
        bad: "jobs:\n  gate\n    runs-on: ubuntu-latest",
        good: "jobs:\n  gate:\n    runs-on: ubuntu-latest",
    }),
    remedy: &["fix the file at the line that the message names; GitHub runs none of it as it is"],
    ..WORKFLOW
};

/// The gate's job is skipped together with a job that it needs.
pub static SKIPPED_WITH_ANOTHER: Code = Code {
    id: "MG325",
    title: "the gate is skipped where a job before it fails or is skipped",
    severity: Severity::Warning,
    symptom: "a required check that shows as skipped, and a pull request that can be merged",
    why: "An `if:` without a status function means `success() && …`, and GitHub takes a job that was skipped for one that passed.",
    example: Some(Example {
        bad: "needs: detect-changes\nif: needs.detect-changes.outputs.migrations != 'false'",
        good: "needs: detect-changes\nif: ${{ !cancelled() && needs.detect-changes.outputs.migrations != 'false' }}",
    }),
    remedy: &["begin the condition with `!cancelled() &&`"],
    ..WORKFLOW
};

/// A draft is not gated, and neither is the change when it becomes ready.
pub static DRAFT_NEVER_GATED: Code = Code {
    id: "MG326",
    title: "a draft is not gated when it is ready",
    symptom: "a pull request that was a draft, and a gate that was skipped",
    why: "GitHub takes a skipped job for one that passed, and triggers nothing by itself when a draft becomes ready.",
    example: Some(Example {
        bad: "on: pull_request\n…\nif: github.event.pull_request.draft == false",
        good: "on:\n  pull_request:\n    types: [opened, synchronize, reopened, ready_for_review]",
    }),
    remedy: &["take out the condition, or add `ready_for_review` to the types that trigger it"],
    ..WORKFLOW
};

/// A pull request from a fork is not gated.
pub static FORKS_LEFT_OUT: Code = Code {
    id: "MG327",
    title: "pull requests from forks are not gated",
    symptom: "a gate that is skipped, and so taken for passed, in each pull request from a fork",
    why: "The condition compares the repository that the pull request comes from. The gate needs neither secrets nor rights, so forks can run it.",
    example: Some(Example {
        bad: "if: github.event.pull_request.head.repo.full_name == github.repository",
        good: "# no condition on the repository",
    }),
    remedy: &["take out the condition on the repository"],
    ..WORKFLOW
};

/// A cache is saved after code of the pull request has run.
pub static CACHE_SAVED_LATE: Code = Code {
    id: "MG328",
    title: "a cache is saved after the code of a pull request has run",
    severity: Severity::Warning,
    symptom: "a later run that starts from files that a migration has written",
    why: "A migration can write into any folder of its job. What is saved afterwards is restored in runs that trust it.",
    example: Some(Example {
        bad: "- uses: actions/cache@v4\n- run: cargo xtask migration-gate",
        good: "- uses: actions/cache/restore@v4\n- run: cargo build --locked --package xtask\n- uses: actions/cache/save@v4\n- run: cargo xtask migration-gate",
    }),
    remedy: &[
        "restore with `actions/cache/restore`, build, save with `actions/cache/save`, and run the gate \
         after that",
    ],
    ..WORKFLOW
};

/// A weakness for which an owner has taken responsibility.
pub static BYPASSED: Code = Code {
    id: "MG329",
    title: "the gate is bypassed, for a documented reason",
    severity: Severity::Note,
    owner: Owner::Operator,
    symptom: "a note that names the bypass and its reason",
    why: "A comment in the workflow says why the gate does not count for now.",
    example: Some(Example {
        bad: "# migration-gate: bypass the runners lack Postgres until #12 is done\n- run: cargo xtask migration-gate || true",
        good: "- run: cargo xtask migration-gate",
    }),
    remedy: &["tell the operator when the reason is gone, and take the bypass out"],
    ..WORKFLOW
};
