//! Round trip of a revision: the schema before its upgrade must be the one after its downgrade.

use anyhow::Result;

use super::context::{ExpectedVersions, StepOutcome, TreeRun};
use analysis::fix::{self, StatementChange, WrongStatement};
use analysis::schema_diff::{
    self, Change, Declaration, Difference, Origin, Sources, compare, describe, describe_apart,
    python_line,
};
use analysis::script::Script;
use model::code::{self, Code, Severity};
use model::finding::{Finding, Place};
use model::schema::Schema;
use model::transcript::{Direction, Statement};
use model::tree::Target;

/// The most differences of one revision that are findings of their own.
const TOLD: usize = 25;

/// What is told of a label that `ADD VALUE` added.
pub(super) const LABEL_STAYS: &str =
    "; Postgres takes no label back: `ADD VALUE IF NOT EXISTS` accepts that it is there";

/// Direction of a comparison.
#[derive(Clone, Copy)]
pub(super) enum ComparedDirection<'a> {
    /// Before the upgrade and after the downgrade, with the schema in between.
    Down(&'a [Schema]),
    /// After the first upgrade and after the second.
    UpAgain,
}

/// Difference of a revision, with its sources.
struct Judged<'a> {
    difference: &'a Difference,
    way: ComparedDirection<'a>,
    declarations: &'a [Declaration],
    sources: Sources<'a>,
    /// The revision, as it is written.
    script: Option<&'a Script>,
    /// Whether the downgrade alone is to blame.
    of_downgrade: bool,
    /// Whether the upgrade dropped it, so that the downgrade adds it again, without values.
    comes_back: bool,
}

