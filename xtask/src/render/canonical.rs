//! The reports on which every format is tested: green, each failure mode, several findings, a fault
//! of the gate itself, and hostile text. Long because each report is whole.

use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};

use model::code::{self, Code, Owner, Severity};
use model::finding::{Edit, Finding, Place, Standing};
use model::graph::{Branch, Fault, Graph, Revision};
use model::report::{Comparison, Next, Postgres, Report, Source, TreeReport};
use model::rollback::Rollback;
use model::stairs::Stairs;
use model::step::{Status, Step};
use model::transcript::{Direction, Exception, RevisionInFlight, Statement, Transcript};
use model::tree::Tree;

const CONSOLE: &[&str] = &[
    "Console — alembic upgrade to 0015 (pre-seed)",
    "Console — seed kris@ admin row (required by 0016)",
    "Console — alembic upgrade head",
    "Console — assert single head",
    "Console — downgrade -1 (reversibility check)",
    "Console — alembic upgrade head (round trip)",
];
const RAPTOR: &[&str] = &[
    "Raptor — create raptor_app role (required by 0002+)",
    "Raptor — alembic upgrade head",
    "Raptor — assert single head",
    "Raptor — downgrade -1 (reversibility check)",
    "Raptor — alembic upgrade head (round trip)",
];

/// A failure mode of the runbook, for these reports only: the gate has its own table.
macro_rules! mode {
    ($id:literal, $mode:literal, $owner:ident, $title:literal) => {
        &Code {
            symptom: "",
            why: "",
            example: None,
            id: $id,
            title: $title,
            severity: Severity::Error,
            mode: Some($mode),
            owner: Owner::$owner,
            remedy: &["fix the one thing", "then the other, with `op.drop_table`"],
            remedy_elsewhere: &[],
            verify: "the step must pass",
            infrastructure: false,
        }
    };
}

static MODE_A: &Code = mode!("MG001", 'A', Sre, "a row that production has is missing");
static MODE_B: &Code = mode!("MG002", 'B', Sre, "a role that production has is missing");
static MODE_D: &Code = mode!("MG004", 'D', FeatureDev, "an index predicate is not immutable");
static MODE_E: &Code = mode!("MG005", 'E', FeatureDev, "a `down_revision` that does not exist");
static MODE_F: &Code = mode!("MG006", 'F', FeatureDev, "a table is created twice");

static TRIFLE: &Code = &Code {
    symptom: "",
    why: "",
    example: None,
    id: "MG200",
    title: "worth a look",
    severity: Severity::Warning,
    mode: None,
    owner: Owner::FeatureDev,
    remedy: &["look at it"],
    remedy_elsewhere: &["look at it, in a tree of its own"],
    verify: "it is gone",
    infrastructure: false,
};

/// Every canonical report, by its name.
pub(super) fn all() -> Vec<(&'static str, Report)> {
    vec![
        ("green", green()),
        ("partly_known", partly_known()),
        ("mode_a", mode_a()),
        ("mode_b", mode_b()),
        ("mode_c", mode_c()),
        ("mode_d", mode_d()),
        ("mode_e", mode_e()),
        ("mode_f", mode_f()),
        ("several", several()),
        ("sick", sick()),
        ("interrupted", Report { interrupted: true, ..sick_base() }),
        ("hostile", hostile()),
        ("workflow", workflow()),
    ]
}

fn step(name: &str, status: Status, milliseconds: u64) -> Step {
    Step {
        name: name.to_owned(),
        status,
        reason: None,
        notes: Vec::new(),
        printed: None,
        elapsed: Duration::from_millis(milliseconds),
        known_since: None,
    }
}

