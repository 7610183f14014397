//! `xtask/RUNBOOK.md`: reference for the on-call reader, from the tables that the gate uses.

use std::fmt::Write as _;

use super::words;
use model::code::causes::CAUSES;
use model::code::{self, Code, OPERATOR};
use model::sensitive;
use model::supply::{Given, Supply};
use model::tree::Tree;

const CAUSES_HEAD: &str = "\
## SQLSTATEs and exceptions

The finding's remedy is the one of its SQLSTATE or exception, where that is one of these.
";

/// Steps and supplies of one tree, as its recipe reports them in a dry run.
pub struct Plan {
    /// The tree.
    pub tree: Tree,
    /// The names of its steps, in order.
    pub steps: Vec<String>,
    /// The supplies, and their positions.
    pub given: Vec<Given>,
}

/// Renders the runbook.
pub fn render(plans: &[Plan]) -> String {
    let mut out = String::new();
    push(&mut out, HEAD);
    classes(&mut out);
    push(&mut out, WORK);
    for plan in plans {
        steps(&mut out, plan);
    }
    push(&mut out, "## What is supplied\n");
    push(&mut out, SUPPLIES);
    for plan in plans {
        for given in &plan.given {
            supply(&mut out, &plan.tree, given);
        }
    }
    push(&mut out, RULE);
    push(&mut out, "## Failure modes\n");
    for code in code::ALL.iter().filter(|code| code.mode.is_some()) {
        section(&mut out, code);
    }
    push(&mut out, "## Every other code\n");
    for code in code::ALL.iter().filter(|code| code.mode.is_none()) {
        section(&mut out, code);
    }
    push(&mut out, CAUSES_HEAD);
    causes(&mut out);
    escalation(&mut out);
    push(&mut out, HISTORY);
    out.trim_end().to_owned() + "\n"
}