impl TreeRun<'_> {
    /// `alembic upgrade head`.
    pub(super) fn upgrade_head(&mut self, seen: &mut Vec<Statement>) -> Result<StepOutcome> {
        self.run_alembic("upgrade", self.context.tree.target.word(), &ExpectedVersions::Heads, seen)
    }

    /// Takes the head down: all parents are expected.
    pub(super) fn downgrade_one(&mut self, seen: &mut Vec<Statement>) -> Result<StepOutcome> {
        if self.context.tree.target == Target::Heads {
            return self.step_down_each(seen);
        }
        if let Some(note) = self.declared_irreversible(&self.head()) {
            // A declared irreversible revision is not taken down: the head stays.
            return Ok(StepOutcome { notes: vec![note.message.clone()], findings: vec![note] });
        }
        let (ways, notes) = self.ways_down();
        let mut outcome = StepOutcome { notes, ..StepOutcome::default() };
        for (number, target) in ways.iter().enumerate() {
            if number > 0 && outcome.findings.is_empty() {
                outcome.findings.extend(self.upgrade_head(seen)?.findings);
            }
            if outcome.findings.is_empty() {
                let went =
                    self.run_alembic("downgrade", target, &ExpectedVersions::ParentsOfHead, seen)?;
                outcome.findings.extend(went.findings);
            }
        }
        Ok(outcome)
    }

    /// The downgrade targets of the head. `-1` is ambiguous below a merge revision: there each
    /// parent is named instead, and a note says so.
    fn ways_down(&self) -> (Vec<String>, Vec<String>) {
        let head = self.head();
        let revisions = self.graph.as_ref().map(|graph| &*graph.revisions).unwrap_or_default();
        let merge = revisions.iter().find(|r| r.revision == head && r.down_revision.len() > 1);
        let Some(merge) = merge else { return (vec!["-1".to_owned()], Vec::new()) };
        let alone = self.applied().map(|applied| applied.ways_alone(&head)).unwrap_or_default();
        if alone.is_empty() {
            return (vec!["-1".to_owned()], Vec::new());
        }
        let note = format!(
            "{head} merges {}: `alembic downgrade -1` says 'Ambiguous walk' there, so the step runs \
             `downgrade {}`",
            merge.down_revision.join(" and "),
            alone.join("`, and again `downgrade ")
        );
        (alone, vec![note])
    }

    /// The head, where there is one.
    pub(super) fn head(&self) -> String {
        self.heads().and_then(|heads| heads.into_iter().next()).unwrap_or_default()
    }

    /// Findings for the differences in each database.
    pub(super) fn judge(
        &self,
        revision: &str,
        expected: &[Schema],
        found: &[Schema],
        way: ComparedDirection<'_>,
    ) -> Vec<Finding> {
        let mut all = Vec::new();
        for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
            let mut findings = self.judge_one(revision, (expected, found), way, index);
            for finding in findings.iter_mut().filter(|_| index > 0) {
                let database = self.name_of_database(index).unwrap_or_default();
                finding.message += &format!(", in database {database}");
                // Which function is that of the database, only a person knows.
                finding.edit = None;
            }
            all.extend(findings);
        }
        all
    }

    fn judge_one(
        &self,
        revision: &str,
        (expected, found): (&Schema, &Schema),
        way: ComparedDirection<'_>,
        index: usize,
    ) -> Vec<Finding> {
        let mut differences = compare(expected, found, &self.alembic.version_table.name);
        if matches!(way, ComparedDirection::Down(_)) {
            let own = |run: &&Statement| run.revision.as_deref() == Some(revision);
            let own: Vec<&Statement> = self.statements.iter().filter(own).collect();
            differences = schema_diff::rename::fold(differences, &own);
        }
        if differences.is_empty() {
            return Vec::new();
        }
        let file = self.file_of(revision);
        let text = file.and_then(|file| std::fs::read_to_string(file).ok());
        let declarations = schema_diff::declared(text.as_deref().unwrap_or_default());
        let sources = Sources {
            root: self.context.root,
            statements: &self.statements,
            revision,
            file: file.zip(text.as_deref()),
        };
        let script = sources
            .file
            .and_then(|(file, text)| Script::read(&self.context.relative(file), text.as_bytes()).0);
        let (declarations, script) = (declarations.as_slice(), script.as_ref());
        let of_downgrade = |difference: &Difference| match way {
            ComparedDirection::Down(between) => between
                .get(index)
                .is_some_and(|held| schema_diff::is_of_downgrade(difference, expected, held)),
            ComparedDirection::UpAgain => false,
        };
        let comes_back = |difference: &Difference| match way {
            ComparedDirection::Down(between) => between
                .get(index)
                .is_some_and(|held| !held.objects().contains_key(&difference.object)),
            ComparedDirection::UpAgain => false,
        };
        let told = differences.iter().take(TOLD).map(|difference| {
            let (of_downgrade, comes_back) = (of_downgrade(difference), comes_back(difference));
            if let Some(done) = self.done_before(difference, script.filter(|_| of_downgrade)) {
                return (done, WrongStatement::None);
            }
            Judged { difference, way, declarations, sources, script, of_downgrade, comes_back }
                .finding()
        });
        let (mut findings, wrong): (Vec<Finding>, Vec<WrongStatement>) = told.unzip();
        if let Some((file, text)) = sources.file {
            let (file, all) = (&self.context.relative(file), differences.len() <= TOLD);
            fix::downgrade(&mut findings, sources.statements, (file, text), (script, wrong), all);
        }
        if let (Some(first), true) = (findings.first_mut(), differences.len() > TOLD) {
            let more = differences.len() - TOLD;
            first.also.push(format!("{more} further differences are not shown"));
        }
        findings
    }

    /// A finding for each object that the environment changed. The statements from `second` on were
    /// run in the other environment, which `elsewhere` describes.
    pub(super) fn judge_environment(
        &self,
        expected: &[Schema],
        found: &[Schema],
        (second, elsewhere): (usize, &str),
    ) -> Vec<Finding> {
        let (here, there) = self.statements.split_at(second.min(self.statements.len()));
        let finding =
            |difference: &Difference| {
                let origin = schema_diff::impure(difference, here, there);
                let revision = origin.as_ref().and_then(|origin| origin.revision.as_deref());
                let place = revision.and_then(|revision| self.file_of(revision)).map(|file| {
                    Place { file: self.context.relative(file), line: None, source: None }
                });
                Finding {
                    revision: origin.and_then(|o| o.revision.clone()),
                    statement: origin.map(|o| o.sql.clone()),
                    place,
                    ..Finding::new(
                        if schema_diff::is_order(difference) {
                            &code::COLUMN_AT_END
                        } else {
                            &code::IMPURE
                        },
                        format!("{}, {elsewhere}", describe_apart(difference)),
                    )
                }
            };
        let own = &self.alembic.version_table.name;
        let each = expected.iter().zip(found);
        let differences: Vec<Difference> =
            each.flat_map(|(expected, found)| compare(expected, found, own)).collect();
        differences.iter().take(TOLD).map(finding).collect()
    }

    /// The note about a revision that says why it cannot be taken back.
    pub(super) fn declared_irreversible(&self, revision: &str) -> Option<Finding> {
        let file = self.file_of(revision)?;
        let text = std::fs::read_to_string(file).ok()?;
        let file = self.context.relative(file);
        let of_file = schema_diff::declared(&text).into_iter().find_map(|d| match d {
            Declaration::Irreversible { reason } => Some(reason),
            _ => None,
        });
        let has_no_way_back = || {
            let (script, _) = Script::read(&file, text.as_bytes());
            let downgrade = script.as_ref().map(|script| &script.body().downgrade);
            downgrade.is_some_and(|down| down.as_ref().is_none_or(|down| down.raises.is_some()))
        };
        let of_tree = || self.context.tree.irreversible.clone().filter(|_| has_no_way_back());
        let reason = of_file.or_else(of_tree)?;
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

/// Whether a statement adds a label to an enum.
fn adds_value(made_by: &str) -> bool {
    made_by.to_uppercase().contains("ADD VALUE")
}

/// Whether a difference is about this attribute.
fn is_attribute(difference: &Difference, name: &str) -> bool {
    matches!(&difference.change, Change::Changed { attribute, .. } if attribute == name)
}

impl Judged<'_> {
    fn finding(&self) -> (Finding, WrongStatement) {
        let Judged { difference, sources, script, of_downgrade, comes_back, .. } = *self;
        let origin = Origin::find(difference, sources);
        let made_by = origin.statement.as_deref().unwrap_or_default();
        let (code, message) = self.name(made_by);
        let (direction, is_down) = match self.way {
            ComparedDirection::Down(_) => (Direction::Downgrade, true),
            ComparedDirection::UpAgain => (Direction::Upgrade, false),
        };
        let is_wrong = is_down && code.severity == Severity::Error;
        // The downgrade need not bring back an object that the upgrade left alone: it must not
        // touch it.
        // NOT NULL alone fails on rows for which the column comes back without values.
        let is_unfilled = comes_back && is_attribute(difference, "nullability")
            || schema_diff::is_made_anew(difference, sources.statements, sources.revision);
        let may_be_due = self.may_have_held_rows() || schema_diff::is_conditional(made_by);
        let lacks = is_wrong && !of_downgrade && !is_unfilled && !may_be_due;
        let lacks = lacks.then(|| python_line(difference, made_by)).flatten();
        let line = script.and_then(|script| schema_diff::line_of_downgrade(difference, script));
        let at = script.zip(line);
        let is_own_fault = is_wrong && of_downgrade;
        let removal = at.filter(|_| is_own_fault);
        let removal = removal.and_then(|(script, line)| StatementChange::removal(script, line));
        // The type that the downgrade gives may hold less than the one that is put back after it.
        let is_type = is_attribute(difference, "type");
        let retyped = at.zip(lacks.as_deref()).filter(|_| is_type);
        let retyped = retyped
            .and_then(|((script, line), right)| StatementChange::of_type(script, line, right));
        let lacks = lacks.filter(|_| retyped.is_none());
        let is_label = is_wrong && schema_diff::adds_labels(difference);
        let kept = script.filter(|_| is_label).and_then(fix::with_labels_kept);
        let line = line.filter(|_| is_own_fault || retyped.is_some());
        let wrong = match removal.or(retyped) {
            Some(change) => WrongStatement::Known(change),
            None if is_own_fault => WrongStatement::Unknown,
            None => WrongStatement::None,
        };
        let mut place =
            origin.file.map(|file| Place { file, line: origin.line, source: origin.source });
        if let (Some(line), Some(place)) = (line, &mut place) {
            let text = sources.file.map(|(_, text)| text).unwrap_or_default();
            place.line = Some(line);
            place.source = text.lines().nth(line as usize - 1).map(str::to_owned);
        }
        let finding = Finding {
            revision: Some(sources.revision.to_owned()),
            direction: Some(direction),
            place,
            statement: origin.statement,
            subject: Some(difference.object.to_string()),
            lacks: lacks.into_iter().collect(),
            edit: kept,
            ..Finding::new(code, message)
        };
        (finding, wrong)
    }

    fn may_have_held_rows(&self) -> bool {
        let Judged { difference, script, .. } = *self;
        script.is_some_and(|script| schema_diff::may_have_held_rows(difference, script))
    }

    /// The code and the message.
    fn name(&self, made_by: &str) -> (&'static Code, String) {
        let Judged { difference, script, of_downgrade, comes_back, .. } = *self;
        let (told, revision) = (describe(difference), self.sources.revision);
        let is_order = schema_diff::is_order(difference);
        if let Some(reason) = self.declarations.iter().find_map(|d| d.excuses(difference)) {
            return (&code::KEPT, format!("{told}: {reason}"));
        }
        if matches!(self.way, ComparedDirection::UpAgain) {
            let code = if is_order { &code::COLUMN_AT_END } else { &code::NOT_REPEATABLE };
            return (code, format!("{told}, after the second upgrade of revision {revision}"));
        }
        if script.is_some_and(|script| schema_diff::is_made_on_condition(difference, script)) {
            let why = "which makes it only where it is missing";
            return (&code::KEPT, format!("{told}, by revision {revision}, {why}"));
        }
        let is_default = matches!(&difference.change, Change::Changed { attribute, expected: None, .. } if attribute == "default");
        if comes_back && is_default {
            let why = "whose rows need a value when it adds the column again";
            return (
                &code::KEPT,
                format!("{told}, by the downgrade of revision {revision}, {why}"),
            );
        }
        // The second upgrade shows whether it finds the constraint under that name.
        let is_name = ["constraint", "sequence"].contains(&difference.object.kind.as_str())
            && matches!(difference.change, Change::Renamed { anew: true, .. });
        let code = match difference.change {
            _ if is_order => &code::COLUMN_AT_END,
            _ if is_name => &code::KEPT,
            _ if schema_diff::is_shared(difference, made_by) => &code::KEPT,
            Change::LeftBehind(_) => &code::REMAINS,
            Change::Missing(_) | Change::Renamed { .. } => &code::NOT_RESTORED,
            Change::Changed { .. } => &code::CHANGED,
        };
        let is_label = schema_diff::adds_labels(difference);
        let alone = match of_downgrade && !is_order {
            true => "; the upgrade left it as it was",
            false if is_name => "; nothing but its name differs",
            false if self.may_have_held_rows() => {
                "; it is made only where it is missing: drop it only if production had none before"
            }
            false if schema_diff::is_conditional(made_by) => {
                "; the upgrade asks first: take it back only where production had it otherwise"
            }
            false if code == &code::CHANGED && is_label && adds_value(made_by) => LABEL_STAYS,
            false => "",
        };
        (code, format!("{told}, by the downgrade of revision {revision}{alone}"))
    }
}