/// A tree whose step `failed` failed; the steps that depend on it were skipped.
fn tree(label: &str, names: &[&str], heads: &[&str], failed: Option<usize>) -> TreeReport {
    let steps = names.iter().enumerate().map(|(index, name)| match failed {
        Some(failed) if index == failed => {
            let printed = "$ alembic upgrade head\nINFO  Running upgrade\n::error::no command\n";
            Step {
                reason: Some("it went wrong".into()),
                printed: Some(printed.into()),
                ..step(name, Status::Failed, 431)
            }
        }
        Some(failed) if index > failed && !name.contains("single head") => {
            Step::skipped((*name).to_owned(), format!("`{}` failed", names[failed]))
        }
        _ if name.contains("single head") => Step {
            notes: vec![format!("{label} head count: {}", heads.len())],
            ..step(name, Status::Passed, 0)
        },
        _ => step(name, Status::Passed, 120 + 7 * index as u64),
    });
    let root = Utf8Path::new("/monorepo");
    let (id, label) = (label.to_lowercase(), label.to_owned());
    let ini = match id.starts_with('c') {
        true => "console/migrations/alembic.ini".into(),
        false => "backend_v2/alembic.ini".into(),
    };
    let (database, cwd) = (format!("{id}_ci"), root.to_owned());
    let of = Tree { id, label, database, cwd, ini, recipe: Some("console"), ..Tree::bare() };
    TreeReport {
        heads: heads.iter().map(ToString::to_string).collect(),
        steps: steps.collect(),
        ..TreeReport::new(&of, root)
    }
}

fn report(console: Option<usize>, raptor: Option<usize>, findings: Vec<Finding>) -> Report {
    Report {
        elapsed: Duration::from_millis(2314),
        next: (!findings.is_empty()).then(|| Next {
            when: "once that is fixed".into(),
            command: "cargo gate raptor".into(),
        }),
        postgres: Some(Postgres { version: "15.18".into(), source: Source::Local }),
        python: vec!["Python 3.11.7, Alembic 1.20.1, SQLAlchemy 2.1.9".into()],
        trees: vec![
            tree("Console", CONSOLE, &["0044"], console),
            tree("Raptor", RAPTOR, &["0030"], raptor),
        ],
        base: Some(Comparison {
            rev: Some("origin/main".into()),
            commit: Some("3f5fa0f1c2a94d6e8b7a5c4d3e2f1a0b9c8d7e6f".into()),
            ..Comparison::default()
        }),
        findings,
        ..Report::default()
    }
}

/// A run on a known start: all steps of one tree are reused, and of the other those before the
/// head.
fn partly_known() -> Report {
    let mut report = green();
    let [console, raptor] = report.trees.as_mut_slice() else { return report };
    for step in console.steps.iter_mut().chain(&mut raptor.steps[..1]) {
        step.known_since = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_778_235_960));
    }
    report
}

fn green() -> Report {
    let mut green = report(None, None, Vec::new());
    let sql = |sql: &str| Statement {
        sql: sql.to_owned(),
        revision: Some("0044".to_owned()),
        line: None,
        elapsed: Some(Duration::from_millis(3)),
    };
    green.trees[0].sql = vec![
        sql("CREATE TABLE audit_log_legal_holds (\n    id UUID NOT NULL,\n    PRIMARY KEY (id)\n)"),
        sql("CREATE INDEX ix_legal_holds ON audit_log_legal_holds (id)"),
    ];
    green.trees[0].rollback = Some(Rollback {
        cwd: "console".into(),
        command: "alembic -c migrations/alembic.ini downgrade 0043".into(),
        revisions: vec!["0044".into()],
        rehearsed: true,
        not_rehearsed: Vec::new(),
        waits: vec!["`audit_log`: reads and writes wait for a moment".into()],
        lost: vec!["0044 audit_log.note".into()],
        no_return: None,
    });
    green
}

/// A finding as made from a failed Alembic call.
fn failed(
    code: &'static Code,
    step: &str,
    revision: &str,
    place: (&str, u32, &str),
    exception: Exception,
) -> Finding {
    let tree = if step.starts_with("Console") { "console" } else { "raptor" };
    let (file, line, source) = place;
    let message = exception.to_string();
    let transcript = Transcript {
        command: "alembic upgrade head".into(),
        exceptions: vec![exception],
        revision: Some(RevisionInFlight { id: revision.into(), direction: Direction::Upgrade }),
        ..Transcript::default()
    };
    Finding {
        tree: Some(tree.into()),
        step: Some(step.into()),
        revision: Some(revision.into()),
        place: Some(Place {
            file: file.into(),
            line: Some(line),
            source: Some(source.to_owned()).filter(|source| !source.is_empty()),
        }),
        transcript: Some(Box::new(transcript)),
        by_hand: vec![format!("cargo xtask migration-gate {tree} --keep   # prints DATABASE_URL")],
        ..Finding::new(code, message)
    }
}

fn raised(kind: &str, message: &str, sqlstate: Option<&str>) -> Exception {
    Exception {
        kind: kind.into(),
        message: message.into(),
        sqlstate: sqlstate.map(Into::into),
        ..Exception::default()
    }
}

