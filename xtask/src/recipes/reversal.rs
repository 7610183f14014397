//! Whether a revision is taken back: the schema before its upgrade must be the one after its
//! downgrade, the schema after its first upgrade the one after its second, and what was supplied
//! must still be there.
//!
//! The schema before the head is looked at while `upgrade head` pauses there: it is what the
//! revisions before really made, and the step stays one call to Alembic. Where they are not
//! committed at that moment, because env.py runs all in one transaction, it is not seen.

use anyhow::Result;

use super::beside::Beside;
use super::live::{Live, Outcome};
use super::stairway::ELSEWHERE;
use crate::drivers::postgres::session::{Session, VersionTable};
use crate::drivers::postgres::snapshot::Watch;
use analysis::mend;
use analysis::schema_diff::{
    self, Change, Declaration, Difference, Origin, Scope, Sources, compare, describe,
    describe_apart, python_line,
};
use model::code::{self, Code};
use model::event::timed;
use model::finding::{Finding, Place};
use model::schema::Schema;
use model::supply::{Role, Row};
use model::transcript::Statement;

/// How many differences of one revision are told one by one.
const TOLD: usize = 25;

/// What the steps of a tree leave for those after them.
#[derive(Default)]
pub struct Memory {
    /// The schema before the head's upgrade.
    pub(super) before: Option<Schema>,
    /// The schema at the head.
    pub(super) head: Option<Schema>,
    /// Every statement that was run.
    pub(super) statements: Vec<Statement>,
    /// The rows that were supplied, each with the revision at which it was.
    pub(super) rows: Vec<(String, Row)>,
    /// The revision that the recipe last asked for.
    pub(super) at: String,
    /// The roles that were supplied.
    pub(super) roles: Vec<Role>,
}

impl Memory {
    /// Of a database that stands right before the head, with the schema that it has there.
    pub fn before_head(schema: Option<Schema>) -> Memory {
        Memory { before: schema, ..Memory::default() }
    }
}

/// The schema that is committed, where the version table says that it is what `parents` made.
pub(super) fn committed_schema(
    table: &VersionTable,
    parents: Option<&[String]>,
    watch: &mut Watch<'_>,
) -> Option<Schema> {
    let there = watch.ask(|session| session.alembic_version(table)).ok()?;
    // What a paused transaction holds locked cannot be looked at; that is no error.
    if Some(there.as_slice()) == parents { watch.take().ok() } else { None }
}

/// Which way a comparison went.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Before the upgrade and after the downgrade.
    Down,
    /// After the first upgrade and after the second.
    UpAgain,
}

impl<'a> Live<'a> {
    /// `alembic upgrade head`, and what the schema is then.
    pub(super) fn upgrade_head(&mut self, seen: &mut Vec<Statement>) -> Result<Outcome> {
        self.begin_beside_early();
        let outcome = self.run_alembic("upgrade", "head", self.heads(), seen)?;
        self.was_rightly_early()?;
        if outcome.findings.is_empty() {
            // It waits until the schema has been seen.
            if self.declared_irreversible(&self.head()).is_none() {
                self.alembic.begin("downgrade", &self.one_down())?;
            }
            self.begin_beside();
            self.memory.head = Some(self.schema()?);
        }
        Ok(outcome)
    }

    /// Takes the head down: all parents are expected, and the schema from before.
    pub(super) fn downgrade_one(
        &mut self,
        new_head: bool,
        seen: &mut Vec<Statement>,
    ) -> Result<Outcome> {
        let parents = self.parents_of_head();
        let head = self.head();
        if let Some(note) = self.declared_irreversible(&head) {
            // What the revision says itself is not tried: the head stays as it is.
            return Ok(Outcome { notes: vec![note.message.clone()], findings: vec![note] });
        }
        let target = self.one_down();
        let mut outcome = self.run_alembic("downgrade", &target, parents, seen)?;
        if outcome.findings.is_empty() {
            if self.memory.before.is_none()
                && let Some(parents) = self.parents_of_head()
            {
                // One transaction for all revisions: what the parents make is seen elsewhere.
                self.memory.before = self.schema_before_head(&parents, seen)?;
            }
            // Where the head is tried between the two, on a copy of the database, it cannot be begun.
            if self.memory.before.is_some() && (!new_head || self.is_begun_beside()) {
                self.alembic.begin("upgrade", "head")?;
            }
            if let Some(expected) = &self.memory.before {
                let (found, between) = (self.schema()?, self.memory.head.as_ref());
                let findings = self.judge(&head, expected, &found, between, Way::Down);
                outcome.findings.extend(findings);
            }
            outcome.findings.extend(self.lost_official(&head)?);
        }
        Ok(outcome)
    }

