//! A green report as it is kept. Its structs are its own, so that what is kept changes only on
//! purpose; each field is named where it is taken, so that none is forgotten.

use std::time::{Duration, SystemTime};

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use model::code;
use model::finding::{self, Standing};
use model::report::{self, Comparison, Postgres, Source};
use model::step::{self, Status};
use model::transcript;

#[derive(Serialize, Deserialize)]
pub(super) struct Report {
    elapsed: Duration,
    postgres: String,
    provisioned: bool,
    python: Vec<String>,
    trees: Vec<Tree>,
    base: Option<Base>,
    findings: Vec<Finding>,
    allowed: Vec<Finding>,
}

/// Its revision, commit and reason, and where it has moved to.
type Base = (Option<String>, Option<String>, Option<String>, Vec<String>);

#[derive(Serialize, Deserialize)]
struct Tree {
    tree: String,
    label: String,
    database: String,
    ini: Utf8PathBuf,
    heads: Vec<String>,
    steps: Vec<Step>,
    new_revisions: Vec<String>,
    sql: Vec<Statement>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Step {
    name: String,
    notes: Vec<String>,
    elapsed: Duration,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Statement {
    sql: String,
    revision: Option<String>,
    elapsed: Option<Duration>,
}

#[derive(Serialize, Deserialize)]
struct Finding {
    code: String,
    tree: Option<String>,
    step: Option<String>,
    revision: Option<String>,
    place: Option<(Utf8PathBuf, Option<u32>, Option<String>)>,
    message: String,
    predicted: Option<String>,
    statement: Option<String>,
    lacks: Vec<String>,
    by_hand: Vec<String>,
    allowed: Option<String>,
    merged: bool,
    disproved: bool,
}

impl Report {
    /// What is kept of a report; `None` where something in it is more than that.
    pub(super) fn of(report: &report::Report) -> Option<Report> {
        let report::Report {
            elapsed,
            postgres,
            python,
            trees,
            workflows,
            base,
            findings,
            allowed,
            notes,
            interrupted,
            untouched,
            known_since,
        } = report;
        let plain = workflows.is_empty() && notes.is_empty() && !interrupted && !untouched;
        if !plain || known_since.is_some() {
            return None;
        }
        let Postgres { version, source } = postgres.as_ref()?;
        let provisioned = match source {
            Source::Local => false,
            Source::Provisioned => true,
            Source::Provided => return None,
        };
        Some(Report {
            elapsed: *elapsed,
            postgres: version.clone(),
            provisioned,
            python: python.clone(),
            trees: trees.iter().map(Tree::of).collect::<Option<_>>()?,
            base: base.as_ref().map(|base| {
                let Comparison { rev, commit, reason, moved } = base.clone();
                (rev, commit, reason, moved)
            }),
            findings: findings.iter().map(Finding::of).collect::<Option<_>>()?,
            allowed: allowed.iter().map(Finding::of).collect::<Option<_>>()?,
        })
    }

    /// The report as it was; `None` where a code of it is not known any more.
    pub(super) fn restore(self, since: SystemTime) -> Option<report::Report> {
        let source = if self.provisioned { Source::Provisioned } else { Source::Local };
        Some(report::Report {
            elapsed: self.elapsed,
            postgres: Some(Postgres { version: self.postgres, source }),
            python: self.python,
            trees: self.trees.into_iter().map(Tree::restore).collect(),
            base: self.base.map(|(rev, commit, reason, moved)| Comparison {
                rev,
                commit,
                reason,
                moved,
            }),
            findings: self.findings.into_iter().map(Finding::restore).collect::<Option<_>>()?,
            allowed: self.allowed.into_iter().map(Finding::restore).collect::<Option<_>>()?,
            known_since: Some(since),
            ..report::Report::default()
        })
    }
}

impl Tree {
    fn of(tree: &report::TreeReport) -> Option<Tree> {
        let report::TreeReport {
            tree,
            label,
            database,
            ini,
            heads,
            graph: None,
            wrong_graph: None,
            steps,
            new_revisions,
            sql,
        } = tree
        else {
            return None;
        };
        let sql = sql.iter().map(Statement::of);
        Some(Tree {
            tree: tree.clone(),
            label: label.clone(),
            database: database.clone(),
            ini: ini.clone(),
            heads: heads.clone(),
            steps: steps.iter().map(Step::of).collect::<Option<_>>()?,
            new_revisions: new_revisions.clone(),
            sql: sql.collect(),
        })
    }

    fn restore(self) -> report::TreeReport {
        let sql = self.sql.into_iter().map(Statement::restore);
        report::TreeReport {
            tree: self.tree,
            label: self.label,
            database: self.database,
            ini: self.ini,
            heads: self.heads,
            graph: None,
            wrong_graph: None,
            steps: self.steps.into_iter().map(Step::restore).collect(),
            new_revisions: self.new_revisions,
            sql: sql.collect(),
        }
    }
}

impl Statement {
    pub(super) fn of(statement: &transcript::Statement) -> Statement {
        let transcript::Statement { sql, revision, elapsed } = statement.clone();
        Statement { sql, revision, elapsed }
    }

    pub(super) fn restore(self) -> transcript::Statement {
        let Statement { sql, revision, elapsed } = self;
        transcript::Statement { sql, revision, elapsed }
    }
}

impl Step {
    pub(super) fn of(step: &step::Step) -> Option<Step> {
        let step::Step { name, status: Status::Passed, reason: None, notes, elapsed } = step else {
            return None;
        };
        Some(Step { name: name.clone(), notes: notes.clone(), elapsed: *elapsed })
    }

    pub(super) fn restore(self) -> step::Step {
        let Step { name, notes, elapsed } = self;
        step::Step { name, status: Status::Passed, reason: None, notes, elapsed }
    }
}

impl Finding {
    fn of(finding: &finding::Finding) -> Option<Finding> {
        let finding::Finding {
            code,
            tree,
            step,
            revision,
            place,
            message,
            sev2: None,
            predicted,
            transcript: None,
            statement,
            lacks,
            by_hand,
            edit: None,
            allowed,
            standing,
        } = finding.clone()
        else {
            return None;
        };
        let place = place.map(|finding::Place { file, line, source }| (file, line, source));
        Some(Finding {
            code: code.id.to_owned(),
            tree,
            step,
            revision,
            place,
            message,
            predicted,
            statement,
            lacks,
            by_hand,
            allowed,
            merged: standing == Standing::Merged,
            disproved: standing == Standing::Disproved,
        })
    }

    fn restore(self) -> Option<finding::Finding> {
        let standing = match (self.merged, self.disproved) {
            (true, _) => Standing::Merged,
            (_, true) => Standing::Disproved,
            _ => Standing::Counts,
        };
        let code = *code::ALL.iter().find(|code| code.id == self.code)?;
        let place = self.place.map(|(file, line, source)| finding::Place { file, line, source });
        Some(finding::Finding {
            tree: self.tree,
            step: self.step,
            revision: self.revision,
            place,
            predicted: self.predicted,
            statement: self.statement,
            lacks: self.lacks,
            by_hand: self.by_hand,
            allowed: self.allowed,
            standing,
            ..finding::Finding::new(code, self.message)
        })
    }
}