fn running(mut finding: Finding, sql: &str) -> Finding {
    if let Some(said) = &mut finding.transcript {
        said.statement = Some(sql.to_owned());
    }
    finding
}

fn mode_a() -> Report {
    let message = "0016 migration: operator 'kris@moosequest.net' not found in the admins table.";
    let finding = failed(
        MODE_A,
        CONSOLE[2],
        "0016",
        (
            "console/migrations/versions/0016_raxx_platform_owners_group.py",
            58,
            "    raise RuntimeError(",
        ),
        raised("RuntimeError", message, None),
    );
    let finding = Finding { sev2: Some("RBAC".into()), ..finding };
    report(Some(2), None, vec![finding])
}

fn mode_b() -> Report {
    let finding = failed(
        MODE_B,
        RAPTOR[1],
        "0031",
        (
            "backend_v2/alembic/versions/0031_reader.py",
            21,
            "    op.execute(\"GRANT SELECT ON t TO reader\")",
        ),
        raised(
            "psycopg2.errors.UndefinedObject",
            "role \"reader\" does not exist\n",
            Some("42704"),
        ),
    );
    report(None, Some(1), vec![running(finding, "GRANT SELECT ON t TO reader")])
}

fn mode_c() -> Report {
    let mut two = report(Some(2), None, Vec::new());
    two.trees[0].heads = vec!["0044".into(), "0044b".into()];
    two.trees[0].wrong_graph = Some(two_heads());
    if let Some(base) = &mut two.base {
        base.moved.push(
            "origin/main has moved: its head of Console is 0044b, this change stands on 0043"
                .into(),
        );
    }
    two.trees[0].steps[3] = Step {
        reason: Some("Console alembic has 2 heads — expected exactly 1.".into()),
        notes: vec![
            "Console head count: 2".into(),
            "ERROR: Console alembic has 2 heads — expected exactly 1.".into(),
        ],
        ..step(CONSOLE[3], Status::Failed, 0)
    };
    two.findings = vec![Finding {
        tree: Some("console".into()),
        step: Some(CONSOLE[3].into()),
        revision: Some("0044b".into()),
        place: Some(Place {
            file: "console/migrations/versions/0044_b.py".into(),
            line: Some(9),
            source: Some("down_revision = \"0043\"".into()),
        }),
        edit: Some(Edit {
            file: "console/migrations/versions/0044_b.py".into(),
            line: 9,
            before: vec!["down_revision = \"0043\"".into()],
            after: vec!["down_revision = \"0044\"".into()],
        }),
        ..Finding::new(
            &code::MULTIPLE_HEADS,
            "Console alembic has 2 heads — expected exactly 1. They are 0044, 0044b.",
        )
    }];
    two
}

/// A graph of revisions, each with its docstring and its parents.
fn graph(revisions: &[(&str, &str, &[usize])]) -> Graph {
    let revision = |(id, title, parents): &(&str, &str, &[usize])| Revision {
        id: (*id).to_owned(),
        title: (*title).to_owned(),
        file: format!("console/migrations/versions/{}.py", id.replace('b', "_b")).into(),
        parents: parents.to_vec(),
        ..Revision::default()
    };
    let all = 0..revisions.len();
    let is_head = |at: &usize| !revisions.iter().any(|(_, _, parents)| parents.contains(at));
    Graph {
        by_id: all.clone().map(|at| (revisions[at].0.to_owned(), at)).collect(),
        heads: all.filter(is_head).collect(),
        revisions: revisions.iter().map(revision).collect(),
        whole: true,
        ..Graph::default()
    }
}

fn two_heads() -> Graph {
    let mut two = graph(&[
        ("0042", "Sessions", &[]),
        ("0043", "Audit log", &[0]),
        ("0044", "Legal holds", &[1]),
        ("0044b", "Retention of the audit log, by tenant", &[1]),
    ]);
    two.revisions[3].new = true;
    two.branches = vec![
        Branch { head: 2, adds: vec![2], from: Some(1) },
        Branch { head: 3, adds: vec![3], from: Some(1) },
    ];
    two
}

