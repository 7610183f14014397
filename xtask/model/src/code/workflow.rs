//! Codes of the audit of the CI workflows. `MG300` to `MG311`: whether the gate runs, for which
//! changes, and whether its result counts.

use super::entry::{Code, Example, MIGRATION, Owner};

const WORKFLOW: Code =
    Code { owner: Owner::Sre, verify: "`cargo gate workflow` must pass", ..MIGRATION };

/// No job of any workflow runs the gate.
pub static NOT_RUN: Code = Code {
    id: "MG300",
    title: "no job runs the migration gate",
    symptom: "a pull request that is green without the job `migration-gate`",
    why: "No workflow runs the gate itself, or the command is a comment or another one (`lint`, say): a broken migration reaches production unseen.",
    example: Some(Example {
        bad: "run: cargo xtask migration-gate lint",
        good: "run: cargo xtask migration-gate",
    }),
    remedy: &["add a job that runs `cargo gate` for pull requests; `.github/workflows/\
         ci-pr.yml` of this repository is one"],
    ..WORKFLOW
};

/// The workflow that runs the gate does not run for a pull request.
pub static NOT_FOR_PULL_REQUESTS: Code = Code {
    id: "MG301",
    title: "the gate does not run for pull requests",
    symptom: "the gate is red on the main branch, after the merge",
    why: "Its workflow runs only after the merge, for another branch, or not when a pull request gets new commits.",
    example: Some(Example {
        bad: "on:\n  push:\n    branches: [main]",
        good: "on:\n  pull_request:\n    branches: [main]",
    }),
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
    symptom: "a pull request that changes a migration, and a gate that was skipped",
    why: "A filter of paths leaves out something that decides the outcome: a tree, its env.py, its requirements, or the gate itself.",
    example: Some(Example {
        bad: "paths: ['console/migrations/versions/**']",
        good: "paths: ['console/**', 'backend_v2/**', 'xtask/**', 'Cargo.lock']",
    }),
    remedy: &["add the path to the filter of the workflow, or of the job that detects changes"],
    ..WORKFLOW
};

/// The merge queue does not wait for the gate.
pub static NOT_IN_MERGE_QUEUE: Code = Code {
    id: "MG303",
    title: "the merge queue runs without the gate",
    symptom: "two pull requests that are green alone and make two heads together",
    why: "Each pull request passed before the other was merged, and the queue does not run the gate over both.",
    example: Some(Example {
        bad: "on: [pull_request]",
        good: "on:\n  pull_request:\n  merge_group:",
    }),
    remedy: &["add `merge_group:` to the triggers of the workflow that runs the gate"],
    ..WORKFLOW
};

/// A job downstream of the detection of changes has no `if:` of its own.
pub static NO_EXPLICIT_IF: Code = Code {
    id: "MG304",
    title: "a job downstream of `detect-changes` has no explicit `if:`",
    symptom: "a job that is skipped without a word",
    why: "GitHub skips a job when one that it needs, directly or not, was skipped, unless its `if:` says otherwise.",
    example: Some(Example {
        bad: "migration-gate:\n  needs: detect-changes",
        good: "migration-gate:\n  needs: detect-changes\n  if: ${{ !cancelled() && needs.detect-changes.outputs.migrations != 'false' }}",
    }),
    remedy: &[
        "give the job an `if:`: where a job that it needs, directly or not, is skipped, GitHub skips \
         it without a word otherwise",
    ],
    ..WORKFLOW
};

/// The job or step that runs the gate never runs for a pull request.
pub static NEVER_RUNS: Code = Code {
    id: "MG305",
    title: "a condition never holds for a pull request",
    symptom: "the job shows as skipped in every pull request",
    why: "The condition is false for every pull request, so the gate never runs for one.",
    example: Some(Example {
        bad: "if: github.ref == 'refs/heads/main'",
        good: "if: github.event_name == 'pull_request'",
    }),
    remedy: &["take out the condition, or give it one that a pull request can meet"],
    ..WORKFLOW
};

/// The gate's failure does not fail its job or its workflow.
pub static CONTINUES_ON_ERROR: Code = Code {
    id: "MG306",
    title: "`continue-on-error` lets a failed gate pass",
    symptom: "a red step in a green job",
    why: "GitHub shows a job with `continue-on-error` as passed whatever its steps said.",
    example: Some(Example {
        bad: "- run: cargo xtask migration-gate\n  continue-on-error: true",
        good: "- run: cargo xtask migration-gate",
    }),
    remedy: &["take out `continue-on-error`"],
    ..WORKFLOW
};

/// The shell throws the gate's exit status away.
pub static STATUS_DISCARDED: Code = Code {
    id: "MG307",
    title: "the exit status of the gate is thrown away",
    symptom: "`error[MG…]` in the log of a green job",
    why: "The shell goes on after the gate failed, and the step ends with the status of something else.",
    example: Some(Example {
        bad: "run: cargo xtask migration-gate || true",
        good: "run: cargo xtask migration-gate",
    }),
    remedy: &["run `cargo gate` as a command of its own: no `|| true`, no `set +e`, no \
         `!`, no `&`, no `if` around it"],
    ..WORKFLOW
};

/// A pipe takes the gate's exit status.
pub static STATUS_LOST_IN_PIPE: Code = Code {
    id: "MG308",
    title: "the exit status of the gate is lost in a pipe",
    symptom: "`error[MG…]` in the log of a green job",
    why: "Without `pipefail` a pipe ends with the status of its last command, which is `tee` or the like.",
    example: Some(Example {
        bad: "run: cargo xtask migration-gate | tee gate.log\nshell: sh",
        good: "run: cargo xtask migration-gate --report json=gate.json",
    }),
    remedy: &[
        "write a file with `--report json=PATH` instead of a pipe, or say `shell: bash`, which turns \
         `pipefail` on",
    ],
    ..WORKFLOW
};

/// The gate's step is commented out.
pub static COMMENTED_OUT: Code = Code {
    id: "MG309",
    title: "the gate is commented out",
    symptom: "the job is there, and its log has no step of the gate",
    why: "The command that runs the gate stands behind a `#`.",
    example: Some(Example {
        bad: "# - run: cargo xtask migration-gate",
        good: "- run: cargo xtask migration-gate",
    }),
    remedy: &["bring the step back"],
    ..WORKFLOW
};

/// A tree is not gated.
pub static TREE_LEFT_OUT: Code = Code {
    id: "MG310",
    title: "a tree is left out",
    symptom: "no step of Console, or none of Raptor, in the log",
    why: "The call names one tree, and no other call names the other.",
    example: Some(Example {
        bad: "run: cargo xtask migration-gate console",
        good: "run: cargo xtask migration-gate",
    }),
    remedy: &["run the gate without a tree's name, or once for each of `console` and `raptor`"],
    ..WORKFLOW
};

/// An option takes a check out.
pub static CHECK_LEFT_OUT: Code = Code {
    id: "MG311",
    title: "an option leaves a check out",
    symptom: "a gate that is green over a change that it never compared",
    why: "An option takes away what there is to compare with, or gates something else than this repository.",
    example: Some(Example {
        bad: "run: cargo xtask migration-gate --since HEAD",
        good: "run: cargo xtask migration-gate --since ${{ github.event.pull_request.base.sha }}",
    }),
    remedy: &[
        "compare with the base of the pull request: `--since` with the revision that is gated finds \
         no new revision, and `--ini` or `--root` gate something else",
        "check out the pull request, as `actions/checkout` does without `ref:`",
    ],
    ..WORKFLOW
};