    pub(super) fn is_begun_beside(&self) -> bool {
        self.beside.as_ref().is_some_and(Beside::is_begun)
    }

    /// The head, where there is one.
    pub(super) fn head(&self) -> String {
        self.heads().and_then(|heads| heads.into_iter().next()).unwrap_or_default()
    }

    /// What takes the head down. A merge revision has several ways down, and `-1` means none of them:
    /// there a parent is named instead.
    fn one_down(&self) -> String {
        match self.parents_of_head().as_deref() {
            Some([first, _, ..]) => first.clone(),
            _ => "-1".to_owned(),
        }
    }

    /// `alembic upgrade head` once more: the schema must be the one from before the downgrade. Where
    /// the head alone is new, it is tried on tables with rows first, on a copy, unless that is done
    /// beside.
    pub(super) fn upgrade_head_again(
        &mut self,
        new_head: bool,
        seen: &mut Vec<Statement>,
    ) -> Result<Outcome> {
        let head = self.heads().and_then(|heads| heads.into_iter().next());
        let new_head = head.clone().filter(|_| new_head);
        let is_beside = self.is_begun_beside();
        let mut on_rows = match &new_head {
            Some(head) if !is_beside => self.head_on_rows(head, seen)?,
            _ => Outcome::default(),
        };
        let mut outcome = self.run_alembic("upgrade", "head", self.heads(), seen)?;
        if let (true, Some(expected), Some(head)) =
            (outcome.findings.is_empty(), &self.memory.head, head)
        {
            let found = self.schema()?;
            outcome.findings.extend(self.judge(&head, expected, &found, None, Way::UpAgain));
            outcome.findings.extend(self.lost_official(&head)?);
        }
        if let Some(head) = new_head.filter(|_| is_beside) {
            on_rows = match self.end_beside(&head, seen)? {
                Some(tried) => tried,
                None => self.head_on_rows_elsewhere(&head, seen)?,
            };
        }
        outcome.findings.extend(on_rows.findings);
        outcome.notes.extend(on_rows.notes);
        Ok(outcome)
    }

    /// The schema of the tree's database.
    pub(super) fn schema(&self) -> Result<Schema> {
        timed(self.tell, &self.tree.label, "  looking at the schema", || {
            self.watch.borrow_mut().take()
        })
    }

    /// Findings for what differs. `between` is the schema after the upgrade, where the comparison
    /// is about the downgrade.
    pub(super) fn judge(
        &self,
        revision: &str,
        expected: &Schema,
        found: &Schema,
        between: Option<&Schema>,
        way: Way,
    ) -> Vec<Finding> {
        let scope = self.scope();
        let differences = compare(expected, found, scope);
        if differences.is_empty() {
            return Vec::new();
        }
        let file = self.file_of(revision);
        let text = file.and_then(|file| std::fs::read_to_string(file).ok());
        let declarations = schema_diff::declared(text.as_deref().unwrap_or_default());
        let sources = Sources {
            root: self.root,
            statements: &self.memory.statements,
            revision,
            file: file.zip(text.as_deref()),
        };
        let mut findings: Vec<Finding> = differences
            .iter()
            .take(TOLD)
            .map(|difference| {
                let readded = between
                    .is_some_and(|between| schema_diff::is_readded_column(difference, between));
                finding(difference, readded, way, &declarations, sources)
            })
            .collect();
        if let Some((file, text)) = sources.file {
            let file = file.strip_prefix(self.root).unwrap_or(file);
            mend::downgrade(&mut findings, sources.statements, file, text);
        }
        if differences.len() > TOLD {
            let more = format!("{} further differences are not shown", differences.len() - TOLD);
            let revision = Some(revision.to_owned());
            findings.push(Finding { revision, ..Finding::new(&code::CHANGED, more) });
        }
        findings
    }