/// Labels with text that Mermaid and GitHub could read as markup or commands.
fn hostile_graph() -> Graph {
    let mut hostile = graph(&[
        ("a`b", "`**bold**` \"]; click r0 \"javascript:alert(1)\"", &[]),
        ("%%{init", "%%{init: {\"theme\": \"dark\"}}%% $$x^2$$ #quot; #35; &lt;b&gt;", &[0]),
        ("1. -", "```\n# @everyone <img src=x onerror=alert(1)> fa:fa-ban", &[1]),
        ("end", "end subgraph --> ::: |x| {y} \\n https://example.com/", &[1]),
        ("- x", "~~~ \u{202e} é ü 漢字 🙂", &[1]),
    ]);
    let branch = |head| Branch { head, adds: vec![head], from: Some(1) };
    hostile.branches = vec![branch(2), branch(3), branch(4)];
    hostile.faults = vec![Fault::NoParent { of: 0, named: "`x`\"]\n".into() }];
    hostile
}

fn mode_d() -> Report {
    let finding = failed(
        MODE_D,
        CONSOLE[2],
        "0045",
        ("console/migrations/versions/0045_active.py", 19, "    op.create_index("),
        raised(
            "psycopg2.errors.InvalidObjectDefinition",
            "functions in index predicate must be marked IMMUTABLE\n",
            Some("42P17"),
        ),
    );
    let sql = "CREATE INDEX ix_active ON sessions (id) WHERE expires_at > now()";
    report(Some(2), None, vec![running(finding, sql)])
}

fn mode_e() -> Report {
    let finding = failed(
        MODE_E,
        RAPTOR[1],
        "0031",
        ("backend_v2/alembic/versions/0031_x.py", 12, "down_revision = \"0030f\""),
        raised(
            "alembic.util.exc.CommandError",
            "Can't locate revision identified by '0030f'",
            None,
        ),
    );
    report(None, Some(1), vec![finding])
}

fn mode_f() -> Report {
    let finding = failed(
        MODE_F,
        RAPTOR[1],
        "0022",
        ("backend_v2/alembic/versions/0022_mbt_paper_tables.py", 31, "    op.create_table("),
        raised(
            "psycopg2.errors.DuplicateTable",
            "relation \"paper_orders\" already exists\n",
            Some("42P07"),
        ),
    );
    let predicted = "table `paper_orders` is created by 0002 already, and nothing drops it before \
                     (backend_v2/alembic/versions/0022_mbt_paper_tables.py:31)";
    let finding = Finding { predicted: Some(predicted.into()), ..finding };
    let sql = "\nCREATE TABLE paper_orders (\n\tid SERIAL NOT NULL,\n\tPRIMARY KEY (id)\n)\n\n";
    report(None, Some(1), vec![running(finding, sql)])
}

/// More findings than GitHub shows, of every weight, in both trees.
fn several() -> Report {
    let mut findings: Vec<Finding> = (1..=12)
        .map(|number| Finding {
            tree: Some("console".into()),
            place: Some(Place {
                file: format!("console/migrations/versions/00{number:02}_x.py").into(),
                line: Some(number),
                source: Some("    op.drop_column(\"t\", \"c\")".into()),
            }),
            ..Finding::new(TRIFLE, format!("worth a look, number {number}"))
        })
        .collect();
    findings.extend(mode_a().findings);
    findings.extend(mode_f().findings);
    let allowed = vec![Finding {
        allowed: Some("the table is empty, see #1778 and @sre".into()),
        ..findings[0].clone()
    }];
    add_notes(&mut findings);
    // One finding about a whole tree, and one without a place.
    findings.push(Finding { tree: Some("raptor".into()), ..Finding::new(TRIFLE, "of the tree") });
    findings.push(Finding::new(TRIFLE, "of no place"));
    let merged = findings[0].clone();
    let revision = |number: u32| Some(format!("{number:04}"));
    findings.extend((1..=8).map(|number| Finding {
        revision: revision(number),
        standing: Standing::Merged,
        ..merged.clone()
    }));
    let place = Some(Place {
        file: "console/migrations/versions/0009_x.py".into(),
        line: Some(3),
        source: None,
    });
    let told = Finding {
        tree: Some("console".into()),
        revision: revision(9),
        place,
        ..Finding::new(MODE_B, "`GRANT` names role `reader`")
    };
    findings.push(Finding { standing: Standing::Disproved, ..told });
    let mut report = report(Some(2), Some(1), findings);
    report.trees[0].stairs = Some(Stairs {
        exact: vec!["0001".into(), "0002".into()],
        wrong: vec!["0003".into()],
        untried: vec![("0004".into(), "time ran out".into())],
        ..Stairs::default()
    });
    Report { allowed, ..report }
}