fn push(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn steps(out: &mut String, plan: &Plan) {
    let tree = &plan.tree;
    let _ = writeln!(
        out,
        "### {}\n\n`{}`, run from `{}`, in the database `{}`:\n",
        tree.label,
        tree.ini_path(),
        tree.cwd,
        tree.database
    );
    for (number, step) in plan.steps.iter().enumerate() {
        let _ = writeln!(out, "{}. `{step}`", number + 1);
    }
    out.push('\n');
}

fn supply(out: &mut String, tree: &Tree, given: &Given) {
    let step = &given.step;
    let (name, required_by, sql) = match &given.what {
        Supply::Row(row) => (row.name, row.required_by, row.insert),
        Supply::Role(role) => (role.name, role.required_by, role.create),
        // The two trees have recipes, which supply no scripts.
        Supply::Script(_) => return,
    };
    let needed_by = match required_by.strip_suffix('+') {
        Some(first) => format!("{first} and later revisions"),
        None => required_by.to_owned(),
    };
    let _ = writeln!(
        out,
        "### {}: {name}\n\nNeeded by {needed_by}, supplied by the step `{step}`:\n\n```sql\n{sql}\n```\n",
        tree.label
    );
}

fn classes(out: &mut String) {
    push(out, "| what one sees | code | what it is | who fixes it |\n|---|---|---|---|");
    for code in code::ALL {
        // A bar would end the cell.
        let symptom = code.symptom.replace('|', "\\|");
        let _ = writeln!(
            out,
            "| {symptom} | {} | {} | {} |",
            code.id,
            code.title,
            words::owner(code.owner)
        );
    }
    out.push('\n');
}

/// The messages of Postgres, SQLAlchemy and Alembic, with their fixes.
fn causes(out: &mut String) {
    push(out, "| what was raised | code | fix |\n|---|---|---|");
    for cause in CAUSES {
        let said = if cause.state.is_empty() { cause.kind } else { cause.state };
        let says = if cause.says.is_empty() {
            String::new()
        } else {
            format!(" '… {} …'", cause.says)
        };
        let fix = cause.remedy.join("; ").replace('|', "\\|");
        let _ = writeln!(out, "| {said}{says} | {} | {fix} |", cause.code.id);
    }
    out.push('\n');
}

fn section(out: &mut String, code: &Code) {
    let name = code.mode.map_or(code.id.to_owned(), |mode| format!("Mode {mode} ({})", code.id));
    let _ = writeln!(out, "### {name}: {}\n", code.title);
    let _ = writeln!(out, "**Symptom.** {}\n\n**Cause.** {}\n", code.symptom, code.why);
    let _ = writeln!(out, "**Fix** ({}):\n", words::owner(code.owner));
    for remedy in code.remedy {
        let _ = writeln!(out, "- {remedy}");
    }
    if code.remedy.is_empty() {
        push(out, "- the message says it");
    }
    let _ = writeln!(out, "\n**Verify.** {}\n", code.verify);
    if let Some(example) = code.example {
        let _ =
            writeln!(out, "```text\n# wrong\n{}\n\n# right\n{}\n```\n", example.bad, example.good);
    }
    for form in code::safe_forms(code) {
        let (what, bad, good) = (form.what, form.bad, form.good);
        let _ = writeln!(
            out,
            "Safe form of {what}:\n\n```python\n# wrong\n{bad}\n\n# right\n{good}\n```\n"
        );
    }
}

fn escalation(out: &mut String) {
    push(out, ESCALATION);
    let areas: Vec<&str> = sensitive::AREAS.iter().map(|(area, _)| *area).collect();
    let _ = writeln!(
        out,
        "- **The operator** ({OPERATOR}) is told:\n  \
           - when the gate is bypassed or switched off without a documented reason;\n  \
           - when a migration fails in production that the gate never saw;\n  \
           - when the gate fails for every pull request although no migration changed;\n  \
           - when a migration fails that touches a sensitive schema ({}). That is SEV-2 until it is \
         shown that no data was lost.\n",
        areas.join(", ")
    );
}

const ESCALATION: &str = "\
## Escalation

The last column of the first table says who fixes what.

- **SRE** (`sre`) fixes, in the pull request at hand, what the gate or its job lacks: a row (mode A), a
  role (mode B), the server, the workflow. Where revisions collide (mode C), SRE coordinates, and
  checks the gate before approving.
- **The migration's author** (`feature-dev`) fixes what is wrong in a revision or in the chain.";

const HEAD: &str = "\
# The migration gate's runbook

Written by `cargo xtask migration-gate runbook` from the gate's own tables; do not edit it by hand.
`cargo xtask migration-gate explain FILE` reads a log with the same knowledge, `explain MG003` or
`explain C` prints one entry.

## When it is red

1. Read the finding: it names the step, the code, the file and line, who fixes it and how.
   `verified` says that its patch turned the gate green on a copy: `git apply` takes it, or run
   `cargo xtask migration-gate --fix`.
2. Only a log is at hand: `cargo xtask migration-gate explain job.log`, or look for its last error in
   the table below.
3. To look at the database as the failed step left it: `cargo xtask migration-gate TREE --keep`.
4. Several heads: `cargo xtask migration-gate graph TREE` marks them and the place where they part.

By the step that failed first:

- **alembic upgrade to 0015 (pre-seed)**: the fault is in a revision at or before 0015; its author
  fixes it.
- **seed kris@ admin row**: the insert fails, or the `admins` table is missing. Check that 0015
  created the table: a migration that does nothing and exits 0 is MG101. Where a recent migration
  changed the table, tell the operator.
- **create raptor_app role**: most often the connection. Run the job once more; if it fails a second
  time, file a `type:reliability` issue.
- **alembic upgrade head**:
  - a row was not found: mode A; the supply goes into the recipe, in the same pull request;
  - a role does not exist: mode B; the role goes into the recipe, in the same pull request;
  - a revision cannot be located: mode E; the author fixes the pointer;
  - a table exists already: mode F; look for `create_table` of that name in all revisions;
  - any other error of Postgres: the author fixes the migration.
- **assert single head**: mode C. Renumber the revision that was merged later; SRE checks the gate
  before approving.
- **downgrade -1 (reversibility check)**: the author fixes `downgrade()`. All migrations must be
  reversible.
- **alembic upgrade head (round trip)**: `downgrade()` left something behind, or removed too much;
  the author fixes it.
- **the gate could not do its work** (exit status 2) says nothing about the migrations. Fix what the
  message names, or run the job once more; if it fails a second time, file a `type:reliability`
  issue.

## What one sees, and what it is
";

const WORK: &str = "\
## What the gate does

Before a pull request that touches a migration tree merges, the gate applies each tree to an empty
Postgres 15 of its own, asserts that there is one head, takes the head back, and applies it again.
Each tree has a database of its own, so that nothing bleeds from one into the other. The server is
private and short-lived, and holds no credentials of production. Production's managed Postgres could
not serve here: it lets nobody create a role with a password. No step trusts an exit status: after
each, the gate reads back what the step left in the database.

A step that depends on one that failed is skipped, and a skipped step is never green. One tree's
failure never stops the other.
";

const SUPPLIES: &str = "\
Production has rows and roles that an empty database lacks. The recipe of each tree creates them, at
the point of the chain where they are needed, with SQL that can run twice: the round trip meets them
again.
";

const RULE: &str = "\
### A migration that needs something new

A migration that looks up a row, or grants to a named role, needs it supplied, in the same pull
request:

1. in the tree's recipe (`xtask/src/recipes`), upgrade to the revision before the one that needs it;
2. add the `Row` (`ON CONFLICT … DO NOTHING`) or the `Role` (`IF NOT EXISTS`, `NOLOGIN`), with its
   step;
3. go on to the head;
4. write this file anew: `cargo xtask migration-gate runbook`.
";

const HISTORY: &str = "\
## Where it comes from

| | |
|---|---|
| issue 1552, PR 1623 | the gate was asked for, and introduced |
| PRs 1548, 1550 | mode C: `0022` and `0024` named another revision's parent |
| PR 1551 | mode D: a partial index with a function that is not immutable |
| issue 1655, PR 1654 | mode A: the operator's row, and the two-phase upgrade around it |
| PR 1656 | mode B: the role `raptor_app` |
| PRs 1781, 1778 | mode C: two revisions claimed `0038`, and their repairs to `0038` and `0040` |
| 2026-05-31 | mode F: `paper_orders` in `0002` and again in `0022` |
";