    fn scope(&self) -> Scope<'_> {
        Scope {
            version_table: &self.alembic.version_table.name,
            statements: (!self.alone).then_some(&self.memory.statements),
        }
    }

    fn lost_official(&self, revision: &str) -> Result<Vec<Finding>> {
        let rows = self.memory.rows.len();
        self.watch.borrow_mut().ask(|session| self.lost_supplies(revision, session, rows))
    }

    /// A finding for each supply that is gone, of the first so many rows and all roles.
    pub(super) fn lost_supplies(
        &self,
        revision: &str,
        session: &mut Session<'_>,
        rows: usize,
    ) -> Result<Vec<Finding>> {
        let mut gone = Vec::new();
        for (_, row) in self.memory.rows.iter().take(rows) {
            // Where its table is gone or has other columns, so is the row.
            let there = session.value(row.exists).ok().flatten();
            self.interrupt.check()?;
            if there.is_none() {
                // Nor is it where the connection is.
                session.value("SELECT 1")?;
                gone.push(row.name.to_owned());
            }
        }
        for role in &self.memory.roles {
            if session.role(role.name)?.is_none() {
                gone.push(format!("role {}", role.name));
            }
        }
        let finding = |what: String| Finding {
            revision: Some(revision.to_owned()),
            ..Finding::new(
                &code::SUPPLY_LOST,
                format!("the {what} is gone after revision {revision}"),
            )
        };
        Ok(gone.into_iter().map(finding).collect())
    }

    /// A finding for each thing that the environment changed. The statements from `second` on were
    /// run in the other environment.
    pub(super) fn judge_environment(
        &self,
        expected: &Schema,
        found: &Schema,
        second: usize,
    ) -> Vec<Finding> {
        let scope = self.scope();
        let (here, elsewhere) = self.memory.statements.split_at(second);
        let finding = |difference: &Difference| {
            let origin = schema_diff::impure(difference, here, elsewhere);
            let revision = origin.as_ref().and_then(|origin| origin.revision.as_deref());
            let place = revision.and_then(|revision| self.file_of(revision)).map(|file| Place {
                file: file.strip_prefix(self.root).unwrap_or(file).to_owned(),
                line: None,
                source: None,
            });
            Finding {
                revision: origin.and_then(|o| o.revision.clone()),
                statement: origin.map(|o| o.sql.clone()),
                place,
                ..Finding::new(
                    &code::IMPURE,
                    format!("{}, {ELSEWHERE}", describe_apart(difference)),
                )
            }
        };
        compare(expected, found, scope).iter().take(TOLD).map(finding).collect()
    }

    /// The note about a revision that says why it cannot be taken back.
    pub(super) fn declared_irreversible(&self, revision: &str) -> Option<Finding> {
        let file = self.file_of(revision)?;
        let text = std::fs::read_to_string(file).ok()?;
        let reason = schema_diff::declared(&text).into_iter().find_map(|d| match d {
            Declaration::Irreversible { reason } => reason,
            _ => None,
        })?;
        let file = file.strip_prefix(self.root).unwrap_or(file).to_owned();
        Some(Finding {
            revision: Some(revision.to_owned()),
            place: Some(Place { file, line: None, source: None }),
            ..Finding::new(
                &code::IRREVERSIBLE_DECLARED,
                format!("revision {revision} cannot be taken back: {reason}"),
            )
        })
    }
}

fn finding(
    difference: &Difference,
    readded: bool,
    way: Way,
    declarations: &[Declaration],
    sources: Sources<'_>,
) -> Finding {
    let told = describe(difference);
    let reason = declarations.iter().find_map(|d| d.excuses(difference));
    let revision = sources.revision;
    let (code, message): (&'static Code, String) = match (reason, way) {
        (Some(reason), _) => (&code::KEPT, format!("{told}: {reason}")),
        (None, Way::UpAgain) => (
            &code::NOT_REPEATABLE,
            format!("{told}, after the second upgrade of revision {revision}"),
        ),
        (None, Way::Down) => {
            let code = match difference.change {
                _ if readded => &code::COLUMN_AT_END,
                Change::LeftBehind(_) => &code::REMAINS,
                Change::Missing(_) => &code::NOT_RESTORED,
                Change::Changed { .. } => &code::CHANGED,
            };
            (code, format!("{told}, by the downgrade of revision {revision}"))
        }
    };
    let origin = Origin::find(difference, sources);
    let lacks = match way {
        Way::Down if reason.is_none() => python_line(difference).into_iter().collect(),
        _ => Vec::new(),
    };
    Finding {
        revision: Some(revision.to_owned()),
        place: origin.file.map(|file| Place { file, line: origin.line, source: origin.source }),
        statement: origin.statement,
        lacks,
        ..Finding::new(code, message)
    }
}