/// Notes that are shown as one line per code, and further effects of one cause.
fn add_notes(findings: &mut Vec<Finding>) {
    let lines = (1..=12).map(|number| format!("left behind: table t{number}"));
    findings[0].also = lines.collect();
    // A finding in a tree without an operator.
    findings[1].owner = None;
    let place = |number: u32| Place {
        file: format!("console/migrations/versions/00{number:02}_note.py").into(),
        line: Some(number),
        source: None,
    };
    let note = |number: u32, code| Finding {
        tree: Some("console".into()),
        place: Some(place(number)),
        revision: Some(format!("{number:04}")),
        ..Finding::new(code, format!("column order: table t, by revision {number}\nmore"))
    };
    findings.extend((3..=10).map(|number| note(number, &model::code::COLUMN_AT_END)));
    findings.push(note(2, &model::code::NOT_FILLED));
}

fn sick_base() -> Report {
    let skip =
        |name: &&str| Step::skipped((*name).to_owned(), "the gate could not do its work".into());
    let mut sick = report(None, None, Vec::new());
    sick.trees[0].steps = CONSOLE.iter().map(skip).collect();
    sick.trees[1].steps = RAPTOR.iter().map(skip).collect();
    for tree in &mut sick.trees {
        tree.heads.clear();
    }
    let why = "this clone is shallow: `git fetch --unshallow` brings what it lacks";
    let base = Comparison { reason: Some(why.into()), ..Comparison::default() };
    Report { postgres: None, python: Vec::new(), base: Some(base), ..sick }
}

fn sick() -> Report {
    let message = "cannot find Postgres 15\nhint: run `.ci/setup`, or name it with --postgres-bin";
    Report { findings: vec![Finding::new(&code::CANNOT_WORK, message)], ..sick_base() }
}

/// Text of a migration that could be read as markup or commands.
fn hostile() -> Report {
    let message = "::error file=x::y\n##[error]z\n%0A\r\n::add-mask::a\u{1b}[31m<script>alert(1)</script> \
                   ]]> </details> ``` ```` @everyone #1 ![x](https://example.com/x.png) \u{202e}txt.exe \
                   postgresql://u:s3cret@h/db \u{0}\u{8}\u{fffe} | \\ & <!-- -->";
    let mut finding = failed(
        MODE_F,
        RAPTOR[1],
        "0022`|\n::warning::x",
        ("backend_v2/alembic/versions/a, b: c%|`é.py", 3, "x = \"```\" # ::error::<b>"),
        raised("Evil|`Error", message, Some("42P07")),
    );
    if let Some(said) = &mut finding.transcript {
        said.statement = Some("SELECT '```'; -- </details> postgresql://u:s3cret@h/db".into());
        said.output = "  ::stop-commands::x\n##vso[task]\n".repeat(30);
        said.exceptions[0].hint = Some("::debug::\n]]>".into());
    }
    let mut hostile = report(None, Some(1), vec![finding]);
    hostile.trees[1].steps[1].reason = Some(message.to_owned());
    hostile.trees[1].wrong_graph = Some(hostile_graph());
    hostile.trees[1].steps[1].notes = vec!["::error::note".into()];
    hostile
}

fn workflow() -> Report {
    let file = Utf8PathBuf::from(".github/workflows/ci-pr.yml");
    let place = |line, source: &str| {
        Some(Place { file: file.clone(), line: Some(line), source: Some(source.to_owned()) })
    };
    let findings = vec![
        Finding {
            place: place(41, "    continue-on-error: true"),
            edit: Some(Edit {
                file: file.clone(),
                line: 41,
                before: vec!["    continue-on-error: true".into()],
                after: Vec::new(),
            }),
            ..Finding::new(
                &code::CONTINUES_ON_ERROR,
                "job `migration-gate` passes whatever the gate says",
            )
        },
        Finding {
            place: place(60, "        image: postgres:16"),
            allowed: Some("until the runners are moved, see #9".into()),
            ..Finding::new(
                &code::BYPASSED,
                "Postgres is not 15 (MG313): until the runners are moved, see #9",
            )
        },
    ];
    Report {
        workflows: vec![file],
        findings,
        elapsed: Duration::from_millis(4),
        ..Report::default()
    }
}
